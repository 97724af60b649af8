"""/v1/{account}/{container}/{object}: bytes and what is known about them."""

import mimetypes
from collections.abc import Iterable
from urllib.parse import unquote

from pileus_kit.errors import BadRequest
from pileus_kit.numbers import parse_whole_number
from pileus_objectstore.api import byte_ranges, object_versions, temp_urls
from pileus_objectstore.api.conditions import conditions, ranges
from pileus_objectstore.api.http import Request, Response, http_date
from pileus_objectstore.api.metadata_headers import delete_at, object_metadata
from pileus_objectstore.api.routes import Calls
from pileus_objectstore.core import manifests, objects, symlinks
from pileus_objectstore.core.names import Target, split_pair
from pileus_objectstore.core.objects import FoundObject
from pileus_objectstore.core.requests import GetRequest, LinkRequest, PostRequest, PutRequest
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ObjectMeta, ObjectReply

calls = Calls("object")
DEFAULT_TYPE = "application/octet-stream"
UNSATISFIABLE = b"<html><h1>Requested Range Not Satisfiable</h1><p>The Range requested is not available.</p></html>"
NO_SUCH_PART = b"The requested part number is not satisfiable"
LINK_KEPT_POST = (
    b"The requested POST was applied to a symlink. POST directly to the target to apply requested metadata."
)


@calls.endpoint("GET", policy="objectstore:object:read", acl="read")
def show(tools: Tools, request: Request) -> Response:
    """Download the object."""
    return temp_urls.adapt(request, serve(tools, request, request.target))


@calls.endpoint("HEAD", policy="objectstore:object:read", acl="read")
def head(tools: Tools, request: Request) -> Response:
    """Show the object's metadata."""
    return temp_urls.adapt(request, serve(tools, request, request.target))


@calls.endpoint("PUT", policy="objectstore:object:create", acl="write")
def create(tools: Tools, request: Request) -> Response:
    """Store the body as an object, or make a version the current one."""
    if version := object_versions.version_of(tools, request, request.target):
        return object_versions.restore(tools, request, version)
    return created(objects.put(tools, request.access, put_request(tools, request)))


@calls.endpoint("POST", policy="objectstore:object:update", acl="write")
def update(tools: Tools, request: Request) -> Response:
    """Replace the object's metadata."""
    if object_versions.version_of(tools, request, request.target):
        raise BadRequest(why="POST to a specific version is not allowed")
    if symlinks.TARGET in request.headers:
        raise BadRequest(why="A PUT request is required to set a symlink target")
    values = object_metadata(request.headers)
    if request.header("Content-Type"):
        values["Content-Type"] = request.header("Content-Type")
    expiry = delete_at(tools.now, request.header("X-Delete-After"), request.header("X-Delete-At"))
    reply = objects.update(
        tools, PostRequest(request.target, values, expiry, opens_expired=opens_expired(tools, request))
    )
    if reply.meta and symlinks.is_link(reply.meta):
        return _redirection(request.target, reply.meta)
    return Response(reply.status)


@calls.endpoint("DELETE", policy="objectstore:object:delete", acl="write")
def delete(tools: Tools, request: Request) -> Response:
    """Delete the object."""
    if version := object_versions.version_of(tools, request, request.target):
        return object_versions.delete(tools, request, version)
    return object_versions.deleted(objects.delete(tools, request.target, if_delete_at(request)))


def serve(tools: Tools, request: Request, target: Target) -> Response:
    """The answer to a GET or HEAD of an object."""
    version = object_versions.version_of(tools, request, target)
    request.access.opens_expired = opens_expired(tools, request)
    try:
        with objects.get(tools, request.access, get_request(request, target, version)) as found:
            response = shown(request, found)
            response.headers += object_versions.shown_headers(tools, target, found.meta)
            return response
    except objects.IsDeleteMarker as err:
        return object_versions.marker_shown(err)


def opens_expired(tools: Tools, request: Request) -> bool:
    """Whether the request is also for an object that has expired and isn't deleted yet: Swift's X-Open-Expired."""
    return tools.config.allow_open_expired and request.flag("X-Open-Expired")


def put_request(tools: Tools, request: Request) -> PutRequest:
    """Parse what a PUT asks for, before its body is read. Raises BadRequest and LengthRequired."""
    headers, none_match = request.headers, request.header("If-None-Match")
    if none_match and none_match.strip() != "*":
        raise BadRequest(why="If-None-Match only supports *")
    values = object_metadata(headers)
    values["Content-Type"] = _content_type(request)
    manifest = values.get(manifests.DYNAMIC)
    if manifest:
        container, _, prefix = manifest.lstrip("/").partition("/")
        if not container or not prefix or "?" in manifest or "&" in manifest:
            raise BadRequest(why="X-Object-Manifest must be in the format container/prefix")
    return PutRequest(
        request.target,
        request.reader(),
        request.size,
        values,
        etag=request.header("Etag").strip().strip('"').lower(),
        delete_at=delete_at(tools.now, request.header("X-Delete-After"), request.header("X-Delete-At")),
        only_if_new=bool(none_match),
        link=_link(request) if symlinks.TARGET in headers else None,
    )


