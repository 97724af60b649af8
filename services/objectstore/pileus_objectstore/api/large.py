"""Large objects: a dynamic manifest names a prefix (X-Object-Manifest), a static one lists its segments with their
ETags.

A reader sees only segments that he may read by himself: each is judged like a request of its own.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

import msgspec

from pileus_kit.errors import BadRequest, Conflict, NotFound, TooLarge
from pileus_objectstore.api.exchange import Request
from pileus_objectstore.api.judging import READ, judge
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core.conditions import ranges, resolve
from pileus_objectstore.core.contents import Content, Segment, Segmented, Stored
from pileus_objectstore.core.names import Target, check
from pileus_objectstore.core.pages import LIMIT, Entry
from pileus_objectstore.rpc.contract import Meta

MOST_SEGMENTS = 1000
MOST_BYTES = 8 << 20  # of a manifest
MOST_DYNAMIC = 100_000
MOST_DELETED = 10_000  # segments of manifests of manifests in one request
MOST_SIZE = 1 << 50  # of a large object: manifests of manifests would soon be more than a listing can count
DEPTH = 10
STATIC = "X-Static-Large-Object"
ETAG = "X-Object-Sysmeta-Slo-Etag"
SIZE = "X-Object-Sysmeta-Slo-Size"
LOOKERS = 8  # segments looked at together when a manifest is put


class Line(msgspec.Struct, omit_defaults=True):
    """One segment in a stored static manifest."""

    name: str
    hash: str
    bytes: int
    content_type: str = ""
    last_modified: str = ""
    range: str = ""
    sub_slo: bool = False


def is_static(meta: Meta) -> bool:
    return STATIC in meta.headers


def is_manifest(meta: Meta) -> bool:
    return STATIC in meta.headers or "X-Object-Manifest" in meta.headers


class Raw:
    """A manifest's own bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self.etag = hashlib.md5(data, usedforsecurity=False).hexdigest()

    def read(self, first: int, last: int) -> Any:
        yield self._data[first : last + 1]


def raw(request: Request, meta: Meta, stored: Stored) -> Content:
    """What ?multipart-manifest=get shows: the manifest as stored, or (format=raw) as it could be put again."""
    if not is_static(meta) or request.query.get("format") != "raw" or request.method not in ("GET", "HEAD"):
        return stored  # a copy is of what is stored
    lines = lines_of(stored)
    again = [
        {"path": line.name, "etag": line.hash, "size_bytes": line.bytes} | ({"range": line.range} if line.range else {})
        for line in lines
    ]
    return Raw(msgspec.json.encode(again))


def lines_of(stored: Stored) -> list[Line]:
    return msgspec.json.decode(b"".join(stored.read(0, stored.size - 1)), type=list[Line])


def open_manifest(
    tools: Tools, request: Request, target: Target, meta: Meta, stored: Stored, depth: int = 0
) -> Segmented:
    """The object that the manifest stands for."""
    if depth > DEPTH:
        raise Conflict(why=f"Manifests are nested more than {DEPTH} deep.")

    def opener(segment: Segment) -> Content:
        part = Target(target.account, *segment.path.lstrip("/").split("/", 1))
        judge(tools, request, part, *READ)
        place = tools.cluster.rings.place(*part.names)
        found = tools.cluster.head(place).meta
        if found is None:
            raise Conflict(why=f"Segment {segment.path} is gone.")
        content = Stored(tools.cluster, place, found)
        if segment.nested and is_static(found):
            return open_manifest(tools, request, part, found, content, depth + 1)
        return content

    if is_static(meta):
        if request.method == "HEAD" and meta.headers.get(SIZE):
            whole = Segment(target.path, "", 0, int(meta.headers[SIZE]) - 1)
            return Segmented([whole], meta.headers[ETAG], opener)
        segments = [segment_of(line) for line in lines_of(stored)]
        return Segmented(segments, meta.headers.get(ETAG) or static_etag(lines_of(stored)), opener)
    segments = dynamic(tools, request, target, meta.headers["X-Object-Manifest"])
    return Segmented(segments, dynamic_etag(segments), opener)


def segment_of(line: Line) -> Segment:
    first, last = 0, line.bytes - 1
    if line.range:
        first, last = (int(part) for part in line.range.split("-"))
    return Segment(line.name, line.hash, first, last, line.sub_slo)


