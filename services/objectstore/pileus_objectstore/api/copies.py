"""COPY with Destination, and PUT with X-Copy-From."""

from dataclasses import replace
from urllib.parse import quote, unquote

from pileus_kit.errors import BadRequest
from pileus_objectstore.api import object_versions
from pileus_objectstore.api.http import Request, Response, http_date
from pileus_objectstore.api.metadata_headers import delete_at, object_metadata
from pileus_objectstore.api.objects import created, get_request, opens_expired, unsatisfiable
from pileus_objectstore.api.routes import Calls
from pileus_objectstore.core import copies, symlinks
from pileus_objectstore.core.names import Target, split_pair
from pileus_objectstore.core.requests import CopyRequest
from pileus_objectstore.core.tools import Tools

calls = Calls("object")


@calls.endpoint("PUT", policy="objectstore:object:create", acl="write", variant="copy")
def copy_from(tools: Tools, request: Request) -> Response:
    """Store a copy of the object that X-Copy-From names."""
    if request.environ.get("CONTENT_LENGTH", "0") not in ("", "0"):
        raise BadRequest(why="Copy requests require a zero byte body")
    account = unquote(request.header("X-Copy-From-Account")) or request.target.account
    source = Target(account, *split_pair(unquote(request.header("X-Copy-From")), "X-Copy-From header"))
    return _copy(tools, request, source, request.target)


@calls.endpoint("COPY", policy="objectstore:object:read", acl="read")
def copy_to(tools: Tools, request: Request) -> Response:
    """Store a copy of the object under the name in the Destination header."""
    account = unquote(request.header("Destination-Account")) or request.target.account
    destination = Target(account, *split_pair(unquote(request.header("Destination")), "Destination header"))
    return _copy(tools, request, request.target, destination)


def _copy(tools: Tools, request: Request, source: Target, destination: Target) -> Response:
    headers = object_metadata(request.headers)
    if request.header("Content-Type"):
        headers["Content-Type"] = request.header("Content-Type")
    request.access.opens_expired = opens_expired(tools, request)
    copied = copies.copy(
        tools,
        request.access,
        CopyRequest(
            replace(get_request(request, source), version=object_versions.version_of(tools, request, source)),
            destination,
            headers,
            delete_at(tools.now, request.header("X-Delete-After"), request.header("X-Delete-At")),
            request.flag("X-Fresh-Metadata"),
            link_account=unquote(request.header(symlinks.ACCOUNT)),
        ),
    )
    if copied.reply is None and copied.source.status == 416:
        return unsatisfiable(copied.source.content.size, [])
    if copied.reply is None:
        return Response(copied.source.status)
    more = [
        ("X-Copied-From", quote(f"{source.container}/{source.object}")),
        ("X-Copied-From-Account", quote(source.account)),
        ("X-Copied-From-Last-Modified", http_date(copied.source.changed)),
    ]
    more += [(name, value) for name, value in copied.headers.items() if name.startswith("X-Object-Meta-")]
    return created(copied.reply, more=more)
