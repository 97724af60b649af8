"""/v1/{account}/{container}: its objects, its metadata, and who else may use it."""

from pileus_objectstore.api import object_versions
from pileus_objectstore.api.http import Request, Response, http_date
from pileus_objectstore.api.listing_formats import listing_query, media_type, render_container
from pileus_objectstore.api.metadata_headers import container_changes, visible
from pileus_objectstore.api.routes import Calls
from pileus_objectstore.core import container_sync, containers, object_versioning, rate_limits, storage_policies
from pileus_objectstore.core.access import LIST_VERSIONS, SET_VERSIONING
from pileus_objectstore.core.listing import VERSIONING
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ListingInfo

calls = Calls("container")


@calls.endpoint("GET", policy="objectstore:container:read", acl="read")
def index(tools: Tools, request: Request) -> Response:
    """List the container's objects."""
    rate_limits.admit_listing(tools, request.target)
    if "versions" in request.query:
        request.access.require(LIST_VERSIONS, request.target)
        info, body, media = object_versions.index(tools, request)
    else:
        query, media = listing_query(request.query), media_type(request.query, request.header("Accept"))
        info, entries = containers.list_objects(tools, request.target, query)
        body = render_container(request.target, entries, media)
    headers = _headers(tools, request, info)
    return Response(200 if body else 204, headers, body, f"{media}; charset=utf-8")


@calls.endpoint("HEAD", policy="objectstore:container:read", acl="read")
def show(tools: Tools, request: Request) -> Response:
    """Show the container's metadata and sums."""
    media = media_type(request.query, request.header("Accept"))
    info = containers.get(tools, request.target)
    return Response(204, _headers(tools, request, info), b"", f"{media}; charset=utf-8")


@calls.endpoint("PUT", policy="objectstore:container:create")
def create(tools: Tools, request: Request) -> Response:
    """Create the container, or change the metadata of one that exists."""
    values = _changes(tools, request)
    policy = storage_policies.chosen(tools, request.header("X-Storage-Policy"))
    created = containers.create(tools, request.access.caller, request.target, values, policy)
    return Response(201 if created else 202)


@calls.endpoint("POST", policy="objectstore:container:update")
def update(tools: Tools, request: Request) -> Response:
    """Change the container's metadata."""
    containers.update(tools, request.target, _changes(tools, request))
    return Response(204)


@calls.endpoint("DELETE", policy="objectstore:container:delete")
def delete(tools: Tools, request: Request) -> Response:
    """Delete the container if it is empty."""
    containers.delete(tools, request.target)
    return Response(204)


def _changes(tools: Tools, request: Request) -> dict[str, str]:
    """The metadata that a request changes. Versioning has a right of its own in bucket policies.

    Raises BadRequest, Unauthorized, Forbidden and Unavailable.
    """
    changes = container_changes(request.headers, owner=request.owner)
    if VERSIONING in changes:
        request.access.require(SET_VERSIONING, request.target)
    container_sync.check(tools, request.target, changes)
    return changes


def _headers(tools: Tools, request: Request, info: ListingInfo) -> list[tuple[str, str]]:
    versioning = object_versioning.state(info)
    kept = containers.bytes_of_versions(tools, request.target) if versioning else 0
    return [
        ("X-Container-Object-Count", str(info.count)),
        ("X-Container-Bytes-Used", str(info.size + kept)),
        ("X-Timestamp", info.created),
        ("X-Put-Timestamp", info.put),
        ("Last-Modified", http_date(max([info.put, *(changed for _, changed in info.metadata.values())]))),
        ("Accept-Ranges", "bytes"),
        ("X-Storage-Policy", storage_policies.name_of(tools, info.policy)),
        *([("X-Versions-Enabled", str(versioning == object_versioning.ENABLED))] if versioning else ()),
        *visible("container", info.metadata, request.owner),
    ]
