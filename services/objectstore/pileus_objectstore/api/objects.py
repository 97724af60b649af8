"""/v1/{account}/{container}/{object}: bytes and what is known about them."""

import mimetypes

from pileus_kit.errors import BadRequest, Conflict, NotFound, PreconditionFailed, TooLarge, Unavailable
from pileus_objectstore.api.exchange import ClientGone, Request, Response, http_date
from pileus_objectstore.api.info import MAX_FILE
from pileus_objectstore.api.reading import find, serve
from pileus_objectstore.api.routes import Calls
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core import metadata, quotas
from pileus_objectstore.core.names import Target
from pileus_objectstore.errors import Unprocessable
from pileus_objectstore.ring.rings import Spot
from pileus_objectstore.rpc.contract import DeleteObject, Info, ObjectReply, PostObject, PutObject, Upstream, timestamp

calls = Calls("object")
NOWHERE = Spot(0, "", ())


@calls.endpoint("GET", policy="objectstore:object:read", acl="read")
def get(tools: Tools, request: Request) -> Response:
    return serve(tools, request, find(tools, request))


@calls.endpoint("HEAD", policy="objectstore:object:read", acl="read")
def head(tools: Tools, request: Request) -> Response:
    return serve(tools, request, find(tools, request))


@calls.endpoint("PUT", policy="objectstore:object:create", acl="write")
def put(tools: Tools, request: Request) -> Response:
    target = request.target
    container = container_of(tools, target)
    size = request.size
    wish = wish_of(tools, request, size)
    room = quotas.check(tools.infos, target, container, size)
    wish.most = min(MAX_FILE, room) if room >= 0 else MAX_FILE
    reply = store(tools, target, wish, request.reader())
    assert reply.meta is not None
    return Response(201, [("Etag", reply.meta.etag), ("Last-Modified", http_date(reply.meta.timestamp))], b"")


@calls.endpoint("POST", policy="objectstore:object:update", acl="write")
def post(tools: Tools, request: Request) -> Response:
    target = request.target
    container_of(tools, target)
    values = metadata.of_object(request.headers)
    if request.header("Content-Type"):
        values["Content-Type"] = request.header("Content-Type")
    due = delete_at(tools, request)
    stamp, rings = timestamp(tools.now()), tools.cluster.rings

    def make(spot: Spot, told: tuple[Upstream, ...]) -> PostObject:
        return PostObject(spot, target.path, stamp, values, told, due)

    reply = tools.cluster.write(
        "post_object", rings.place(*target.names), rings.place(*target.parent.names), ObjectReply, make
    )
    if reply.status == 404:
        raise NotFound(why="The resource could not be found.")
    return Response(reply.status)


@calls.endpoint("DELETE", policy="objectstore:object:delete", acl="write")
def delete(tools: Tools, request: Request) -> Response:
    container_of(tools, request.target)
    reply = remove(tools, request.target)
    if reply.status == 404:
        raise NotFound(why="The resource could not be found.")
    if reply.status == 409:
        raise Conflict(why="There is a newer version of the object.")
    return Response(204)


def remove(tools: Tools, target: Target) -> ObjectReply:
    stamp, rings = timestamp(tools.now()), tools.cluster.rings

    def make(spot: Spot, told: tuple[Upstream, ...]) -> DeleteObject:
        return DeleteObject(spot, target.path, stamp, told)

    return tools.cluster.write(
        "delete_object", rings.place(*target.names), rings.place(*target.parent.names), ObjectReply, make
    )


def store(tools: Tools, target: Target, wish: PutObject, read) -> ObjectReply:  # type: ignore[no-untyped-def]
    """Write an object to a quorum of its replicas. Raises what the client did wrong, or Unavailable."""
    rings = tools.cluster.rings
    reply = tools.cluster.put_object(rings.place(*target.names), rings.place(*target.parent.names), wish, read)
    if reply.status == 201:
        return reply
    raise {
        409: Conflict(why="There is a newer version of the object."),
        412: PreconditionFailed(why="There is such an object already."),
        413: TooLarge(why="The object is too large, or exceeds a quota."),
        422: Unprocessable(why="The body's MD5 is not what the ETag header says."),
        499: ClientGone(),
    }.get(reply.status) or Unavailable(why=reply.why or "The object could not be stored; try again shortly.")


def container_of(tools: Tools, target: Target) -> Info:
    container = tools.infos.get(target.parent) or tools.infos.get(target.parent, fresh=True)
    if container is None:
        raise NotFound(why="The resource could not be found.")
    return container


def wish_of(tools: Tools, request: Request, size: int) -> PutObject:
    """What a PUT asks for, checked before the body is read."""
    if size > MAX_FILE:
        raise TooLarge(why=f"An object may have at most {MAX_FILE} bytes; larger ones are made of segments.")
    none_match = request.header("If-None-Match")
    if none_match and none_match.strip() != "*":
        raise BadRequest(why="If-None-Match only supports *")
    values = metadata.of_object(request.headers)
    values["Content-Type"] = media_of(request)
    manifest = values.get("X-Object-Manifest")
    if manifest:
        container, _, prefix = manifest.lstrip("/").partition("/")
        if not container or not prefix or "?" in manifest or "&" in manifest:
            raise BadRequest(why="X-Object-Manifest must be in the format container/prefix")
    etag = request.header("Etag").strip().strip('"').lower()
    return PutObject(
        NOWHERE,
        request.target.path,
        timestamp(tools.now()),
        values,
        size,
        etag,
        delete_at=delete_at(tools, request),
        fresh=bool(none_match),
    )


def media_of(request: Request) -> str:
    given = request.header("Content-Type")
    if not given or request.header("X-Detect-Content-Type").lower() in ("true", "1", "yes", "on"):
        return mimetypes.guess_type(request.target.object)[0] or "application/octet-stream"
    return given


def delete_at(tools: Tools, request: Request) -> int:
    """Epoch seconds at which the object goes away; 0 for never. Raises BadRequest for the past."""
    after, at = request.header("X-Delete-After"), request.header("X-Delete-At")
    if not after and not at:
        return 0
    try:
        moment = int(tools.now()) + int(after) if after else int(at)
    except ValueError:
        raise BadRequest(why=f"Non-integer X-Delete-{'After' if after else 'At'}") from None
    if moment <= tools.now() or moment > 9_999_999_999:
        raise BadRequest(
            why=f"X-Delete-{'After' if after else 'At'} in past" if moment <= tools.now() else "X-Delete-At too far"
        )
    return moment
