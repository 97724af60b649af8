"""Storing a static large object's manifest: every segment is checked, and all errors are reported at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from pileus_kit.errors import BadRequest, Conflict, Forbidden, TooLarge
from pileus_objectstore.core import containers, event_queues, symlinks, versions
from pileus_objectstore.core.access import Access
from pileus_objectstore.core.conditions import Span, resolve
from pileus_objectstore.core.manifests import (
    MAX_LARGE_OBJECT_BYTES,
    STATIC,
    Line,
    is_static,
    segment_of,
    static_etag,
)
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.requests import PutRequest
from pileus_objectstore.core.stored_objects import UNPLACED, reader_of
from pileus_objectstore.core.symlinks import SLO_ETAG, SLO_SIZE
from pileus_objectstore.core.timestamps import iso
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.errors import Unprocessable
from pileus_objectstore.wire.contract import ObjectMeta, ObjectReply, PutObject, timestamp

MAX_LOOKUPS = 8  # segments that are looked up at the same time
MAX_ERRORS_SHOWN = 100
TOO_SMALL = "too small; each segment must be at least 1 byte."


class SegmentsRefused(BadRequest):
    """Segments are gone, may not be read, or are not what the client says. `problems`: (path as it wrote it, why)."""

    text = "Errors:\n{lines}"

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems[:MAX_ERRORS_SHOWN]
        super().__init__(lines="\n".join(f"{quote(path)}, {why}" for path, why in self.problems))


@dataclass(frozen=True, slots=True)
class SegmentRequest:
    """One segment of a manifest that is being stored: an object, or `data` (base64) that the manifest itself carries.

    ETag and size are what the client expects the object to have; None if it doesn't say. `path` is how it wrote the
    object's name.
    """

    part: Target
    data: str = ""
    etag: str | None = None
    size_bytes: int | None = None
    span: Span | None = None
    path: str = ""


def put(tools: Tools, access: Access, request: PutRequest, segments: list[SegmentRequest]) -> tuple[ObjectReply, str]:
    """Store a manifest of these segments: (reply, ETag of the large object). `request.etag` is that ETag, too.

    Raises NotFound, BadRequest, TooLarge or Unprocessable.
    """
    container = containers.find(tools, request.target)
    lines = check_segments(tools, access, segments)
    etag, manifest, data = build(tools, request, lines)
    if request.etag and request.etag != etag:
        raise Unprocessable(why="The manifest's ETag is not what the ETag header says.")
    reply = versions.save(tools, request.target, manifest, reader_of(iter([data])), container)
    event_queues.created(tools, request.target, manifest, reply, request.event)
    return reply, etag


def build(tools: Tools, request: PutRequest, lines: list[Line]) -> tuple[str, PutObject, bytes]:
    """(ETag of the large object, how its manifest is stored, the manifest's bytes). Raises TooLarge."""
    etag, size = static_etag(lines), sum(segment_of(line).size for line in lines)
    if size > MAX_LARGE_OBJECT_BYTES:
        raise TooLarge(why=f"A large object may have at most {MAX_LARGE_OBJECT_BYTES} bytes.")
    for line in lines:
        line.last_modified = line.last_modified and iso(line.last_modified)
    data = msgspec.json.encode(lines)
    headers = {**request.headers, STATIC: "True", SLO_ETAG: etag, SLO_SIZE: str(size)}
    manifest = PutObject(
        UNPLACED, request.target.path, timestamp(tools.now()), headers, len(data),
        delete_at=request.delete_at, only_if_new=request.only_if_new, listed_size=size, listed_etag=f"slo_etag={etag}",
    )  # fmt: skip
    return etag, manifest, data


def check_segments(tools: Tools, access: Access, segments: list[SegmentRequest]) -> list[Line]:
    """The lines of the manifest. Raises SegmentsRefused for all that are wrong or not readable."""
    named = list({segment.part: None for segment in segments if not segment.data})
    if named:
        _look_up(tools, access, named[0])  # in this thread, so that a caller without any right is refused as usual
    with ThreadPoolExecutor(MAX_LOOKUPS) as lookups:
        metas = dict(zip(named, lookups.map(lambda part: _look_up(tools, access, part), named), strict=True))
    lines, problems = [], []
    for segment in segments:
        if segment.data:
            lines.append(Line(data=segment.data))
            continue
        line = _line(segment, metas[segment.part], segment is segments[-1])
        if isinstance(line, Line):
            lines.append(line)
        else:
            problems.append((segment.path or f"/{segment.part.container}/{segment.part.object}", line))
    if problems:
        raise SegmentsRefused(problems)
    return lines


def segment_requests_of(lines: list[Line], target: Target) -> list[SegmentRequest]:
    """A stored manifest's segments for a copy at `target`, whose account the paths mean then. Raises BadRequest."""
    segments = []
    for index, line in enumerate(lines):
        if line.data:
            segments.append(SegmentRequest(Target(""), line.data))
            continue
        part = Target(target.account, *line.name.lstrip("/").split("/", 1))
        if part == target:
            raise BadRequest(why=f"Index {index}: manifest must not include itself as a segment")
        span = None
        if line.range:
            first, last = line.range.split("-")
            span = (int(first), int(last))
        segments.append(SegmentRequest(part, "", line.hash, line.bytes, span))
    return segments


def _look_up(tools: Tools, access: Access, part: Target) -> ObjectMeta | str:
    """What is known of a segment, or of what it links to; a status line if it can't be read."""
    try:
        return symlinks.resolve(tools, access, part)[1] or "404 Not Found"
    except Forbidden:
        return "403 Forbidden"
    except Conflict:
        return "409 Conflict"


def _line(segment: SegmentRequest, meta: ObjectMeta | str, last: bool) -> Line | str:
    """A line of the manifest, or what is wrong with the segment."""
    path = f"/{segment.part.container}/{segment.part.object}"
    if isinstance(meta, str):
        return meta
    nested = is_static(meta)
    etag, size = (meta.headers[SLO_ETAG], int(meta.headers[SLO_SIZE])) if nested else (meta.etag, meta.size)
    if segment.etag and segment.etag != etag:
        return "Etag Mismatch"
    if segment.size_bytes is not None and segment.size_bytes != size:
        return "Size Mismatch"
    found = resolve(segment.span, size) if segment.span else (0, size - 1)
    if found is None:
        return "Unsatisfiable Range"
    if not size and not last:
        return TOO_SMALL.capitalize()
    span = "" if found == (0, size - 1) else f"{found[0]}-{found[1]}"
    media = meta.headers.get("Content-Type", "")
    return Line(path, etag, size, media, meta.timestamp, span, nested)
