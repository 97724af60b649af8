"""GET and HEAD of an object: conditions, ranges, headers, the stream."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pileus_kit.errors import Conflict, NotFound
from pileus_objectstore.api import large, parts, symlinks
from pileus_objectstore.api.authorization import READ, judge
from pileus_objectstore.api.http import Request, Response, http_date
from pileus_objectstore.api.storing import expired
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core.conditions import CONDITIONS, Span, ranges, resolve, verdict
from pileus_objectstore.core.content import Content, Stored
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.object_stream import ObjectStream
from pileus_objectstore.wire.contract import ObjectMeta

SHORT = 1 << 18
FOLLOWED = "pileus.followed"  # in the request's environment: where a link has led to, also if nothing was there
DEFAULT_TYPE = "application/octet-stream"


@dataclass
class Found:
    """An object. `stream` is what the common GET came with at once: bytes from `start` on, `length` of them."""

    meta: ObjectMeta
    content: Content
    stream: ObjectStream | None = None
    start: int = 0
    length: int = 0
    etag: str = ""
    media: str = ""
    location: str = ""


def serve(tools: Tools, request: Request) -> Response:
    """One question to one host in the common case."""
    found = find(tools, request, request.target)
    return direct(found) if found.stream is not None else considered(request, found)


def find(tools: Tools, request: Request, target: Target) -> Found:
    """The object and, for a plain GET, its stream. Raises NotFound."""
    placement = tools.cluster.rings.placement(*target.names)
    spans = ranges(request.header("Range")) if "Range" in request.headers else []
    simple = request.method == "GET" and len(spans) < 2 and not any(name in request.headers for name in CONDITIONS)
    if not simple or newest(request):
        return head(tools, request, target)
    span: Span = spans[0] if spans else (None, None)
    reply, exchange, body = tools.cluster.open(placement, first=span[0], last=span[1])
    meta = meta_of(tools, reply.meta)
    if reply.status >= 300:
        return interpreted(tools, request, target, meta)
    stream = ObjectStream(tools.cluster, placement, reply, exchange, body)
    if large.is_manifest(meta) or symlinks.TARGET in meta.headers:
        stream.close()
        return interpreted(tools, request, target, meta)
    return Found(meta, Stored(tools.cluster, placement, meta), stream, reply.start, reply.length, meta.etag)


def head(tools: Tools, request: Request, target: Target, hops: int = 0) -> Found:
    placement = tools.cluster.rings.placement(*target.names)
    reply = tools.cluster.head(placement, newest(request))
    return interpreted(tools, request, target, meta_of(tools, reply.meta), hops)


def newest(request: Request) -> bool:
    """X-Newest: ask all replicas, not the nearest. A copy always does, or it would spread what is old."""
    return request.header("X-Newest").lower() in ("true", "1", "yes", "on", "t") or request.method in ("PUT", "COPY")


def followed(tools: Tools, request: Request, target: Target, meta: ObjectMeta, hops: int) -> Found:
    """What a symbolic link leads to; the reader needs the right to it, too."""
    real = symlinks.target_of(target, meta)
    if hops >= symlinks.MAX_HOPS:
        raise Conflict(why=f"Too many levels of symbolic links, maximum allowed is {symlinks.MAX_HOPS}")
    judge(tools, request, real, *READ)
    location = request.environ[FOLLOWED] = symlinks.location_of(target, meta)
    reply = tools.cluster.head(tools.cluster.rings.placement(*real.names), newest(request))
    there = meta_of(tools, reply.meta)
    symlinks.check_same(meta, there.headers.get(symlinks.ETAG) or there.etag)
    found = interpreted(tools, request, real, there, hops + 1)
    found.location = found.location or location
    return found


def interpreted(tools: Tools, request: Request, target: Target, meta: ObjectMeta, hops: int = 0) -> Found:
    """What the object means: itself, or what its manifest names."""
    placement = tools.cluster.rings.placement(*target.names)
    stored = Stored(tools.cluster, placement, meta)
    if symlinks.TARGET in meta.headers and request.query.get("symlink") != "get":
        return followed(tools, request, target, meta, hops)
    if not large.is_manifest(meta):
        return Found(meta, stored, etag=meta.etag)
    if request.query.get("multipart-manifest") == "get":
        content = large.raw(request, meta, stored)
        shown = large.is_static(meta) and request.query.get("format") != "raw"
        media = "application/json; charset=utf-8" if shown else ""
        return Found(meta, content, etag=content.etag, media=media)
    content = large.open_manifest(tools, request, target, meta, stored)
    return Found(meta, content, etag=f'"{content.etag}"')


def meta_of(tools: Tools, meta: ObjectMeta | None) -> ObjectMeta:
    if meta is None or expired(tools, meta):
        raise NotFound(why="The resource could not be found.")
    return meta


def direct(found: Found) -> Response:
    meta, stream = found.meta, found.stream
    assert stream is not None
    heads = headers(found)
    partial = found.length != meta.size
    if partial:
        heads.append(("Content-Range", f"bytes {found.start}-{found.start + found.length - 1}/{meta.size}"))
    body: bytes | Iterable[bytes] = stream.whole() if found.length <= SHORT else stream
    return Response(206 if partial else 200, heads, body, media_of(found), found.length)


def considered(request: Request, found: Found) -> Response:
    """Conditions first, then ranges."""
    meta, content, heads = found.meta, found.content, headers(found)
    status = verdict(request.headers, content.etag, float(max(meta.timestamp, meta.posted)))
    if status != 200:
        return Response(status, heads, b"", media_of(found))
    part = parts.asked(request, content)
    if part:
        return parts.answer(request, content, part, heads, media_of(found))
    spans = ranges(request.header("Range")) if request.method == "GET" else []
    if len(spans) > 1 and "X-Object-Manifest" in meta.headers and not large.is_static(meta):
        spans = []  # Swift sends all of a dynamic large object then
    resolved = [pair for pair in (resolve(span, content.size) for span in spans) if pair]
    if spans and not resolved:
        return unsatisfiable(content.size, heads)
    if request.method == "HEAD":
        return Response(200, heads, b"", media_of(found), content.size)
    if len(resolved) > 1:
        return multipart(content, heads, media_of(found), resolved)
    first, last = resolved[0] if resolved else (0, content.size - 1)
    if resolved:
        heads.append(("Content-Range", f"bytes {first}-{last}/{content.size}"))
    body = begun(content.read(first, last)) if content.size else b""
    return Response(206 if resolved else 200, heads, body, media_of(found), last - first + 1)


def begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same, with its first piece already read: what goes wrong there is still a proper refusal."""
    first = next(pieces, b"")

    def rest() -> Iterator[bytes]:
        yield first
        yield from pieces

    return rest()


