"""GET and HEAD of an object: conditions, ranges, headers, the stream."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pileus_kit.errors import NotFound
from pileus_objectstore.api.exchange import Request, Response, http_date
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core.conditions import CONDITIONS, Span, ranges, resolve, verdict
from pileus_objectstore.core.streams import ObjectStream
from pileus_objectstore.ring.rings import Place
from pileus_objectstore.rpc.contract import Meta

SHORT = 1 << 18


@dataclass
class Found:
    """An object, or the part of it that was asked for. `stream` is None for a HEAD, or where a condition has to be
    judged first."""

    place: Place
    meta: Meta
    stream: ObjectStream | None = None
    start: int = 0
    length: int = 0

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()


def find(tools: Tools, request: Request) -> Found:
    """One question to one host in the common case. Raises NotFound."""
    place = tools.cluster.rings.place(*request.target.names)
    spans = ranges(request.header("Range")) if "Range" in request.headers else []
    simple = request.method == "GET" and len(spans) < 2 and not any(name in request.headers for name in CONDITIONS)
    span: Span = spans[0] if spans and simple else (None, None)
    if not simple:
        reply = tools.cluster.head(place)
        found = Found(place, meta_of(tools, reply.meta))
    else:
        reply, exchange, body = tools.cluster.open(place, first=span[0], last=span[1])
        if reply.status >= 300:
            return Found(place, meta_of(tools, reply.meta), None, -1)
        found = Found(
            place,
            meta_of(tools, reply.meta),
            ObjectStream(tools.cluster, place, reply, exchange, body),
            reply.start,
            reply.length,
        )
    return found


def meta_of(tools: Tools, meta: Meta | None) -> Meta:
    if meta is None or (meta.delete_at and meta.delete_at <= tools.now()):
        raise NotFound(why="The resource could not be found.")
    return meta


def serve(tools: Tools, request: Request, found: Found) -> Response:
    meta = found.meta
    heads = headers(meta)
    if found.start < 0:
        return unsatisfiable(meta.size, heads)
    media = meta.headers.get("Content-Type", "application/octet-stream")
    if found.stream is not None:
        partial = found.length != meta.size
        if partial:
            heads.append(("Content-Range", f"bytes {found.start}-{found.start + found.length - 1}/{meta.size}"))
        body: bytes | Iterable[bytes] = found.stream.whole() if found.length <= SHORT else found.stream
        return Response(206 if partial else 200, heads, body, media, found.length)
    status = verdict(request.headers, meta.etag, float(max(meta.timestamp, meta.posted)))
    if status != 200:
        return Response(status, heads, b"", media)
    spans = ranges(request.header("Range")) if request.method == "GET" else []
    resolved = [pair for pair in (resolve(span, meta.size) for span in spans) if pair]
    if spans and not resolved:
        return unsatisfiable(meta.size, heads)
    if request.method == "HEAD":
        return Response(200, heads, b"", media, meta.size)
    if len(resolved) > 1:
        return multipart(tools, found, heads, media, resolved)
    first, last = resolved[0] if resolved else (0, meta.size - 1)
    if resolved:
        heads.append(("Content-Range", f"bytes {first}-{last}/{meta.size}"))
    body = part(tools, found, first, last) if meta.size else b""
    return Response(206 if resolved else 200, heads, body, media, last - first + 1)


def part(tools: Tools, found: Found, first: int, last: int) -> ObjectStream:
    reply, exchange, body = tools.cluster.open(found.place, first=first, last=last, pinned=found.meta.timestamp)
    if reply.status >= 300:
        raise NotFound(why="The object was replaced meanwhile.")
    return ObjectStream(tools.cluster, found.place, reply, exchange, body)


def multipart(
    tools: Tools, found: Found, heads: list[tuple[str, str]], media: str, spans: list[tuple[int, int]]
) -> Response:
    """multipart/byteranges (RFC 9110, 14.6); its length is known before the first byte is read."""
    boundary = secrets.token_hex(16)
    size = found.meta.size
    intros = [
        f"--{boundary}\r\nContent-Type: {media}\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n".encode()
        for first, last in spans
    ]
    end = f"--{boundary}--".encode()
    length = sum(len(intro) + last - first + 3 for intro, (first, last) in zip(intros, spans, strict=True)) + len(end)

    def parts() -> Iterator[bytes]:
        for intro, (first, last) in zip(intros, spans, strict=True):
            yield intro
            yield from part(tools, found, first, last)
            yield b"\r\n"
        yield end

    return Response(206, heads, parts(), f"multipart/byteranges;boundary={boundary}", length)


def unsatisfiable(size: int, heads: list[tuple[str, str]]) -> Response:
    page = b"<html><h1>Requested Range Not Satisfiable</h1><p>The Range requested is not available.</p></html>"
    return Response(416, [*heads, ("Content-Range", f"bytes */{size}")], page)


def headers(meta: Meta) -> list[tuple[str, str]]:
    changed = max(meta.timestamp, meta.posted)
    found = [
        ("Etag", meta.etag),
        ("Last-Modified", http_date(changed)),
        ("X-Timestamp", changed),
        ("Accept-Ranges", "bytes"),
    ]
    found += [
        (name, value) for name, value in meta.headers.items() if name != "Content-Type" and "-Sysmeta-" not in name
    ]
    if meta.delete_at:
        found.append(("X-Delete-At", str(meta.delete_at)))
    return found
