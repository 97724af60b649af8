"""Containers as web sites: an index page, listings, an error page, by container metadata; for visitors without a
token."""

from html import escape
from urllib.parse import quote

from pileus_kit.errors import CloudError, NotFound
from pileus_objectstore.api import reading
from pileus_objectstore.api.authorization import READ, judge
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core import pages
from pileus_objectstore.core.names import Target
from pileus_objectstore.wire.contract import ListingInfo

META = "X-Container-Meta-Web-"


def site(tools: Tools, request: Request) -> ListingInfo | None:
    """The container's head if this request visits a web site."""
    if request.method not in ("GET", "HEAD") or not request.target.container:
        return None
    if request.caller is not None and request.header("X-Web-Mode").lower() not in ("true", "1", "yes", "on", "t"):
        return None
    target = request.target
    info = tools.listing_cache.get(Target(target.account, target.container))
    if info and any(info.value(META + name) for name in ("Index", "Listings", "Error")):
        return info
    return None


def visit(tools: Tools, request: Request, info: ListingInfo) -> Response:
    """The page, or what stands for it where there is none."""
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
    if info.value(META + "Listings").lower() not in ("true", "1", "yes", "on", "t"):
        raise NotFound(why="The resource could not be found.")
    judge(tools, request, Target(target.account, target.container), "objectstore:container:read", "read")
    return _listing(tools, target, info)


def _object(tools: Tools, request: Request, target: Target) -> Response:
    judge(tools, request, target, *READ)
    request.target = target
    return reading.serve(tools, request)


def _is_directory(tools: Tools, target: Target) -> bool:
    placement = tools.cluster.rings.placement(target.account, target.container)
    return tools.cluster.listing("container", placement, limit=1, prefix=target.object + "/")[1] not in (b"", b"[]")


def _listing(tools: Tools, target: Target, info: ListingInfo) -> Response:
    placement = tools.cluster.rings.placement(target.account, target.container)
    args = {"limit": pages.LIMIT, "prefix": target.object, "delimiter": "/"}
    entries = pages.entries("container", tools.cluster.listing("container", placement, **args)[1])
    if target.object and not entries:
        raise NotFound(why="The resource could not be found.")
    title = f"Listing of {escape(request_path(target))}"
    css = info.value(META + "Listings-Css")
    style = f'<link rel="stylesheet" type="text/css" href="{escape(css)}" />' if css else ""
    rows = ['<tr><td colspan="3"><a href="../">../</a></td></tr>'] if target.object else []
    for entry in entries:
        name = (entry.get("subdir") or entry["name"])[len(target.object) :]
        about = (
            f"<td>{entry['bytes']}</td><td>{entry['last_modified'][:19]}</td>"
            if "name" in entry
            else "<td></td><td></td>"
        )
        rows.append(f'<tr><td><a href="{quote(name)}">{escape(name)}</a></td>{about}</tr>')
    page = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title>{style}</head><body><h1>{title}</h1>"
        f"<table><tr><th>Name</th><th>Size</th><th>Date</th></tr>{''.join(rows)}</table></body></html>"
    )
    return Response(200, (), page.encode())


def request_path(target: Target) -> str:
    return f"/v1{target.path}/"