def multipart(content: Content, heads: list[tuple[str, str]], media: str, spans: list[tuple[int, int]]) -> Response:
    """multipart/byteranges (RFC 9110, 14.6); its length is known before the first byte is read."""
    boundary, size = secrets.token_hex(16), content.size
    intros = [
        f"--{boundary}\r\nContent-Type: {media}\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n".encode()
        for first, last in spans
    ]
    end = f"--{boundary}--".encode()
    length = sum(len(intro) + last - first + 3 for intro, (first, last) in zip(intros, spans, strict=True)) + len(end)

    bodies = [content.read(first, last) for first, last in spans]
    bodies[0] = begun(bodies[0])

    def pieces() -> Iterator[bytes]:
        for intro, body in zip(intros, bodies, strict=True):
            yield intro
            yield from body
            yield b"\r\n"
        yield end

    return Response(206, heads, pieces(), f"multipart/byteranges;boundary={boundary}", length)


def unsatisfiable(size: int, heads: list[tuple[str, str]]) -> Response:
    page = b"<html><h1>Requested Range Not Satisfiable</h1><p>The Range requested is not available.</p></html>"
    return Response(416, [*heads, ("Content-Range", f"bytes */{size}")], page)


def media_of(found: Found) -> str:
    return found.media or found.meta.headers.get("Content-Type", DEFAULT_TYPE)


def headers(found: Found) -> list[tuple[str, str]]:
    meta = found.meta
    changed = max(meta.timestamp, meta.posted)
    heads = [
        ("Etag", found.etag),
        ("Last-Modified", http_date(changed)),
        ("X-Timestamp", changed),
        ("Accept-Ranges", "bytes"),
    ]
    heads += [
        (name, value) for name, value in meta.headers.items() if name != "Content-Type" and "-Sysmeta-" not in name
    ]
    if large.is_static(meta):
        heads.append(("X-Manifest-Etag", meta.etag))
    if found.location:
        heads.append(("Content-Location", found.location))
    if meta.delete_at:
        heads.append(("X-Delete-At", str(meta.delete_at)))
    return heads
