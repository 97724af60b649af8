"""/v1/{account}/{container}: its objects, its metadata, who else may use it."""

from urllib.parse import unquote

from pileus_kit.errors import BadRequest, NotFound
from pileus_objectstore.api import archives, versions
from pileus_objectstore.api.http import Request, Response, http_date
from pileus_objectstore.api.info import POLICY
from pileus_objectstore.api.metadata_headers import (
    answered,
    change_container,
    check_total,
    create_container,
    remove_container,
)
from pileus_objectstore.api.routes import Calls
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core import metadata, pages
from pileus_objectstore.core.names import Target, check
from pileus_objectstore.errors import NotOffered
from pileus_objectstore.wire.contract import ListingInfo

calls = Calls("container")
NUMBERS = ("X-Container-Meta-Quota-Bytes", "X-Container-Meta-Quota-Count")


@calls.endpoint("GET", policy="objectstore:container:read", acl="read")
def get(tools: Tools, request: Request) -> Response:
    args, media = pages.wish_of(request.query), pages.content_type(request.query, request.header("Accept"))
    info, rows = tools.cluster.listing(
        "container", tools.cluster.rings.placement(*request.target.names), **args.fields()
    )
    if info is None:
        raise NotFound(why="The resource could not be found.")
    found = pages.entries("container", rows, request.target.account)
    body = pages.render("container", request.target.container, found, media)
    return Response(200 if body else 204, headers(info, request.owner), body, f"{media}; charset=utf-8")


@calls.endpoint("HEAD", policy="objectstore:container:read", acl="read")
def head(tools: Tools, request: Request) -> Response:
    media = pages.content_type(request.query, request.header("Accept"))
    info = tools.listing_cache.get(request.target, fresh=True)
    if info is None:
        raise NotFound(why="The resource could not be found.")
    return Response(204, headers(info, request.owner), b"", f"{media}; charset=utf-8")


@calls.endpoint("PUT", policy="objectstore:container:create")
def put(tools: Tools, request: Request) -> Response:
    if "extract-archive" in request.query:
        return archives.extract(tools, request)
    values = changes(tools, request)
    policy = request.header("X-Storage-Policy")
    if policy and policy.lower() != POLICY.lower():
        raise BadRequest(why=f"Invalid X-Storage-Policy {policy!r}")
    return answered(create_container(tools, request, request.target, values))


@calls.endpoint("POST", policy="objectstore:container:update")
def post(tools: Tools, request: Request) -> Response:
    reply = change_container(tools, request.target, changes(tools, request), create=False)
    if reply.status == 404:
        raise NotFound(why="The resource could not be found.")
    return Response(204)


@calls.endpoint("DELETE", policy="objectstore:container:delete")
def delete(tools: Tools, request: Request) -> Response:
    return answered(remove_container(tools, request.target))


def changes(tools: Tools, request: Request) -> dict[str, str]:
    """The metadata this request sets. What isn't there is refused, not taken and forgotten."""
    if request.header("X-Versions-Enabled").lower() in ("true", "1", "yes", "on", "t", "y"):
        raise NotOffered(what="Object versioning (X-Versions-Enabled)")
    if request.header("X-Container-Sync-To"):
        raise BadRequest(why="Container synchronisation is not offered: no host may be synchronised with.")
    values = metadata.changes("container", request.headers)
    for name in NUMBERS:
        if values.get(name) and not values[name].isdecimal():
            raise BadRequest(why=f"Invalid {name.rpartition('-')[2].lower()} quota.")
    if values.get(versions.STACK) and values.get(versions.HISTORY):
        raise BadRequest(why=f"Only one of {versions.STACK} or {versions.HISTORY} may be specified")
    for name, other in ((versions.STACK, versions.HISTORY), (versions.HISTORY, versions.STACK)):
        if values.get(name):
            values[other] = ""  # a container keeps its versions in one way
    for name in (versions.STACK, versions.HISTORY):
        check(Target(request.target.account, unquote(values.get(name, ""))))
    check_total(tools, request.target, values)
    return values


def headers(info: ListingInfo, owner: bool) -> list[tuple[str, str]]:
    return [
        ("X-Container-Object-Count", str(info.count)),
        ("X-Container-Bytes-Used", str(info.size)),
        ("X-Timestamp", info.created),
        ("X-Put-Timestamp", info.put),
        ("Last-Modified", http_date(info.newest or info.put)),
        ("Accept-Ranges", "bytes"),
        ("X-Storage-Policy", POLICY),
        *metadata.visible("container", info.metadata, owner),
    ]
