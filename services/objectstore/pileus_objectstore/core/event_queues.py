"""Events that wait for their targets: durable, in the order in which they happened, for each target of a bucket.

A queue is a part of a container beside the bucket: an object `TARGET/TIME-NUMBER` holds one message. It is stored on a
quorum of disks before the client gets the answer to what it has done, and deleted when the target has the message.
"""

import hashlib
import itertools
import logging
import secrets
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from pileus_kit import decoding
from pileus_objectstore.core import containers, listing, stored_objects
from pileus_objectstore.core.bucket_index import BucketIndex
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.notifications import (
    CREATED,
    NOTIFICATION,
    REMOVED,
    Circumstances,
    Destination,
    Event,
    record_of,
)
from pileus_objectstore.core.symlinks import SLO_ETAG
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_names import NULL, RESERVED, id_of
from pileus_objectstore.wire.contract import ListingInfo, ObjectReply, PutObject, timestamp

log = logging.getLogger(__name__)
QUEUES = f"{RESERVED}events{RESERVED}"
INDEX = BucketIndex("notifications")
SHOWN_ETAGS = ("X-Object-Sysmeta-S3-Etag", SLO_ETAG)
MAX_WAITING = 1_000_000  # events of one bucket; more of them are dropped, and the log says so
NAME_DIGITS = 16
_numbers = itertools.count(secrets.randbelow(1 << 20))


class Origin(NamedTuple):
    """Who has sent the request that this thread answers: their project and address, and the request's id."""

    principal: str = ""
    source: str = ""
    request: str = ""


NOBODY = Origin()
origin: ContextVar[Origin] = ContextVar("origin", default=NOBODY)


class Message(msgspec.Struct):
    """What is stored: where it goes, and the document."""

    arn: str
    document: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in a queue, and when it came there, in epoch seconds."""

    place: Target
    since: float


def created(tools: Tools, target: Target, stored: PutObject, reply: ObjectReply, how: str) -> None:
    """Tell the targets of a bucket that an object was stored: by `how`, such as "Put". Raises Unavailable."""
    if reply.meta is None:
        return
    etag = next((stored.headers[name] for name in SHOWN_ETAGS if name in stored.headers), reply.meta.etag)
    size = stored.listed_size if stored.listed_size >= 0 else reply.meta.size
    version = id_of(reply.meta)
    _raise_event(tools, Event(f"{CREATED}:{how}", target, size, etag, "" if version == NULL else version))


def removed(tools: Tools, target: Target, version: str, *, marker: bool, of: str = REMOVED) -> None:
    """Tell them that an object or a version was deleted, or hidden by a delete `marker`. Raises Unavailable."""
    how = "DeleteMarkerCreated" if marker else "Delete"
    _raise_event(tools, Event(f"{of}:{how}", target, version="" if version == NULL else version))


def changed(tools: Tools, target: Target, name: str) -> None:
    """Tell them that what belongs to an object has changed: `name` is that of the event. Raises Unavailable."""
    _raise_event(tools, Event(name, target))


def _raise_event(tools: Tools, event: Event) -> None:
    """Store the messages of an event."""
    wanted = destinations(tools.listing_cache.get(event.target.parent), event.name, event.target.object)
    if not wanted:
        return
    stamp = timestamp(tools.now())
    owner = event.target.account.removeprefix(tools.config.account_prefix)
    for destination in wanted:
        document = record_of(event, destination, Circumstances(stamp, tools.config.region, owner, *origin.get()))
        append(tools, event.target.parent, destination.arn, document, stamp)


def destinations(info: ListingInfo | None, name: str, key: str) -> list[Destination]:
    """The targets of a bucket that an event goes to."""
    found = NOTIFICATION.of(info)
    return [one for one in found.destinations if one.wants(name, key)] if found is not None else []


def append(tools: Tools, bucket: Target, arn: str, document: bytes, stamp: str) -> None:
    """Store a message. Raises Unavailable."""
    holder = container_of(bucket)
    info = tools.listing_cache.get(holder)
    if info is None:
        containers.create(tools, None, holder, {})
    elif info.count >= MAX_WAITING:
        log.error("%s has %d events waiting; this one is dropped: %s", bucket, info.count, arn)
        return
    queue = hashlib.sha256(arn.encode()).hexdigest()[:NAME_DIGITS]
    name = f"{queue}/{stamp}-{next(_numbers) % 10**9:09}-{secrets.token_hex(4)}"
    place = Target(holder.account, holder.container, name)
    data = msgspec.json.encode(Message(arn, msgspec.Raw(document)))
    request = PutObject(stored_objects.UNPLACED, place.path, stamp, {"Content-Type": "application/json"}, len(data))
    tools.cluster.put_object(place, request, stored_objects.reader_of(iter([data])))


def queues(tools: Tools, bucket: Target) -> list[str]:
    """The names of a bucket's queues that aren't empty."""
    query = ListingQuery(limit=listing.MAX_ROWS, delimiter="/")
    return [entry.name for entry in listing.fetch(tools, container_of(bucket), query)[1] if entry.is_group]


def waiting(tools: Tools, bucket: Target, queue: str, limit: int) -> list[Waiting]:
    """The oldest messages of a queue."""
    holder = container_of(bucket)
    page = listing.fetch(tools, holder, ListingQuery(limit=limit, prefix=queue))[1]
    return [Waiting(Target(holder.account, holder.container, row.name), float(row.timestamp)) for row in page]


def read(tools: Tools, message: Waiting) -> Message | None:
    """A message; None if it is gone."""
    meta = stored_objects.find(tools, message.place)
    if meta is None:
        return None
    pieces: Iterator[bytes] = stored_objects.content_of(tools, meta).read(0, meta.size - 1)
    return decoding.decode(b"".join(pieces), Message)


def remove(tools: Tools, message: Waiting) -> None:
    """Remove a message that was delivered, or is too old."""
    stored_objects.delete(tools, message.place)


def container_of(bucket: Target) -> Target:
    """The container that holds the queues of a bucket."""
    return Target(bucket.account, f"{QUEUES}{bucket.container}")
