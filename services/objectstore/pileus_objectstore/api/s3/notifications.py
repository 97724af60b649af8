"""Notification configurations of buckets: put and get.

Source: Amazon S3 API Reference, "PutBucketNotificationConfiguration".
"""

import secrets
from itertools import combinations
from typing import Literal
from xml.etree.ElementTree import Element

from pileus_kit import context
from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.clients.notification_targets import SERVICES, TargetRefused, Targets
from pileus_objectstore.core import event_queues
from pileus_objectstore.core.access import change_setting, read_setting
from pileus_objectstore.core.notifications import (
    EVENTS,
    KINDS,
    MAX_TARGETS,
    NOTIFICATION,
    Destination,
    Notifications,
    trial_message,
)
from pileus_objectstore.wire.contract import timestamp

READ = read_setting("s3:GetBucketNotification")
CHANGE = change_setting("s3:PutBucketNotification")
MAX_ID = 255
KINDS_OF_TARGETS: tuple[Literal["Topic", "Queue", "CloudFunction"], ...] = ("Topic", "Queue", "CloudFunction")


def show(s3: S3Request) -> Response:
    """GetBucketNotificationConfiguration: an empty document if nothing is configured."""
    s3.access.require(READ, s3.container)
    found = NOTIFICATION.load(s3.tools, s3.container, fresh=True)
    nodes = [_node(one) for one in found.destinations] if found is not None else []
    return response(Node("NotificationConfiguration").extend(nodes))


def update(s3: S3Request) -> Response:
    """PutBucketNotificationConfiguration. Each target gets a message that tries it out."""
    s3.access.require(CHANGE, s3.container)
    found = parse_notifications(s3.body())
    targets = Targets(s3.tools.config)
    for destination in found.destinations:
        try:
            targets.find(destination.arn)
        except TargetRefused as e:
            why = f"Unable to validate the following destination configurations: {destination.arn}: {e}"
            raise S3Error("InvalidArgument", why) from None
    if found.destinations:
        event_queues.INDEX.write(s3.tools, s3.container, {})
    NOTIFICATION.store(s3.tools, s3.container, found if found.destinations else None)
    stamp = timestamp(s3.tools.now())
    if s3.headers.get("x-amz-skip-destination-validation", "").lower() != "true":
        for arn in {destination.arn: None for destination in found.destinations}:
            trial = trial_message(s3.container, stamp, context.request_id.get())
            event_queues.append(s3.tools, s3.container, arn, trial, stamp)
    return Response(200, (), b"", "")


def parse_notifications(body: bytes) -> Notifications:
    """Read a configuration. Raises S3Error."""
    document = parse(body, "NotificationConfiguration")
    if document.find("EventBridgeConfiguration") is not None:
        raise S3Error("NotImplemented", "There is no EventBridge; name a topic or a queue.")
    found = [_destination(one, kind) for kind in KINDS_OF_TARGETS for one in document.findall(f"{kind}Configuration")]
    if len(found) != len(document) or len(found) > MAX_TARGETS:
        raise S3Error("MalformedXML")
    if len({one.id for one in found}) != len(found):
        raise S3Error("InvalidArgument", "Same ID used for multiple configurations. IDs must be unique")
    if any(_overlap(one, other) for one, other in combinations(found, 2)):
        why = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
        raise S3Error("InvalidArgument", why)
    return Notifications(tuple(found))


def _destination(one: Element, kind: Literal["Topic", "Queue", "CloudFunction"]) -> Destination:
    name, arn = text(one, "Id"), text(one, kind).strip()
    events = tuple(element.text.strip().removeprefix("s3:") for element in one.findall("Event") if element.text)
    if not arn or not events or len(name) > MAX_ID or len(arn) > 2048:
        raise S3Error("MalformedXML")
    if f":{SERVICES[kind]}:" not in arn:
        raise S3Error("InvalidArgument", "The ARN is not well formed")
    for event in events:
        if event not in EVENTS and not (event.endswith(":*") and event[:-2] in KINDS):
            raise S3Error("InvalidArgument", f"The event is not supported for notifications: s3:{event}")
    prefix, suffix = _filters(one)
    return Destination(name or secrets.token_hex(16), arn, events, prefix, suffix, kind)


def _filters(one: Element) -> tuple[str, str]:
    """(prefix, suffix)."""
    found: dict[str, str] = {}
    for rule in one.findall("Filter/S3Key/FilterRule"):
        name, value = text(rule, "Name").strip().lower(), text(rule, "Value")
        if name not in ("prefix", "suffix"):
            raise S3Error("InvalidArgument", "filter rule name must be either prefix or suffix")
        if name in found:
            raise S3Error("InvalidArgument", f"Cannot specify more than one {name} rule in a filter.")
        if len(value.encode()) > 1024:
            raise S3Error("InvalidArgument", "Size of filter rule value cannot exceed 1024 bytes")
        found[name] = value
    return found.get("prefix", ""), found.get("suffix", "")


def _overlap(one: Destination, other: Destination) -> bool:
    """Whether one event could go to both."""
    if not any(_covers(left, right) or _covers(right, left) for left in one.events for right in other.events):
        return False
    prefixes = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    return prefixes and (one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix))


def _covers(wide: str, event: str) -> bool:
    return wide == event or (wide.endswith(":*") and event.partition(":")[0] == wide[:-2])


def _node(one: Destination) -> Node:
    rules = [("prefix", one.prefix)] if one.prefix else []
    rules += [("suffix", one.suffix)] if one.suffix else []
    key = Node("S3Key").extend(Node("FilterRule", ("Name", name), ("Value", value)) for name, value in rules)
    node = Node(f"{one.kind}Configuration", ("Id", one.id), (one.kind, one.arn))
    node.extend(("Event", f"s3:{event}") for event in one.events)
    return node.add(Node("Filter", key) if rules else None)
