"""Containers as web sites: index pages, listings, error pages, set by metadata.

They are for visitors without a token, for callers who send X-Web-Mode, and for holders of a URL that is signed for a
prefix, whose pages list only what the signature covers.
"""

from html import escape
from urllib.parse import quote

from pileus_kit.errors import CloudError, NotFound
from pileus_objectstore.api import object_versions, temp_urls
from pileus_objectstore.api.domain_names import CLIENT_PATH
from pileus_objectstore.api.http import Request, Response, text_of
from pileus_objectstore.api.listing_formats import Shown, show_objects
from pileus_objectstore.api.objects import serve
from pileus_objectstore.core import listing
from pileus_objectstore.core.access import READ_CONTAINER, READ_OBJECT
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.metadata import TRUE
from pileus_objectstore.core.names import NOT_FOUND, Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ListingInfo

META = "X-Container-Meta-Web-"
DIRECTORY = "application/directory"
STYLE = (
    "<style>h1 {font-size: 1em; font-weight: bold;} th {text-align: left; padding: 0 1em;} td {padding: 0 1em;} "
    "a {text-decoration: none;}</style>"
)


def site(tools: Tools, request: Request) -> ListingInfo | None:
    """The head of the request's container if this request is a visit to a web site; else None."""
    if request.access.caller is not None and not request.flag("X-Web-Mode"):
        return None
    if request.access.signed_for is not None and "temp_url_prefix" not in request.query:
        return None
    target = request.target
    info = tools.listing_cache.get(Target(target.account, target.container))
    if info and any(info.value(META + name) for name in ("Index", "Listings", "Error")):
        return info
    return None


def visit(tools: Tools, request: Request, info: ListingInfo) -> Response:
    """The page, or the site's error page if there is none."""
    try:
        return temp_urls.adapt(request, _page(tools, request, info))
    except CloudError as e:
        error = info.value(META + "Error")
        if e.status not in (401, 404) or not error or request.access.signed_for is not None:
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
            page = _object(tools, request, target)
        except NotFound:
            page = None
        if page is not None and not _is_directory_marker(page, info):
            return page
        if not _is_directory(tools, target):
            raise NotFound(why=NOT_FOUND)
    if not request.path.endswith("/"):
        return _redirection(request)
    index = info.value(META + "Index")
    if index:
        try:
            return _object(tools, request, Target(target.account, target.container, target.object + index))
        except NotFound:
            pass
    if info.value(META + "Listings").lower() not in TRUE:
        raise NotFound(why=NOT_FOUND)
    container = Target(target.account, target.container)
    request.access.facts.listed = target.object
    if request.access.signed_for is None:
        request.access.require(READ_CONTAINER, container)
    else:  # a signed URL's prefix was compared with the path when it was admitted
        request.access.refuse_denied(READ_CONTAINER, container)
    return _listing(tools, request, target, info)


def _object(tools: Tools, request: Request, target: Target) -> Response:
    request.access.require(READ_OBJECT, target, object_versions.named(request))
    request.target = target
    return serve(tools, request, target)


def _is_directory_marker(page: Response, info: ListingInfo) -> bool:
    """Whether an object only marks a directory, as clients make it: of such a type, and empty."""
    media = info.value(META + "Directory-Type") or DIRECTORY
    return page.get("Content-Type") == media and page.get("Content-Length") in ("0", "1")


def _is_directory(tools: Tools, target: Target) -> bool:
    query = ListingQuery(limit=1, prefix=target.object + "/")
    return bool(listing.fetch(tools, target.parent, query)[1])


def _redirection(request: Request) -> Response:
    """To the same URL with a slash at its end, so that a page's relative links mean what is in the directory."""
    environ = request.environ
    path = text_of(environ.get(CLIENT_PATH, "")) or request.path
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return Response(301, [("Location", f"{environ['wsgi.url_scheme']}://{host}{quote(path)}/")])


def _listing(tools: Tools, request: Request, target: Target, info: ListingInfo) -> Response:
    query = ListingQuery(limit=listing.MAX_ROWS, prefix=target.object, delimiter="/")
    container = Target(target.account, target.container)
    entries = show_objects(container, listing.fetch(tools, container, query)[1])
    if target.object and not entries:
        raise NotFound(why=NOT_FOUND)
    title, parameters = f"Listing of {escape(f'/v1{target.path}')}", temp_urls.link_parameters(request)
    if not target.object:
        title += "/"
    rows = [_row(entry, target, parameters) for entry in entries if entry.get("name") != target.object]
    if len(target.object) > len(request.query.get("temp_url_prefix", "") if parameters else ""):
        rows.insert(0, f'<tr><td colspan="3"><a href="../{parameters}">../</a></td></tr>')
    page = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title>{_style(target, info)}</head><body><h1>{title}</h1>"
        f"<table><tr><th>Name</th><th>Size</th><th>Date</th></tr>{''.join(rows)}</table></body></html>"
    )
    return Response(200, (), page.encode())


def _style(target: Target, info: ListingInfo) -> str:
    css = info.value(META + "Listings-Css")
    if not css:
        return STYLE
    if css.startswith(("/", "http://", "https://")):
        href = quote(css, ":/")
    else:
        href = "../" * target.object.count("/") + quote(css)
    return f'<link rel="stylesheet" type="text/css" href="{href}" />'


def _row(entry: Shown, target: Target, parameters: str) -> str:
    """One line of a listing. The link is relative to the page: `./` keeps a name with a colon from being a scheme."""
    name = str(entry.get("subdir") or entry["name"])[len(target.object) :]
    about = "<td></td><td></td>"
    if "name" in entry:
        about = f"<td>{entry['bytes']}</td><td>{str(entry['last_modified'])[:19].replace('T', ' ')}</td>"
    href = quote(name).replace(".", "%2E")
    return f'<tr><td><a href="./{href}{parameters}">{escape(name)}</a></td>{about}</tr>'
