"""Lifecycle rules of a bucket: which objects, versions and uploads end, and when.

As in S3, a day ends at midnight UTC: what has lived N days ends at the first midnight after that. An operator may make
days shorter (option lifecycle_day_s), so that rules can be tried out.
"""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from pileus_objectstore.core.bucket_settings import Setting

DAY_S = 86400
MAX_RULES = 1000
MAX_NUMBER = 2**31 - 1  # of days and bytes that a rule names
Tags = Mapping[str, str]


class Filter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which objects a rule is for: all of it must hold. Sizes are in bytes, -1 for any.

    `joined` and `outside` only tell how the client wrote it: with And, or as the Prefix of the rule itself.
    """

    prefix: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    larger_than: int = -1
    smaller_than: int = -1
    joined: bool = False
    outside: bool = False

    def may_match(self, key: str, size: int) -> bool:
        """Whether an object of that size matches, if its tags do."""
        if self.limited and size >= self.smaller_than:
            return False
        return size > self.larger_than and key.startswith(self.prefix)

    def matches(self, key: str, size: int, tags: Tags) -> bool:
        """Whether an object matches."""
        return self.may_match(key, size) and all(tags.get(name) == value for name, value in self.tags)

    @property
    def limited(self) -> bool:
        """Whether there is an upper limit of the size."""
        return self.smaller_than >= 0


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """One rule. What it doesn't say is 0.

    Objects end after `days`, or at `date` (epoch seconds); `markers`: a delete marker ends once it hides no version.
    Versions end `noncurrent_days` after a newer one replaced them, except the newest `newer_noncurrent` of them.
    Uploads end `abort_days` after they were begun.
    """

    id: str
    enabled: bool = True
    filter: Filter = Filter()
    days: int = 0
    date: int = 0
    markers: bool = False
    noncurrent_days: int = 0
    newer_noncurrent: int = 0
    abort_days: int = 0

    def expires_at(self, created: float, day_s: int) -> float:
        """When an object that was created then ends, in epoch seconds; infinity if the rule doesn't end objects."""
        if self.days:
            return after_days(created, self.days, day_s)
        return self.date or math.inf


class LifecycleRules(msgspec.Struct, frozen=True):
    """The setting of a bucket."""

    rules: tuple[Rule, ...]

    @property
    def active(self) -> list[Rule]:
        """The rules that are carried out."""
        return [rule for rule in self.rules if rule.enabled]


LIFECYCLE = Setting("Lifecycle", LifecycleRules)


class Expiry(NamedTuple):
    """When an object ends, in epoch seconds, and by which rule."""

    at: float
    rule: str


def after_days(since: float, days: int, day_s: int) -> float:
    """The end of the day that is `days` days after a time."""
    return math.ceil((since + days * day_s) / day_s) * day_s


def expiry(rules: Iterable[Rule], key: str, size: int, tags: Tags, created: float, day_s: int) -> Expiry | None:
    """When the first of the rules ends an object; None if none does."""
    found = [Expiry(rule.expires_at(created, day_s), rule.id) for rule in rules if rule.filter.matches(key, size, tags)]
    soonest = min(found, default=None)
    return soonest if soonest is not None and soonest.at < math.inf else None


def may_expire(rules: Iterable[Rule], key: str, size: int, created: float, now: float, day_s: int) -> bool:
    """Whether an object may have ended; what is known from a listing decides, so its tags are still to be asked."""
    return any(rule.filter.may_match(key, size) and rule.expires_at(created, day_s) <= now for rule in rules)
