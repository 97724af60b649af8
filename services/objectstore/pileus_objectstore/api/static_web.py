"""Containers as web sites for visitors without a token: index pages, listings, error pages, set by metadata."""

from html import escape
from urllib.parse import quote

from pileus_kit.errors import CloudError, NotFound
from pileus_objectstore.api.http import TRUE, Request, Response
from pileus_objectstore.api.listing_formats import show_objects
from pileus_objectstore.api.objects import serve
from pileus_objectstore.core import listing
from pileus_objectstore.core.access import READ_CONTAINER, READ_OBJECT
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import NOT_FOUND, Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ListingInfo

META = "X-Container-Meta-Web-"


def site(tools: Tools, request: Request) -> ListingInfo | None:
    """The head of the request's container if that is a web site and the request has no token; else None."""
    if request.access.caller is not None and not request.flag("X-Web-Mode"):
        return None
    target = request.target
    info = tools.listing_cache.get(Target(target.account, target.container))
    if info and any(info.value(META + name) for name in ("Index", "Listings", "Error")):
        return info
    return None


def visit(tools: Tools, request: Request, info: ListingInfo) -> Response:
    """The page, or the site's error page if there is none."""
    try:
        return _page(tools, request, info)
    except CloudError as e:
        error = info.value(META + "Error")
        if e.status not in (401, 404) or not error:
            raise
        target = Target(request.target.account, request.target.container, f"{e.status}{error}")
        try:
            page = _object(tools, request, target)
        except CloudError:
            raise e from None
        page.status = e.status
        return page


def _page(tools: Tools, request: Request, info: ListingInfo) -> Response:
    target = request.target
    if target.object and not target.object.endswith("/"):
        try:
            return _object(tools, request, target)
        except NotFound:
            if not _is_directory(tools, target):
                raise
    if not request.path.endswith("/"):
        return Response(301, [("Location", quote(request.path) + "/")])
    index = info.value(META + "Index")
    if index:
        try:
            return _object(tools, request, Target(target.account, target.container, target.object + index))
        except NotFound:
            pass
    if info.value(META + "Listings").lower() not in TRUE:
        raise NotFound(why=NOT_FOUND)
    request.access.require(READ_CONTAINER, Target(target.account, target.container))
    return _listing(tools, target, info)


def _object(tools: Tools, request: Request, target: Target) -> Response:
    request.access.require(READ_OBJECT, target)
    request.target = target
    return serve(tools, request, target)


def _is_directory(tools: Tools, target: Target) -> bool:
    query = ListingQuery(limit=1, prefix=target.object + "/")
    return bool(listing.fetch(tools, target.parent, query)[1])


def _listing(tools: Tools, target: Target, info: ListingInfo) -> Response:
    query = ListingQuery(limit=listing.MAX_ROWS, prefix=target.object, delimiter="/")
    container = Target(target.account, target.container)
    entries = show_objects(target.account, listing.fetch(tools, container, query)[1])
    if target.object and not entries:
        raise NotFound(why=NOT_FOUND)
    title = f"Listing of {escape(_path(target))}"
    css = info.value(META + "Listings-Css")
    style = f'<link rel="stylesheet" type="text/css" href="{escape(css)}" />' if css else ""
    rows = ['<tr><td colspan="3"><a href="../">../</a></td></tr>'] if target.object else []
    for entry in entries:
        name = str(entry.get("subdir") or entry["name"])[len(target.object) :]
        about = "<td></td><td></td>"
        if "name" in entry:
            about = f"<td>{entry['bytes']}</td><td>{str(entry['last_modified'])[:19]}</td>"
        rows.append(f'<tr><td><a href="{quote(name)}">{escape(name)}</a></td>{about}</tr>')
    page = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title>{style}</head><body><h1>{title}</h1>"
        f"<table><tr><th>Name</th><th>Size</th><th>Date</th></tr>{''.join(rows)}</table></body></html>"
    )
    return Response(200, (), page.encode())


def _path(target: Target) -> str:
    return f"/v1{target.path}/"
