"""The headers of object lock: what they ask for, and what is shown of a lock."""

from datetime import UTC, datetime

from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.core import containers, object_locks
from pileus_objectstore.core.access import DELETE_OBJECT, UPDATE_OBJECT
from pileus_objectstore.core.bucket_settings import Setting
from pileus_objectstore.core.object_locks import BYPASS, COMPLIANCE, GOVERNANCE, HOLD, MODE, OFF, ON, UNTIL, LockRules
from pileus_objectstore.core.timestamps import MAX_SHOWN_TIME
from pileus_objectstore.wire.contract import ObjectMeta

MODES, HOLDS = (GOVERNANCE, COMPLIANCE), (ON, OFF)
MODE_HEADER, UNTIL_HEADER = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"
HOLD_HEADER, BYPASS_HEADER = "x-amz-object-lock-legal-hold", "x-amz-bypass-governance-retention"
LOCK = Setting(object_locks.SETTING, LockRules)
MISSING = "Bucket is missing Object Lock Configuration"


def bypass(s3: S3Request, version: str) -> str:
    """What the request may ignore of a version's lock: governance, if it says so and its sender may."""
    if s3.headers.get(BYPASS_HEADER, "").lower() != "true":
        return ""
    action = DELETE_OBJECT.named("s3:BypassGovernanceRetention")
    s3.access.require(action, s3.target if s3.key else s3.container, version)
    return BYPASS


def of_new_object(s3: S3Request) -> dict[str, str]:
    """What is stored with a new object because of x-amz-object-lock-* headers. Raises S3Error."""
    mode, until, hold = (s3.headers.get(name) for name in (MODE_HEADER, UNTIL_HEADER, HOLD_HEADER))
    if mode is None and until is None and hold is None:
        return {}
    if object_locks.rules_of(containers.find(s3.tools, s3.container)) is None:
        raise S3Error("InvalidRequest", MISSING)
    if (mode is None) != (until is None):
        why = f"{UNTIL_HEADER} and {MODE_HEADER} must both be supplied"
        raise S3Error("InvalidArgument", why)
    found: dict[str, str] = {}
    if mode is not None and until is not None:
        if mode not in MODES:
            raise S3Error("InvalidArgument", "Unknown wormMode directive.")
        s3.access.require(UPDATE_OBJECT.named("s3:PutObjectRetention"), s3.target)
        found |= {MODE: mode, UNTIL: parse_time(s3, until)}
    if hold is not None:
        if hold not in HOLDS:
            raise S3Error("InvalidArgument", "Legal Hold must be either of 'ON' or 'OFF'")
        s3.access.require(UPDATE_OBJECT.named("s3:PutObjectLegalHold"), s3.target)
        found[HOLD] = hold
    return found


def shown(meta: ObjectMeta) -> list[tuple[str, str]]:
    """The lock of an object that is read, as headers."""
    found: list[tuple[str, str]] = []
    if meta.headers.get(MODE):
        found += [(MODE_HEADER, meta.headers[MODE]), (UNTIL_HEADER, show_time(meta.headers[UNTIL]))]
    return found + ([(HOLD_HEADER, meta.headers[HOLD])] if meta.headers.get(HOLD) else [])


def parse_time(s3: S3Request, given: str) -> str:
    """A time in ISO 8601 as it is stored. Raises S3Error unless it is in the future, and can be shown again."""
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise S3Error("InvalidArgument", "The retain until date must be provided in ISO 8601 format") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment.timestamp() <= s3.tools.now():
        raise S3Error("InvalidArgument", "The retain until date must be in the future!")
    if moment.timestamp() > MAX_SHOWN_TIME:
        raise S3Error("InvalidArgument", "The retain until date must be before the year 10000")
    return object_locks.write_time(moment.timestamp())


def show_time(stored: str) -> str:
    """A stored time in ISO 8601."""
    return datetime.fromtimestamp(float(stored), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
