"""One object on its replicas, as it is stored: without what links, manifests and versions make of it."""

from collections.abc import Iterator

from pileus_objectstore.core.content import StoredContent
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.requests import Read
from pileus_objectstore.core.tools import Tools
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


def find(tools: Tools, target: Target, newest: bool = False) -> ObjectMeta | None:
    """What is known of an object; None if there is none, or it has expired and the expirer has not deleted it yet."""
    meta = tools.cluster.head(tools.cluster.locate(target), newest).meta
    return None if meta is None or expired(tools, meta) else meta


def expired(tools: Tools, meta: ObjectMeta) -> bool:
    """Whether the time of X-Delete-At has passed."""
    return 0 < meta.delete_at <= tools.now()


def content_of(tools: Tools, target: Target, meta: ObjectMeta) -> StoredContent:
    """The bytes of an object in the version that `meta` describes."""
    return StoredContent(tools.cluster, tools.cluster.locate(target), meta)


def delete(tools: Tools, target: Target, if_delete_at: int = 0) -> ObjectReply:
    """Delete an object; with `if_delete_at` only if it expires at that time. The reply's status is the outcome."""
    stamp, cluster = timestamp(tools.now()), tools.cluster

    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> DeleteObject:
        return DeleteObject(replicas, target.path, stamp, listing_hosts, if_delete_at)

    return cluster.write("delete_object", cluster.locate(target), cluster.locate(target.parent), ObjectReply, make)


def duplicate(tools: Tools, source: Target, destination: Target) -> ObjectReply | None:
    """Store an exact copy, metadata included, with the present time as its timestamp; None if there is no source."""
    meta = find(tools, source, newest=True)
    if meta is None:
        return None
    request = PutObject(
        UNPLACED, destination.path, timestamp(tools.now()), meta.headers, meta.size, meta.etag,
        delete_at=meta.delete_at, listed_size=meta.listed_size, listed_etag=meta.listed_etag,
    )  # fmt: skip
    return tools.cluster.put_object(
        destination, request, reader_of(content_of(tools, source, meta).read(0, meta.size - 1))
    )


def reader_of(pieces: Iterator[bytes]) -> Read:
    """An iterator of bytes as a body that can be read."""
    held = b""

    def read(max_bytes: int) -> bytes:
        nonlocal held
        data = held or next(pieces, b"")
        held = data[max_bytes:]
        return data[:max_bytes]

    return read
