"""Object lock: a bucket's rules, and the retention and legal hold of versions."""

from xml.etree.ElementTree import Element

from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3 import metadata, objects
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.lock_headers import HOLDS, LOCK, MISSING, MODES, bypass, parse_time, show_time
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core import containers, object_locks, object_versioning
from pileus_objectstore.core import objects as core_objects
from pileus_objectstore.core.access import READ_OBJECT, UPDATE_OBJECT, change_setting, read_setting
from pileus_objectstore.core.object_locks import HOLD, MODE, UNTIL, LockRules
from pileus_objectstore.core.requests import PostRequest
from pileus_objectstore.core.stored_objects import locked
from pileus_objectstore.wire.contract import ObjectMeta

MAX_DAYS, MAX_YEARS = 36_500, 100


def show(s3: S3Request) -> Response:
    """GetObjectLockConfiguration."""
    s3.access.require(read_setting("s3:GetBucketObjectLockConfiguration"), s3.container)
    rules = LOCK.of(containers.get(s3.tools, s3.container))
    if rules is None:
        raise S3Error("ObjectLockConfigurationNotFoundError", BucketName=s3.bucket)
    period = ("Days", rules.days) if rules.days else ("Years", rules.years)
    rule = Node("Rule", Node("DefaultRetention", ("Mode", rules.mode), period)) if rules.mode else None
    return response(Node("ObjectLockConfiguration", ("ObjectLockEnabled", "Enabled"), rule))


def update(s3: S3Request) -> Response:
    """PutObjectLockConfiguration. A bucket with object lock keeps it, and keeps versions, for ever."""
    s3.access.require(change_setting("s3:PutBucketObjectLockConfiguration"), s3.container)
    document = parse(s3.body(), "ObjectLockConfiguration")
    if text(document, "ObjectLockEnabled") != "Enabled":
        raise S3Error("MalformedXML")
    found = document.find("Rule")
    rules = LockRules() if found is None else _rules(found.find("DefaultRetention"))
    if object_versioning.state(containers.get(s3.tools, s3.container)) != object_versioning.ENABLED:
        raise S3Error("InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply Object Lock.")
    LOCK.store(s3.tools, s3.container, rules)
    return Response(200, (), b"", "")


def _rules(retention: Element | None) -> LockRules:
    if retention is None:
        raise S3Error("MalformedXML")
    mode, days, years = text(retention, "Mode"), text(retention, "Days"), text(retention, "Years")
    if mode not in MODES or bool(days) == bool(years):
        raise S3Error("MalformedXML")
    number = parse_whole_number(days or years)
    if not number or number > (MAX_DAYS if days else MAX_YEARS):
        why = f"A default retention has 1 to {MAX_DAYS} days, or 1 to {MAX_YEARS} years."
        raise S3Error("InvalidRetentionPeriod", why)
    return LockRules(mode, days=number) if days else LockRules(mode, years=number)


def show_retention(s3: S3Request) -> Response:
    """GetObjectRetention."""
    meta = _find(s3, "s3:GetObjectRetention")
    if not meta.headers.get(MODE):
        raise S3Error("NoSuchObjectLockConfiguration")
    until = show_time(meta.headers[UNTIL])
    return response(Node("Retention", ("Mode", meta.headers[MODE]), ("RetainUntilDate", until)))


def update_retention(s3: S3Request) -> Response:
    """PutObjectRetention. An empty one ends a retention that may be bypassed."""
    document = parse(s3.body(), "Retention")
    meta, mode = _find(s3, "s3:PutObjectRetention", change=True), text(document, "Mode")
    until = text(document, "RetainUntilDate")
    if bool(mode) != bool(until) or (mode and mode not in MODES):
        raise S3Error("MalformedXML")
    changed = {MODE: mode, UNTIL: parse_time(s3, until) if until else ""}
    ignored = bypass(s3, s3.version)
    if object_locks.weakens(meta.headers, changed, s3.tools.now(), ignored):
        raise locked(meta)
    _change(s3, meta, changed, ignored)
    return Response(200, (), b"", "")


def show_hold(s3: S3Request) -> Response:
    """GetObjectLegalHold."""
    meta = _find(s3, "s3:GetObjectLegalHold")
    if not meta.headers.get(HOLD):
        raise S3Error("NoSuchObjectLockConfiguration")
    return response(Node("LegalHold", ("Status", meta.headers[HOLD])))


def update_hold(s3: S3Request) -> Response:
    """PutObjectLegalHold."""
    status = text(parse(s3.body(), "LegalHold"), "Status")
    meta = _find(s3, "s3:PutObjectLegalHold", change=True)
    if status not in HOLDS:
        raise S3Error("MalformedXML")
    _change(s3, meta, {HOLD: status}, "")
    return Response(200, (), b"", "")


def _find(s3: S3Request, action: str, *, change: bool = False) -> ObjectMeta:
    """The version that a request is about, in a bucket with object lock. Raises S3Error."""
    allowed = (UPDATE_OBJECT if change else READ_OBJECT).named(action)
    s3.access.require(allowed, s3.target, s3.version)
    if object_locks.rules_of(containers.get(s3.tools, s3.container)) is None:
        raise S3Error("InvalidRequest", MISSING)
    return objects.find(s3, s3.target, s3.version, allowed)


def _change(s3: S3Request, meta: ObjectMeta, headers: dict[str, str], ignored: str) -> None:
    kept, expiry = metadata.resent(meta), meta.delete_at
    request = PostRequest(s3.target, kept | headers, expiry, s3.version, keeps_expiry=True, ignored_lock=ignored)
    core_objects.update(s3.tools, request)