def dynamic(tools: Tools, request: Request, target: Target, manifest: str) -> list[Segment]:
    container, _, prefix = unquote(manifest).lstrip("/").partition("/")
    holder = Target(target.account, container)
    judge(tools, request, Target(target.account, container, prefix), *READ)
    segments: list[Segment] = []
    place, marker = tools.cluster.rings.place(*holder.names), ""
    while len(segments) < MOST_DYNAMIC:
        _, rows = tools.cluster.listing("container", place, limit=LIMIT, prefix=prefix, marker=marker)
        page = msgspec.json.decode(rows, type=list[Entry]) if rows else []
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
    text = "".join(f"{line.hash}:{line.range};" if line.range else line.hash for line in lines)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Wished(msgspec.Struct, forbid_unknown_fields=True):
    """One segment as a client puts it."""

    path: str
    etag: str | None = None
    size_bytes: int | None = None
    range: str | None = None


def checked(tools: Tools, request: Request) -> list[Line]:
    """The manifest in a PUT's body, each segment looked at. Raises BadRequest that lists all that is wrong."""
    data = request.body(MOST_BYTES)
    if len(data) > MOST_BYTES:
        raise TooLarge(why=f"A manifest may have at most {MOST_BYTES} bytes.")
    try:
        wished = msgspec.json.decode(data, type=list[Wished])
    except msgspec.MsgspecError as e:
        raise BadRequest(why=f"Manifest must be valid JSON: {e}") from e
    if not wished:
        raise BadRequest(why="Manifest must contain at least one segment")
    if len(wished) > MOST_SEGMENTS:
        raise TooLarge(why=f"Number of segments must be <= {MOST_SEGMENTS}")
    parts = [_target(request, wish) for wish in wished]
    for container in {part.container for part in parts}:
        judge(tools, request, Target(request.target.account, container, "-"), *READ)
    with ThreadPoolExecutor(LOOKERS) as lookers:
        looked = list(lookers.map(lambda pair: _look(tools, *pair), zip(wished, parts, strict=True)))
    errors = [outcome for outcome in looked if isinstance(outcome, str)]
    if errors:
        raise BadRequest(why="Errors:\n" + "\n".join(errors[:100]))
    return [outcome for outcome in looked if isinstance(outcome, Line)]


def _target(request: Request, wish: Wished) -> Target:
    container, _, name = wish.path.lstrip("/").partition("/")
    if not container or not name:
        raise BadRequest(why=f"path must be of the form /container/object: {wish.path!r}")
    part = Target(request.target.account, container, name)
    check(part)
    return part


def _look(tools: Tools, wish: Wished, part: Target) -> Line | str:
    """A line of the manifest, or what is wrong with it."""
    meta = tools.cluster.head(tools.cluster.rings.place(*part.names), newest=True).meta
    if meta is None:
        return f"{wish.path}, 404 Not Found"
    nested = is_static(meta)
    etag, size = (meta.headers[ETAG], int(meta.headers[SIZE])) if nested else (meta.etag, meta.size)
    if wish.etag and wish.etag.strip('"').lower() != etag:
        return f"{wish.path}, Etag Mismatch"
    if wish.size_bytes is not None and wish.size_bytes != size:
        return f"{wish.path}, Size Mismatch"
    if not size:
        return f"{wish.path}, Too Small; each segment must be at least 1 byte."
    span = _span(wish.range, size) if wish.range else ""
    if span is None:
        return f"{wish.path}, Unsatisfiable Range"
    return Line(
        f"/{part.container}/{part.object}",
        etag,
        size,
        meta.headers.get("Content-Type", ""),
        meta.timestamp,
        span,
        nested,
    )


def _span(text: str, size: int) -> str | None:
    spans = ranges(f"bytes={text}")
    found = resolve(spans[0], size) if len(spans) == 1 else None
    return f"{found[0]}-{found[1]}" if found else None


def segments_to_delete(tools: Tools, target: Target) -> list[Target]:
    """The parts of a static large object, nested manifests' too, then the manifests. Raises NotFound.

    Each is visited once: manifests may name one another in a circle, and one segment a thousand times.
    """
    parts: dict[Target, None] = {}
    manifests, waiting = {target: None}, [target]
    while waiting:
        manifest = waiting.pop()
        place = tools.cluster.rings.place(*manifest.names)
        meta = tools.cluster.head(place).meta
        if meta is None and manifest == target:
            raise NotFound(why="The resource could not be found.")
        if meta is None or not is_static(meta):
            continue
        for line in lines_of(Stored(tools.cluster, place, meta)):
            part = Target(target.account, *line.name.lstrip("/").split("/", 1))
            if not line.sub_slo:
                parts[part] = None
            elif part not in manifests:
                manifests[part] = None
                waiting.append(part)
        if len(parts) + len(manifests) > MOST_DELETED:
            raise BadRequest(why=f"Too many segments to delete; max {MOST_DELETED}")
    return [*parts, *reversed(manifests)]
