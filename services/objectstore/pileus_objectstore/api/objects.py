"""/v1/{account}/{container}/{object}: bytes and what is known about them."""

import mimetypes

from pileus_kit.errors import BadRequest, Conflict, NotFound, PreconditionFailed, TooLarge
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api import archives, bulk, copies, large, manifests, reading, symlinks, temp_urls, versions
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.info import MAX_FILE
from pileus_objectstore.api.routes import Calls
from pileus_objectstore.api.storing import NOWHERE, container_of, delete_at, pieces, remove, stored
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core import metadata, quotas
from pileus_objectstore.errors import Unprocessable
from pileus_objectstore.wire.contract import HostReplicas, ListingHost, ObjectReply, PostObject, PutObject, timestamp

calls = Calls("object")


@calls.endpoint("GET", policy="objectstore:object:read", acl="read")
def get(tools: Tools, request: Request) -> Response:
    return temp_urls.dress(request, reading.serve(tools, request))


@calls.endpoint("HEAD", policy="objectstore:object:read", acl="read")
def head(tools: Tools, request: Request) -> Response:
    return temp_urls.dress(request, reading.serve(tools, request))


@calls.endpoint("COPY", policy="objectstore:object:read", acl="read")
def copy(tools: Tools, request: Request) -> Response:
    return copies.copy_to(tools, request)


@calls.endpoint("PUT", policy="objectstore:object:create", acl="write")
def put(tools: Tools, request: Request) -> Response:
    if "X-Copy-From" in request.headers:
        return copies.copy_from(tools, request)
    if "extract-archive" in request.query:
        return archives.extract(tools, request)
    if request.query.get("multipart-manifest") == "put":
        return put_manifest(tools, request)
    target = request.target
    container = container_of(tools, target)
    size = request.size
    args = wish_of(tools, request, size)
    link = symlinks.headers_of(tools, request, size)
    args.headers |= link
    args.listed_etag = symlinks.listed(link)
    room = quotas.check(tools.listing_cache, target, container, size)
    args.max_bytes = min(MAX_FILE, room) if room >= 0 else MAX_FILE
    reply = versions.save(tools, target, args, request.reader(), container)
    return stored(reply)


def put_manifest(tools: Tools, request: Request) -> Response:
    """A static large object: its segments are there already, the body lists them."""
    container = container_of(tools, request.target)
    lines = manifests.checked(tools, request, request.target)
    args, data = manifests.manifest_of(lines, wish_of(tools, request, 0))
    given = request.header("Etag").strip().strip('"').lower()
    if given and given != args.headers[large.ETAG]:
        raise Unprocessable(why="The manifest's ETag is not what the ETag header says.")
    args.etag = ""
    reply = versions.save(tools, request.target, args, pieces(iter([data])), container)
    return stored(reply, f'"{args.headers[large.ETAG]}"')


@calls.endpoint("POST", policy="objectstore:object:update", acl="write")
def post(tools: Tools, request: Request) -> Response:
    target = request.target
    if symlinks.TARGET in request.headers:
        raise BadRequest(why="A PUT request is required to set a symlink target")
    container_of(tools, target)
    values = metadata.of_object(request.headers)
    if request.header("Content-Type"):
        values["Content-Type"] = request.header("Content-Type")
    if_delete_at = delete_at(tools, request)
    stamp, rings = timestamp(tools.now()), tools.cluster.rings

    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> PostObject:
        return PostObject(replicas, target.path, stamp, values, listing_hosts, if_delete_at)

    reply = tools.cluster.write(
        "post_object", rings.placement(*target.names), rings.placement(*target.parent.names), ObjectReply, make
    )
    if reply.status == 404:
        raise NotFound(why="The resource could not be found.")
    if reply.meta and symlinks.TARGET in reply.meta.headers:
        return symlinks.redirected(target, reply.meta)
    return Response(reply.status)


@calls.endpoint("DELETE", policy="objectstore:object:delete", acl="write")
def delete(tools: Tools, request: Request) -> Response:
    container = container_of(tools, request.target)
    if_delete_at = due_of(tools, request)
    if request.query.get("multipart-manifest") == "delete":
        return bulk.delete_segments(tools, request)
    versioned = versions.location(container)
    reply = (
        versions.remove(tools, request.target, container) if versioned else remove(tools, request.target, if_delete_at)
    )
    if reply.status == 404:
        raise NotFound(why="The resource could not be found.")
    if reply.status == 409:
        raise Conflict(why="There is a newer version of the object.")
    if reply.status == 412:
        raise PreconditionFailed(why="X-If-Delete-At and X-Delete-At do not match")
    return Response(204)


def due_of(tools: Tools, request: Request) -> int:
    """The time that X-If-Delete-At demands of the object; 0: any. Raises what there is to say against it at once."""
    text = request.header("X-If-Delete-At")
    if not text:
        return 0
    if_delete_at = parse_whole_number(text.strip())
    if if_delete_at is None:
        raise BadRequest(why="Bad X-If-Delete-At header value")
    meta = tools.cluster.head(tools.cluster.rings.placement(*request.target.names), newest=True).meta
    if meta is None:
        raise NotFound(why="The resource could not be found.")
    if meta.delete_at != if_delete_at:
        raise PreconditionFailed(why="X-If-Delete-At and X-Delete-At do not match")
    return if_delete_at


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
