"""Lifecycle configurations of buckets: put, get, delete, and the header x-amz-expiration.

Source: Amazon S3 User Guide, "Lifecycle configuration elements".
"""

import re
import secrets
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote
from xml.etree.ElementTree import Element

from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.http import Response, http_date
from pileus_objectstore.api.s3 import metadata
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core import lifecycle_index
from pileus_objectstore.core.access import change_setting, read_setting
from pileus_objectstore.core.lifecycle import LIFECYCLE, MAX_NUMBER, MAX_RULES, Filter, LifecycleRules, Rule, expiry
from pileus_objectstore.core.timestamps import MAX_SHOWN_TIME
from pileus_objectstore.wire.contract import ObjectMeta, timestamp

READ = read_setting("s3:GetLifecycleConfiguration")
CHANGE = change_setting("s3:PutLifecycleConfiguration")
MAX_ID = 255
MAX_NEWER_VERSIONS = 100
MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)(?:T00:00:00(?:\.0+)?(?:Z|\+00:00))?")
TRANSITIONS = ("Transition", "NoncurrentVersionTransition")
DELETE_AT_RULE = "swift-object-expiration"  # what Swift calls the end of an object by its own X-Delete-At
ACTIONS = ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")


def show(s3: S3Request) -> Response:
    """GetBucketLifecycleConfiguration."""
    s3.access.require(READ, s3.container)
    found = LIFECYCLE.load(s3.tools, s3.container, fresh=True)
    if found is None:
        raise S3Error("NoSuchLifecycleConfiguration", BucketName=s3.bucket)
    return response(Node("LifecycleConfiguration").extend(_rule_node(rule) for rule in found.rules))


def update(s3: S3Request) -> Response:
    """PutBucketLifecycleConfiguration."""
    s3.access.require(CHANGE, s3.container)
    rules = parse_rules(s3.body())
    lifecycle_index.enter(s3.tools, s3.container)
    LIFECYCLE.store(s3.tools, s3.container, rules)
    return Response(200, (), b"", "")


def delete(s3: S3Request) -> Response:
    """DeleteBucketLifecycle."""
    s3.access.require(CHANGE, s3.container)
    LIFECYCLE.store(s3.tools, s3.container, None)
    return Response(204, (), b"", "")


def expiration_header(s3: S3Request, meta: ObjectMeta) -> list[tuple[str, str]]:
    """The header that tells when an object ends and by which rule; none if nothing ends it."""
    own = [(float(meta.delete_at), DELETE_AT_RULE)] if meta.delete_at else []
    ends = own + _end_by_rule(s3, meta)
    if not ends:
        return []
    moment, rule = min(ends)
    return [("x-amz-expiration", f'expiry-date="{http_date(timestamp(moment))}", rule-id="{quote(rule)}"')]


def _end_by_rule(s3: S3Request, meta: ObjectMeta) -> list[tuple[float, str]]:
    rules = LIFECYCLE.load(s3.tools, s3.container)
    if rules is None:
        return []
    tags = dict(parse_qsl(meta.headers.get(metadata.TAGGING, ""), keep_blank_values=True))
    size = meta.size if meta.listed_size < 0 else meta.listed_size
    day_s = s3.tools.config.lifecycle_day_s
    found = expiry(rules.active, s3.key, size, tags, float(meta.timestamp), day_s)
    return [(found.at, found.rule)] if found is not None and found.at <= MAX_SHOWN_TIME else []


def parse_rules(body: bytes) -> LifecycleRules:
    """Read a configuration. Raises S3Error."""
    document = parse(body, "LifecycleConfiguration")
    found = document.findall("Rule")
    if not found or len(found) > MAX_RULES or len(found) != len(document):
        raise S3Error("MalformedXML")
    rules = tuple(_rule(one) for one in found)
    if len({rule.id for rule in rules}) != len(rules):
        raise S3Error("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule")
    return LifecycleRules(rules)


def _rule(rule: Element) -> Rule:
    if any(rule.find(name) is not None for name in TRANSITIONS):
        raise S3Error("NotImplemented", "There is one storage class, STANDARD, so nothing can move to another.")
    name, status = text(rule, "ID"), text(rule, "Status")
    if len(name) > MAX_ID:
        raise S3Error("InvalidArgument", f"ID length should not exceed allowed limit of {MAX_ID}")
    if status not in ("Enabled", "Disabled") or any(len(rule.findall(one)) > 1 for one in ("Filter", *ACTIONS)):
        raise S3Error("MalformedXML")
    which = _filter(rule)
    expiration, noncurrent, uploads = (rule.find(action) for action in ACTIONS)
    if expiration is None and noncurrent is None and uploads is None:
        raise S3Error("InvalidRequest", "At least one action needs to be specified in a rule.")
    days, date, markers = _expiration(expiration, which)
    noncurrent_days, newer = _noncurrent(noncurrent)
    return Rule(
        name or secrets.token_hex(24),
        status == "Enabled",
        which,
        days,
        date,
        markers,
        noncurrent_days,
        newer,
        _abort_days(uploads, which),
    )


