"""Event notifications of buckets: which events go to which target, and the record that describes an event.

Source: Amazon S3 User Guide, "Event message structure".
"""

from typing import Literal, NamedTuple
from urllib.parse import quote_plus

import msgspec

from pileus_objectstore.core.bucket_settings import Setting
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.timestamps import iso

CREATED, REMOVED = "ObjectCreated", "ObjectRemoved"
EVENTS = frozenset(
    (
        *("ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:Copy", "ObjectCreated:CompleteMultipartUpload"),
        *("ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated", "ObjectTagging:Put", "ObjectTagging:Delete"),
        *("ObjectAcl:Put", "LifecycleExpiration:Delete", "LifecycleExpiration:DeleteMarkerCreated"),
    )
)
KINDS = frozenset(event.partition(":")[0] for event in EVENTS)
MAX_TARGETS = 100  # of a bucket


class Destination(msgspec.Struct, frozen=True, omit_defaults=True):
    """A target, and what goes there: `events` without "s3:", or with the ending `:*`, of keys that begin and end so.

    `kind` tells under which name the client has put it.
    """

    id: str
    arn: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""
    kind: Literal["Topic", "Queue", "CloudFunction"] = "Queue"

    def wants(self, event: str, key: str) -> bool:
        """Whether an event of this name, of an object with this key, goes there."""
        named = event in self.events or f"{event.partition(':')[0]}:*" in self.events
        return named and key.startswith(self.prefix) and key.endswith(self.suffix)


class Notifications(msgspec.Struct, frozen=True):
    """The setting of a bucket."""

    destinations: tuple[Destination, ...]


NOTIFICATION = Setting("Notification", Notifications)


class Event(NamedTuple):
    """What happened to an object. `size` is -1 where it isn't told, `version` '' where none are kept."""

    name: str
    target: Target
    size: int = -1
    etag: str = ""
    version: str = ""


class Circumstances(NamedTuple):
    """When and by whom: a timestamp, the region, the project of the bucket, that of the caller, their address.

    `request` is the id of the caller's request.
    """

    stamp: str
    region: str
    owner: str
    principal: str = ""
    source: str = ""
    request: str = ""


def record_of(event: Event, destination: Destination, when: Circumstances) -> bytes:
    """The message for one target: S3's JSON with one record."""
    shown: dict[str, object] = {"key": quote_plus(event.target.object), "sequencer": _sequencer(when.stamp)}
    if event.size >= 0:
        shown |= {"size": event.size, "eTag": event.etag}
    if event.version:
        shown["versionId"] = event.version
    bucket = event.target.container
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": when.region,
        "eventTime": shown_time(when.stamp),
        "eventName": event.name,
        "userIdentity": {"principalId": when.principal},
        "requestParameters": {"sourceIPAddress": when.source},
        "responseElements": {"x-amz-request-id": when.request, "x-amz-id-2": when.request},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": destination.id,
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": when.owner}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": shown,
        },
    }
    return msgspec.json.encode({"Records": [record]})


def trial_message(bucket: Target, time: str, request: str) -> bytes:
    """The message that a target gets when it is configured."""
    message = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": shown_time(time), "Bucket": bucket.container}
    return msgspec.json.encode({**message, "RequestId": request, "HostId": request})


def shown_time(stamp: str) -> str:
    """A timestamp with milliseconds, as records show it."""
    return f"{iso(stamp)[:-3]}Z"


def _sequencer(stamp: str) -> str:
    """Digits that compare like the order of events of one key."""
    return f"{int(stamp.replace('.', '')):016X}"
