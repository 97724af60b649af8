"""Storing and removing objects: what several calls do."""

from collections.abc import Callable, Iterable, Iterator

from pileus_kit.errors import BadRequest, NotFound, PreconditionFailed, TooLarge, Unavailable
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api.http import ClientGone, Request, Response, http_date
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core.content import Stored
from pileus_objectstore.core.names import Target
from pileus_objectstore.errors import Unprocessable
from pileus_objectstore.wire.contract import (
    DeleteObject,
    HostReplicas,
    ListingHost,
    ListingInfo,
    ObjectMeta,
    ObjectReply,
    PutObject,
    timestamp,
)

Read = Callable[[int], bytes]
LAST = 9_999_999_999  # what is to go away later than this goes away then, as Swift has it
NOWHERE = HostReplicas(0, "", ())  # a spot to be filled in by the cluster


def store(tools: Tools, target: Target, args: PutObject, read: Read) -> ObjectReply:
    """Write an object to a quorum of its replicas. Raises what the client did wrong, or Unavailable.

    Status 409 if a newer version was there already: then this one was replaced before it was seen.
    """
    rings = tools.cluster.rings
    reply = tools.cluster.put_object(rings.placement(*target.names), rings.placement(*target.parent.names), args, read)
    if reply.status in (201, 409):
        return reply
    raise {
        412: PreconditionFailed(why="There is such an object already."),
        413: TooLarge(why="The object is too large, or exceeds a quota."),
        422: Unprocessable(why="The body's MD5 is not what the ETag header says."),
        499: ClientGone(),
    }.get(reply.status) or Unavailable(why=reply.why or "The object could not be stored; try again shortly.")


def stored(reply: ObjectReply, etag: str = "", more: Iterable[tuple[str, str]] = ()) -> Response:
    """The answer to what was stored. 202: accepted, and replaced by something newer at once."""
    if reply.meta is None:
        return Response(202)
    heads = [("Etag", etag or reply.meta.etag), ("Last-Modified", http_date(reply.meta.timestamp))]
    return Response(201, [*heads, *more])


def meta_of(tools: Tools, target: Target, newest: bool = False) -> ObjectMeta | None:
    """What is known of an object; None if there is none, or its time is over: the expirer has only not come yet."""
    meta = tools.cluster.head(tools.cluster.rings.placement(*target.names), newest).meta
    return None if meta is None or expired(tools, meta) else meta


def expired(tools: Tools, meta: ObjectMeta) -> bool:
    return 0 < meta.delete_at <= tools.now()


def remove(tools: Tools, target: Target, if_delete_at: int = 0) -> ObjectReply:
    """`due`: only if the object goes away at that time."""
    stamp, rings = timestamp(tools.now()), tools.cluster.rings

    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> DeleteObject:
        return DeleteObject(replicas, target.path, stamp, listing_hosts, if_delete_at)

    return tools.cluster.write(
        "delete_object", rings.placement(*target.names), rings.placement(*target.parent.names), ObjectReply, make
    )


def duplicate(tools: Tools, source: Target, destination: Target) -> ObjectReply | None:
    """An exact copy, metadata and all, with the time of the copy; None if there is no source."""
    meta = meta_of(tools, source, newest=True)
    if meta is None:
        return None
    content = Stored(tools.cluster, tools.cluster.rings.placement(*source.names), meta)
    args = PutObject(
        NOWHERE, destination.path, timestamp(tools.now()), meta.headers, meta.size, meta.etag,
        delete_at=meta.delete_at, listed_size=meta.listed_size, listed_etag=meta.listed_etag,
    )  # fmt: skip
    return store(tools, destination, args, pieces(content.read(0, meta.size - 1)))


def pieces(source: Iterator[bytes]) -> Callable[[int], bytes]:
    """An iterator as something to read from."""
    held = b""

    def read(max_bytes: int) -> bytes:
        nonlocal held
        data = held or next(source, b"")
        held = data[max_bytes:]
        return data[:max_bytes]

    return read


def container_of(tools: Tools, target: Target) -> ListingInfo:
    container = tools.listing_cache.get(target.parent) or tools.listing_cache.get(target.parent, fresh=True)
    if container is None:
        raise NotFound(why="The resource could not be found.")
    return container


def delete_at(tools: Tools, request: Request) -> int:
    return moment(tools, request.header("X-Delete-After"), request.header("X-Delete-At"))


def moment(tools: Tools, after: str, at: str) -> int:
    """Epoch seconds at which the object goes away; 0 for never. Raises BadRequest for the past."""
    if not after and not at:
        return 0
    name, number = ("X-Delete-After", parse_whole_number(after)) if after else ("X-Delete-At", parse_whole_number(at))
    if number is None:
        raise BadRequest(why=f"Non-integer {name}")
    if_delete_at = int(tools.now()) + number if after else number
    if if_delete_at <= tools.now():
        raise BadRequest(why=f"{name} in past")
    return min(if_delete_at, LAST)