def _filter(rule: Element) -> Filter:
    inside, prefix = rule.find("Filter"), rule.find("Prefix")
    if (inside is None) == (prefix is None):
        raise S3Error("MalformedXML")
    if inside is None:
        return Filter(text(rule, "Prefix"), outside=True)
    if not len(inside):
        return Filter()
    joined = inside.find("And")
    if len(inside) != 1 or (joined is not None and not len(joined)):
        raise S3Error("MalformedXML")
    where = inside if joined is None else joined
    tags = tuple((text(tag, "Key"), text(tag, "Value")) for tag in where.findall("Tag"))
    metadata.check_tags(list(tags))
    larger, smaller = _size(where, "ObjectSizeGreaterThan"), _size(where, "ObjectSizeLessThan")
    if 0 <= smaller <= larger + 1:
        raise S3Error("InvalidRequest", "'ObjectSizeGreaterThan' has to be a value less than 'ObjectSizeLessThan'.")
    known = len(tags) + (larger >= 0) + (smaller >= 0) + len(where.findall("Prefix"))
    if known != len(where):
        raise S3Error("MalformedXML")
    return Filter(text(where, "Prefix"), tags, larger, smaller, joined=joined is not None)


def _size(where: Element, name: str) -> int:
    if where.find(name) is None:
        return -1
    number = parse_whole_number(text(where, name).strip())
    if number is None or number > 1 << 50:
        raise S3Error("InvalidArgument", f"'{name}' should be a nonnegative number of bytes.")
    return number


def _expiration(action: Element | None, which: Filter) -> tuple[int, int, bool]:
    """(days, date in epoch seconds, whether lonely delete markers end)."""
    if action is None:
        return 0, 0, False
    if len(action) != 1:
        raise S3Error("MalformedXML")
    if action.find("Days") is not None:
        return _days(action, "Days", "Expiration"), 0, False
    if action.find("Date") is not None:
        return 0, _date(text(action, "Date").strip()), False
    marker = text(action, "ExpiredObjectDeleteMarker").strip().lower()
    if marker not in ("true", "false"):
        raise S3Error("MalformedXML")
    if which.tags:
        raise S3Error("InvalidRequest", "ExpiredObjectDeleteMarker cannot be specified with Tag.")
    return 0, 0, marker == "true"


def _noncurrent(action: Element | None) -> tuple[int, int]:
    """(days, how many versions are kept)."""
    if action is None:
        return 0, 0
    newer = 0
    if action.find("NewerNoncurrentVersions") is not None:
        number = parse_whole_number(text(action, "NewerNoncurrentVersions").strip())
        if number is None or not 1 <= number <= MAX_NEWER_VERSIONS:
            why = f"'NewerNoncurrentVersions' must be between 1 and {MAX_NEWER_VERSIONS}."
            raise S3Error("InvalidArgument", why)
        newer = number
    if action.find("NoncurrentDays") is None:
        raise S3Error("MalformedXML")
    return _days(action, "NoncurrentDays", "NoncurrentVersionExpiration"), newer


def _abort_days(action: Element | None, which: Filter) -> int:
    if action is None:
        return 0
    if which.tags or which.larger_than >= 0 or which.limited:
        raise S3Error("InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Tags or sizes.")
    return _days(action, "DaysAfterInitiation", "AbortIncompleteMultipartUpload")


def _days(action: Element, name: str, of: str) -> int:
    given = text(action, name).strip()
    number = parse_whole_number(given)
    if number is None and not given.lstrip("-").isdecimal():
        raise S3Error("MalformedXML")
    if number is None or not 1 <= number <= MAX_NUMBER:
        raise S3Error("InvalidArgument", f"'{name}' for {of} action must be a positive integer")
    return number


def _date(given: str) -> int:
    match = MIDNIGHT.fullmatch(given)
    if match is None:
        raise S3Error("InvalidArgument", "'Date' must be at midnight GMT")
    try:
        return int(datetime.fromisoformat(match.group(1)).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise S3Error("InvalidArgument", "'Date' is not a date") from None


def _rule_node(rule: Rule) -> Node:
    expiration = None
    if rule.days:
        expiration = Node("Expiration", ("Days", rule.days))
    elif rule.date:
        expiration = Node("Expiration", ("Date", f"{datetime.fromtimestamp(rule.date, UTC):%Y-%m-%d}T00:00:00.000Z"))
    elif rule.markers:
        expiration = Node("Expiration", ("ExpiredObjectDeleteMarker", True))
    newer = ("NewerNoncurrentVersions", rule.newer_noncurrent) if rule.newer_noncurrent else None
    return Node(
        "Rule",
        ("ID", rule.id),
        _filter_node(rule.filter),
        ("Status", "Enabled" if rule.enabled else "Disabled"),
        expiration,
        Node("NoncurrentVersionExpiration", ("NoncurrentDays", rule.noncurrent_days), newer)
        if rule.noncurrent_days
        else None,
        Node("AbortIncompleteMultipartUpload", ("DaysAfterInitiation", rule.abort_days)) if rule.abort_days else None,
    )


def _filter_node(which: Filter) -> Node | tuple[str, object]:
    if which.outside:
        return ("Prefix", which.prefix)
    nothing = not which.tags and which.larger_than < 0 and not which.limited and not which.joined
    shown: list[Node | tuple[str, object]] = [("Prefix", which.prefix)] if which.prefix or nothing else []
    shown += [Node("Tag", ("Key", key), ("Value", value)) for key, value in which.tags]
    shown += [("ObjectSizeGreaterThan", which.larger_than)] if which.larger_than >= 0 else []
    shown += [("ObjectSizeLessThan", which.smaller_than)] if which.limited else []
    return Node("Filter", Node("And", *shown)) if which.joined else Node("Filter", *shown)
