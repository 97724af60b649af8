"""Large objects: a dynamic manifest names a prefix (X-Object-Manifest), a static one lists its segments with their
ETags.

A reader sees only segments that he may read by himself: each is judged like a request of its own.
"""

import base64
import hashlib
from typing import Any
from urllib.parse import unquote

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import BadRequest, Conflict, Forbidden, NotFound
from pileus_objectstore.api import symlinks
from pileus_objectstore.api.authorization import READ, judge
from pileus_objectstore.api.http import Request
from pileus_objectstore.api.storing import meta_of
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core.content import ETAG, SIZE, STATIC, Content, Segment, Segmented, Stored
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.pages import LIMIT, Entry
from pileus_objectstore.wire.contract import ObjectMeta

MAX_DYNAMIC_SEGMENTS = 100_000
MAX_DELETED_SEGMENTS = 10_000  # segments of manifests of manifests in one request
MAX_SIZE = 1 << 50  # of a large object: manifests of manifests would soon be more than a listing can count
DEPTH = 10


class Line(msgspec.Struct, omit_defaults=True):
    """One segment in a stored static manifest: an object (or a range of it), or `data` in base64."""

    name: str = ""
    hash: str = ""
    bytes: int = 0
    content_type: str = ""
    last_modified: str = ""
    range: str = ""
    sub_slo: bool = False
    data: str = ""


def is_static(meta: ObjectMeta) -> bool:
    return STATIC in meta.headers


def is_manifest(meta: ObjectMeta) -> bool:
    return STATIC in meta.headers or "X-Object-Manifest" in meta.headers


class Raw:
    """A manifest's own bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self.etag = hashlib.md5(data, usedforsecurity=False).hexdigest()

    def read(self, first: int, last: int) -> Any:
        yield self._data[first : last + 1]


def raw(request: Request, meta: ObjectMeta, stored: Stored) -> Content:
    """What ?multipart-manifest=get shows: the manifest as stored, or (format=raw) as it could be put again."""
    if not is_static(meta) or request.query.get("format") != "raw" or request.method not in ("GET", "HEAD"):
        return stored  # a copy is of what is stored
    lines = lines_of(stored)
    again = [wished_of(line) for line in lines]
    return Raw(msgspec.json.encode(again))


def wished_of(line: Line) -> dict[str, Any]:
    """The segment as it could be put again."""
    if line.data:
        return {"data": line.data}
    return {"path": line.name, "etag": line.hash, "size_bytes": line.bytes} | (
        {"range": line.range} if line.range else {}
    )


def lines_of(stored: Content) -> list[Line]:
    return decoding.decode(b"".join(stored.read(0, stored.size - 1)), list[Line])


def open_manifest(
    tools: Tools, request: Request, target: Target, meta: ObjectMeta, stored: Stored, depth: int = 0
) -> Segmented:
    """The object that the manifest stands for."""
    if depth > DEPTH:
        raise Conflict(why=f"Manifests are nested more than {DEPTH} deep.")

    def opener(segment: Segment) -> Content:
        part = Target(target.account, *segment.path.lstrip("/").split("/", 1))
        try:
            part, found = symlinks.resolved(tools, request, part)
        except Forbidden as e:
            raise Conflict(why=f"Segment {segment.path} may not be read by this user.") from e
        placement = tools.cluster.rings.placement(*part.names)
        if found is None:
            raise Conflict(why=f"Segment {segment.path} is gone.")
        content = Stored(tools.cluster, placement, found)
        if segment.nested and is_static(found):
            return open_manifest(tools, request, part, found, content, depth + 1)
        return content

    if is_static(meta):
        if request.method == "HEAD" and meta.headers.get(SIZE) and "part-number" not in request.query:
            whole = Segment(target.path, "", 0, int(meta.headers[SIZE]) - 1)
            return Segmented([whole], meta.headers[ETAG], opener)
        lines = lines_of(stored)
        etag = meta.headers.get(ETAG) or static_etag(lines)
        return Segmented([segment_of(line) for line in lines], etag, opener, static=True)
    segments = dynamic(tools, request, target, meta.headers["X-Object-Manifest"])
    return Segmented(segments, dynamic_etag(segments), opener)


def segment_of(line: Line) -> Segment:
    if line.data:
        data = base64.b64decode(line.data)
        return Segment("", "", 0, len(data) - 1, data=data)
    first, last = 0, line.bytes - 1
    if line.range:
        first, last = (int(part) for part in line.range.split("-"))
    return Segment(line.name, line.hash, first, last, line.sub_slo)


def dynamic(tools: Tools, request: Request, target: Target, manifest: str) -> list[Segment]:
    container, _, prefix = unquote(manifest).lstrip("/").partition("/")
    holder = Target(target.account, container)
    judge(tools, request, Target(target.account, container, prefix), *READ)
    segments: list[Segment] = []
    placement, marker = tools.cluster.rings.placement(*holder.names), ""
    while len(segments) < MAX_DYNAMIC_SEGMENTS:
        _, rows = tools.cluster.listing("container", placement, limit=LIMIT, prefix=prefix, marker=marker)
        page = decoding.decode(rows, list[Entry]) if rows else []
        for name, _, size, etag, _, _ in page:
            own, _, extra = etag.partition("; ")
            etag = extra.removeprefix("slo_etag=") if extra.startswith("slo_etag=") else own
            segments.append(Segment(f"/{container}/{name}", etag, 0, size - 1, nested=True))
        if len(page) < LIMIT:
            break
        marker = page[-1][0]
    return segments


def dynamic_etag(segments: list[Segment]) -> str:
    return hashlib.md5("".join(s.etag for s in segments).encode(), usedforsecurity=False).hexdigest()


def static_etag(lines: list[Line]) -> str:
    """MD5 over the segments' ETags, each with its range if it has one (as Swift computes it)."""
    text = "".join(_etag(line) for line in lines)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _etag(line: Line) -> str:
    if line.data:
        return hashlib.md5(base64.b64decode(line.data), usedforsecurity=False).hexdigest()
    return f"{line.hash}:{line.range};" if line.range else line.hash


def segments_to_delete(tools: Tools, target: Target) -> list[Target]:
    """The parts of a static large object, nested manifests' too, then the manifests. Raises NotFound.

    Each is visited once: manifests may name one another in a circle, and one segment a thousand times.
    """
    parts: dict[Target, None] = {}
    manifests, waiting = {target: None}, [target]
    while waiting:
        manifest = waiting.pop()
        placement = tools.cluster.rings.placement(*manifest.names)
        meta = meta_of(tools, manifest)
        if meta is None and manifest == target:
            raise NotFound(why="The resource could not be found.")
        if meta is None or not is_static(meta):
            continue
        for line in lines_of(Stored(tools.cluster, placement, meta)):
            if line.data:
                continue
            part = Target(target.account, *line.name.lstrip("/").split("/", 1))
            if not line.sub_slo:
                parts[part] = None
            elif part not in manifests:
                manifests[part] = None
                waiting.append(part)
        if len(parts) + len(manifests) > MAX_DELETED_SEGMENTS:
            raise BadRequest(why=f"Too many segments to delete; max {MAX_DELETED_SEGMENTS}")
    return [*parts, *reversed(manifests)]
