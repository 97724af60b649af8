"""One object on its replicas, as it is stored: without what links, manifests and versions make of it."""

from collections.abc import Iterator, Mapping

import msgspec

from pileus_objectstore.core import coded_heads, object_locks
from pileus_objectstore.core.coded_content import CodedContent
from pileus_objectstore.core.content import Content, ReadableContent, StoredContent
from pileus_objectstore.core.encryption import customer_keys
from pileus_objectstore.core.encryption.customer_keys import CustomerKey
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.requests import Read
from pileus_objectstore.core.timestamps import iso
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_names import VERSION, version_target
from pileus_objectstore.errors import ObjectLocked
from pileus_objectstore.wire.contract import (
    DeleteObject,
    HostReplicas,
    ListingHost,
    ObjectMeta,
    ObjectReply,
    PutObject,
    timestamp,
)

UNPLACED = HostReplicas(0, "", ())  # the cluster replaces it by each host's replicas


def find(tools: Tools, target: Target, newest: bool = False, *, even_expired: bool = False) -> ObjectMeta | None:
    """What is known of an object; None if there is none, or it has expired and the expirer has not deleted it yet.

    `even_expired` finds it in the latter case, too.

    A link to a version is followed: see object_versioning.py.
    """
    meta = tools.cluster.head(tools.cluster.locate(target), newest).meta
    return None if meta is None else current(tools, target, meta, newest, even_expired=even_expired)


def current(
    tools: Tools, target: Target, meta: ObjectMeta, newest: bool = False, *, even_expired: bool = False
) -> ObjectMeta | None:
    """What `meta`, which is stored at `target`, stands for: the version to which it is a link, else itself."""
    if expired(tools, meta) and not even_expired:
        return None
    if VERSION not in meta.headers:
        return meta
    return tools.cluster.head(tools.cluster.locate(version_target(target, meta.headers[VERSION])), newest).meta


def expired(tools: Tools, meta: ObjectMeta) -> bool:
    """Whether the time of X-Delete-At has passed. What is locked doesn't expire."""
    return 0 < meta.delete_at <= (now := tools.now()) and not object_locks.protects(meta, now)


def content_of(tools: Tools, meta: ObjectMeta) -> Content:
    """The bytes of an object in the version that `meta` describes, as they are stored."""
    if coded_heads.is_coded(meta):
        return CodedContent(tools.cluster, tools.cluster.locate(place_of(meta)), meta)
    return StoredContent(tools.cluster, tools.cluster.locate(place_of(meta)), meta)


def readable_content_of(tools: Tools, meta: ObjectMeta, key: CustomerKey | None) -> Content:
    """The same for a reader, whose key decrypts what a client's key encrypts.

    Raises CustomerKeyMissing and CustomerKeyWrong.
    """
    customer_keys.check(meta.headers, key)
    stored = content_of(tools, meta)
    return stored if key is None else ReadableContent(stored, meta, key)


def with_headers(reply: ObjectReply, headers: Mapping[str, str]) -> ObjectReply:
    """The reply to a PUT, with the headers that were stored: storage hosts don't send them back."""
    if reply.meta is None:
        return reply
    meta = msgspec.structs.replace(reply.meta, headers={**headers, **reply.meta.headers})
    return msgspec.structs.replace(reply, meta=meta)


def place_of(meta: ObjectMeta) -> Target:
    """Where an object is stored: of a version that is not the name under which its readers know it."""
    return Target(*meta.name[1:].split("/", 2))


def delete(tools: Tools, target: Target, if_delete_at: int = 0, stamp: str = "", ignored_lock: str = "") -> ObjectReply:
    """Delete an object; with `if_delete_at` only if it expires at that time. The reply's status is the outcome.

    The deletion counts as made at `stamp`, by default now. Raises ObjectLocked, see `object_locks.protects`.
    """
    cluster, stamp = tools.cluster, stamp or timestamp(tools.now())

    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> DeleteObject:
        return DeleteObject(replicas, target.path, stamp, listing_hosts, if_delete_at, ignored_lock)

    reply = cluster.write("delete_object", cluster.locate(target), cluster.locate(target.parent), ObjectReply, make)
    if reply.status == 403:
        raise locked(reply.meta)
    return reply


def locked(meta: ObjectMeta | None) -> ObjectLocked:
    """The refusal to delete a version, or to weaken its retention."""
    until = float((meta.headers.get(object_locks.UNTIL) if meta else "") or 0)
    return ObjectLocked(until=iso(timestamp(until)) if until else "the end of its retention")


def check_lock(tools: Tools, meta: ObjectMeta | None, ignored: str = "") -> None:
    """Raise ObjectLocked if a version, as the newest of all replicas describes it, may not be deleted."""
    if object_locks.protects(meta, tools.now(), ignored):
        raise locked(meta)


def duplicate(
    tools: Tools, source: Target, destination: Target, stamp: str = "", marks: Mapping[str, str] | None = None,
    listed_mark: str = "",
) -> ObjectReply | None:  # fmt: skip
    """Store an exact copy, metadata included; None if there is no source.

    `stamp` is its timestamp, by default now. `marks` are more headers, `listed_mark` more that the listing shows.
    """
    meta = find(tools, source, newest=True)
    if meta is None:
        return None
    request = PutObject(
        UNPLACED, destination.path, stamp or timestamp(tools.now()), {**meta.headers, **(marks or {})}, meta.size,
        meta.etag, delete_at=meta.delete_at, listed_size=meta.listed_size,
        listed_etag="; ".join(text for text in (meta.listed_etag, listed_mark) if text),
    )  # fmt: skip
    return tools.cluster.put_object(destination, request, reader_of(content_of(tools, meta).read(0, meta.size - 1)))


def reader_of(pieces: Iterator[bytes]) -> Read:
    """An iterator of bytes as a body that can be read."""
    held = b""

    def read(max_bytes: int) -> bytes:
        nonlocal held
        data = held or next(pieces, b"")
        held = data[max_bytes:]
        return data[:max_bytes]

    return read
