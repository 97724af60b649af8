"""COPY, and PUT with X-Copy-From: the bytes go from replica to replica through the proxy, never through the client."""

from collections.abc import Iterator
from urllib.parse import quote, unquote

from pileus_kit.errors import BadRequest, TooLarge
from pileus_objectstore.api import large, manifests, parts, reading, versions
from pileus_objectstore.api.authorization import CREATE, READ, judge
from pileus_objectstore.api.http import Request, Response, http_date
from pileus_objectstore.api.info import MAX_FILE
from pileus_objectstore.api.storing import NOWHERE, container_of, delete_at, pieces, stored
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core import metadata, quotas
from pileus_objectstore.core.conditions import ranges, resolve, verdict
from pileus_objectstore.core.content import Content
from pileus_objectstore.core.names import Target, check, split_pair
from pileus_objectstore.wire.contract import PutObject, timestamp


def copy_from(tools: Tools, request: Request) -> Response:
    """PUT with X-Copy-From."""
    if request.environ.get("CONTENT_LENGTH", "0") not in ("", "0"):
        raise BadRequest(why="Copy requests require a zero byte body")
    account = unquote(request.header("X-Copy-From-Account")) or request.target.account
    source = Target(account, *split_pair(unquote(request.header("X-Copy-From")), "X-Copy-From header"))
    check(source)
    judge(tools, request, source, *READ)
    return copied(tools, request, source, request.target)


def copy_to(tools: Tools, request: Request) -> Response:
    """COPY with Destination."""
    account = unquote(request.header("Destination-Account")) or request.target.account
    destination = Target(account, *split_pair(unquote(request.header("Destination")), "Destination header"))
    check(destination)
    judge(tools, request, destination, *CREATE)
    return copied(tools, request, request.target, destination)


def copied(tools: Tools, request: Request, source: Target, destination: Target) -> Response:
    found = reading.head(tools, request, source)
    content = found.content
    if content.size > MAX_FILE:
        raise TooLarge(why="The copy would be larger than an object may be.")
    status = verdict(request.headers, content.etag, float(max(found.meta.timestamp, found.meta.posted)))
    if status != 200:  # conditions are the source's, as Swift has it
        return Response(status)
    raw = request.query.get("multipart-manifest") == "get" and large.is_manifest(found.meta)
    part = 0 if raw else parts.asked(request, content)
    span = parts.span(content, part) if part else span_of(request, content.size, raw)
    if span is None:
        return reading.unsatisfiable(content.size, [])
    size = span[1] - span[0] + 1
    container = container_of(tools, destination)
    quotas.check(tools.listing_cache, destination, container, size)
    kept = {} if request.header("X-Fresh-Metadata").lower() == "true" else inherited(request, found)
    values = kept | metadata.of_object(request.headers)
    values["Content-Type"] = request.header("Content-Type") or found.meta.headers.get("Content-Type", "")
    args = PutObject(
        NOWHERE, destination.path, timestamp(tools.now()), values, size,
        delete_at=delete_at(tools, request) or (0 if not kept else found.meta.delete_at),
    )  # fmt: skip
    source_bytes = content.read(*span)
    if raw and large.is_static(found.meta):
        args, source_bytes = manifest_again(tools, request, content, destination, args)
    reply = versions.save(tools, destination, args, pieces(source_bytes), container)
    heads = [
        ("X-Copied-From", quote(f"{source.container}/{source.object}")),
        ("X-Copied-From-Account", quote(source.account)),
        ("X-Copied-From-Last-Modified", http_date(max(found.meta.timestamp, found.meta.posted))),
    ]
    heads += [(name, value) for name, value in values.items() if name.startswith("X-Object-Meta-")]
    return stored(reply, more=heads)


def manifest_again(
    tools: Tools, request: Request, content: Content, destination: Target, args: PutObject
) -> tuple[PutObject, Iterator[bytes]]:
    """A static manifest at a new place is judged like one that is put there: its segments are in that account now."""
    lines = [large.wished_of(line) for line in large.lines_of(content)]
    again = manifests.validated(tools, request, manifests.parsed(lines, destination))
    args, data = manifests.manifest_of(again, args)
    return args, iter([data])


def span_of(request: Request, size: int, raw: bool) -> tuple[int, int] | None:
    """(first, last) byte that is copied: all, or what Range says; None if that is beyond the end. Raises BadRequest."""
    spans = ranges(request.header("Range"))
    if not spans:
        return 0, size - 1
    if raw or len(spans) > 1:
        raise BadRequest(why="A copy is of one range of an object's bytes, or of a whole manifest.")
    return resolve(spans[0], size)


def inherited(request: Request, found: reading.Found) -> dict[str, str]:
    """The source's metadata; of a manifest's only if the manifest itself is copied."""
    raw = request.query.get("multipart-manifest") == "get"
    return {
        name: value
        for name, value in found.meta.headers.items()
        if raw or not (name in ("X-Object-Manifest", "X-Static-Large-Object") or "-Sysmeta-" in name)
    }