def get_request(request: Request, target: Target, version: str = "") -> GetRequest:
    """Parse what a GET, HEAD or COPY asks for."""
    headers = request.headers
    query = request.query if request.environ.get("QUERY_STRING") else {}
    part = query.get("part-number")
    return GetRequest(
        target,
        ranges(headers) if "Range" in headers else None,
        conditions(headers, all_hold=True),
        head=request.method == "HEAD",
        newest="X-Newest" in headers and request.flag("X-Newest"),
        manifest=query.get("multipart-manifest") == "get",
        as_put=query.get("format") == "raw",
        part=None if part is None else parse_whole_number(part) or 0,
        follow=query.get("symlink") != "get",
        version=version,
    )


def if_delete_at(request: Request) -> int | None:
    """The time that X-If-Delete-At demands of the object, in epoch seconds; None without it. Raises BadRequest."""
    text = request.header("X-If-Delete-At")
    if not text:
        return None
    moment = parse_whole_number(text.strip())
    if moment is None:
        raise BadRequest(why="Bad X-If-Delete-At header value")
    return moment


def created(reply: ObjectReply, etag: str = "", more: Iterable[tuple[str, str]] = ()) -> Response:
    """The answer to a PUT or COPY: 201, or 202 if the object was replaced by something newer at once."""
    if reply.meta is None:
        return Response(202)
    shown = [("Etag", etag or reply.meta.etag), ("Last-Modified", http_date(reply.meta.timestamp))]
    return Response(201, [*shown, *object_versions.created_headers(reply.meta), *more])


def shown(request: Request, found: FoundObject) -> Response:
    """An object that was read, as an answer to GET or HEAD."""
    headers, media, size = _headers(found), _media(found), found.content.size
    head = request.method == "HEAD"
    if found.parts:
        headers.append(("X-Parts-Count", str(found.parts)))
    if found.status in (304, 412):
        return Response(found.status, headers, b"", media)
    if found.status == 416 and found.part:
        headers.append(("Content-Range", f"bytes */{size}"))
        return Response(416, headers, b"" if head else NO_SUCH_PART, "text/plain")
    if found.status == 416:
        return unsatisfiable(size, headers)
    if len(found.spans) > 1:
        return byte_ranges.multipart(found, headers, media)
    first, last = found.spans[0]
    if found.status == 206:
        headers.append(("Content-Range", f"bytes {first}-{last}/{size}"))
    return Response(found.status, headers, b"" if head else found.body(), media, last - first + 1)


def unsatisfiable(size: int, headers: list[tuple[str, str]]) -> Response:
    """The answer to a range beyond the end."""
    return Response(416, [*headers, ("Content-Range", f"bytes */{size}")], UNSATISFIABLE)


def _link(request: Request) -> LinkRequest:
    """The symbolic link that a PUT stores. Raises BadPath."""
    container, name = split_pair(unquote(request.header(symlinks.TARGET)), f"{symlinks.TARGET} header")
    account = unquote(request.header(symlinks.ACCOUNT)) or request.target.account
    return LinkRequest(
        Target(account, container, name),
        request.header(symlinks.ETAG).strip('"').lower(),
        inherits_type=not request.header("Content-Type"),
    )


def _content_type(request: Request) -> str:
    given = request.header("Content-Type")
    if not given or request.flag("X-Detect-Content-Type"):
        return mimetypes.guess_type(request.target.object)[0] or DEFAULT_TYPE
    return given


def _redirection(link: Target, meta: ObjectMeta) -> Response:
    """The answer to a POST of a link, which keeps the metadata to itself."""
    headers = [("Location", symlinks.location_of(link, meta))]
    headers += [(symlinks.ETAG, meta.headers[symlinks.ETAG])] if symlinks.ETAG in meta.headers else []
    return Response(307, headers, LINK_KEPT_POST, "text/plain")


def _media(found: FoundObject) -> str:
    if found.manifest:
        return "application/json; charset=utf-8"
    return found.meta.headers.get("Content-Type", DEFAULT_TYPE)


def _headers(found: FoundObject) -> list[tuple[str, str]]:
    meta, changed = found.meta, found.changed
    etag = found.content.etag
    headers = [
        ("Etag", f'"{etag}"' if found.large else etag),
        ("Last-Modified", http_date(changed)),
        ("X-Timestamp", changed),
        ("Accept-Ranges", "bytes"),
    ]
    headers += [
        (name, value) for name, value in meta.headers.items() if name != "Content-Type" and "-Sysmeta-" not in name
    ]
    if manifests.is_static(meta):
        headers.append(("X-Manifest-Etag", meta.etag))
    if found.location:
        headers.append(("Content-Location", found.location))
    if meta.delete_at:
        headers.append(("X-Delete-At", str(meta.delete_at)))
    return headers
