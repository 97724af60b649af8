"""Object lock: until when, and against whom, a version is protected from deletion.

The rule is here, without any storage, because two ask it: the core before it deletes, and each storage host next to the
data. So nothing that a client or a daemon sends ends a locked version: not Swift's API, an expiry, or a lifecycle rule.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from pileus_kit import decoding
from pileus_objectstore.wire.contract import ListingInfo, ObjectMeta

MODE = "X-Object-Sysmeta-S3-Lock-Mode"
UNTIL = "X-Object-Sysmeta-S3-Lock-Until"  # epoch seconds
HOLD = "X-Object-Sysmeta-S3-Lock-Hold"
HEADERS = frozenset({MODE, UNTIL, HOLD})  # storage hosts read them, so they are never sealed
GOVERNANCE, COMPLIANCE = "GOVERNANCE", "COMPLIANCE"
ON, OFF = "ON", "OFF"
SETTING = "Object-Lock"
HEADER = f"X-Container-Sysmeta-S3-{SETTING}"
BYPASS = "governance"  # what a caller with the right to it may ignore
OURS = "ours"  # the store keeps the version under another name, or takes it back before any answer
DAY_S = 86400
MAX_YEAR = 9999


class LockRules(msgspec.Struct, frozen=True, omit_defaults=True):
    """The setting of a bucket with object lock: what new versions get that name no retention of their own."""

    mode: str = ""
    days: int = 0
    years: int = 0


def rules_of(container: ListingInfo | None) -> LockRules | None:
    """The setting in a container's head; None if it has no object lock."""
    text = container.value(HEADER) if container is not None else ""
    return _decode(text) if text else None


@lru_cache(256)
def _decode(text: str) -> LockRules:
    return decoding.decode(text, LockRules)


def default_headers(rules: LockRules | None, headers: Mapping[str, str], now: float) -> dict[str, str]:
    """The retention that a new version gets because its headers name none."""
    if rules is None or not rules.mode or MODE in headers:
        return {}
    return {MODE: rules.mode, UNTIL: write_time(_end_of(rules, now))}


def _end_of(rules: LockRules, now: float) -> float:
    if rules.days:
        return now + rules.days * DAY_S
    moment = datetime.fromtimestamp(now, UTC)
    year = min(moment.year + rules.years, MAX_YEAR)
    leap_day = (moment.month, moment.day) == (2, 29)
    return moment.replace(year=year, day=28 if leap_day else moment.day).timestamp()


def write_time(moment: float) -> str:
    """A time as it is stored."""
    return f"{moment:.3f}"


def retained(headers: Mapping[str, str], now: float) -> str:
    """The mode of a retention that holds at that time; '' if none does."""
    return headers.get(MODE, "") if float(headers.get(UNTIL) or 0) > now else ""


def protects(meta: ObjectMeta | None, now: float, ignored: str = "") -> bool:
    """Whether a version may not be deleted. `ignored` is BYPASS or OURS, or ''."""
    if meta is None or ignored == OURS or not (UNTIL in meta.headers or HOLD in meta.headers):
        return False
    mode = retained(meta.headers, now)
    return meta.headers.get(HOLD) == ON or mode == COMPLIANCE or (mode == GOVERNANCE and ignored != BYPASS)


def weakens(old: Mapping[str, str], new: Mapping[str, str], now: float, ignored: str = "") -> bool:
    """Whether a change of metadata would end a retention sooner, or change its mode."""
    mode = retained(old, now)
    if not mode or (mode == GOVERNANCE and ignored == BYPASS):
        return False
    return new.get(MODE) != mode or float(new.get(UNTIL) or 0) < float(old[UNTIL])
