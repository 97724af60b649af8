"""Large objects: a dynamic manifest names a prefix (X-Object-Manifest), a static one lists its segments with ETags.

A reader gets only segments that they may read by themselves: access to each is checked as for a request of its own.
"""

import base64
import hashlib
from collections.abc import Iterator
from urllib.parse import unquote

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import BadRequest, Conflict, Forbidden, NotFound
from pileus_objectstore.core import listing, object_versioning, stored_objects, symlinks
from pileus_objectstore.core.access import READ_OBJECT, Access
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.content import Content, Segment, SegmentedContent
from pileus_objectstore.core.names import CONFLICT, NOT_FOUND, Target
from pileus_objectstore.core.requests import GetRequest
from pileus_objectstore.core.symlinks import SLO_ETAG, SLO_SIZE
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_names import RESERVED
from pileus_objectstore.wire.contract import ObjectMeta

STATIC = "X-Static-Large-Object"
DYNAMIC = "X-Object-Manifest"
MAX_DYNAMIC_SEGMENTS = 100_000
MAX_DELETED_SEGMENTS = 10_000  # of manifests of manifests in one request
MAX_LARGE_OBJECT_BYTES = 1 << 50  # manifests of manifests would soon be larger than a listing's counters
MAX_DEPTH = 10


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
    checksum: str = ""


class ManifestContent:
    """The bytes of a manifest itself, as a client could send it again."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self.etag = hashlib.md5(data, usedforsecurity=False).hexdigest()

    def read(self, first: int, last: int) -> Iterator[bytes]:
        """The bytes `first` to `last`, both included."""
        yield self._data[first : last + 1]


def is_static(meta: ObjectMeta) -> bool:
    """Whether an object is a static large object's manifest."""
    return STATIC in meta.headers


def is_manifest(meta: ObjectMeta) -> bool:
    """Whether an object is the manifest of a large object."""
    return STATIC in meta.headers or DYNAMIC in meta.headers


def as_put(stored: Content) -> ManifestContent:
    """A static manifest in the form in which a client could put it again."""
    return ManifestContent(msgspec.json.encode([_line_as_put(line) for line in read_lines(stored)]))


def _line_as_put(line: Line) -> dict[str, str | int]:
    if line.data:
        return {"data": line.data}
    shown: dict[str, str | int] = {"path": line.name, "etag": line.hash, "size_bytes": line.bytes}
    return shown | ({"range": line.range} if line.range else {})


def read_lines(stored: Content) -> list[Line]:
    """The lines of a stored static manifest."""
    return decoding.decode(b"".join(stored.read(0, stored.size - 1)), list[Line])


def open_large(
    tools: Tools, access: Access, request: GetRequest, target: Target, meta: ObjectMeta, depth: int = 0
) -> SegmentedContent:
    """The large object that the manifest at `target` stands for. Raises Conflict and Forbidden.

    Manifests may name manifests MAX_DEPTH deep.
    """
    if depth >= MAX_DEPTH:
        raise Conflict(why=CONFLICT)

    def opener(segment: Segment) -> Content:
        part = Target(target.account, *segment.path.lstrip("/").split("/", 1))
        try:
            part, found = symlinks.resolve(tools, access, part)
        except Forbidden as e:
            raise Conflict(why=f"Segment {segment.path} may not be read by this user.") from e
        if found is None:
            raise Conflict(why=f"Segment {segment.path} is gone.")
        if segment.nested and is_static(found):
            return open_large(tools, access, request, part, found, depth + 1)
        return stored_objects.readable_content_of(tools, found, access.customer_key)

    if is_static(meta):
        if request.head and request.part is None and meta.headers.get(SLO_SIZE):
            whole = Segment(target.path, "", 0, int(meta.headers[SLO_SIZE]) - 1)
            return SegmentedContent([whole], meta.headers[SLO_ETAG], opener)
        lines = read_lines(stored_objects.content_of(tools, meta))
        etag = meta.headers.get(SLO_ETAG) or static_etag(lines)
        return SegmentedContent([segment_of(line) for line in lines], etag, opener, static=True)
    segments = _dynamic_segments(tools, access, target, meta.headers[DYNAMIC])
    return SegmentedContent(segments, _dynamic_etag(segments), opener)


def segment_of(line: Line) -> Segment:
    """The segment that a line of a static manifest describes."""
    if line.data:
        data = base64.b64decode(line.data)
        return Segment("", "", 0, len(data) - 1, data=data)
    first, last = 0, line.bytes - 1
    if line.range:
        first, last = (int(part) for part in line.range.split("-"))
    return Segment(line.name, line.hash, first, last, line.sub_slo, checksum=line.checksum)


def static_etag(lines: list[Line]) -> str:
    """MD5 over the segments' ETags, each followed by its range if it has one, as Swift computes it."""
    text = "".join(_line_etag(line) for line in lines)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _line_etag(line: Line) -> str:
    if line.data:
        return hashlib.md5(base64.b64decode(line.data), usedforsecurity=False).hexdigest()
    return f"{line.hash}:{line.range};" if line.range else line.hash


def _dynamic_segments(tools: Tools, access: Access, target: Target, manifest: str) -> list[Segment]:
    """The objects that a dynamic manifest's prefix matches now, in the listing's order."""
    container, _, prefix = unquote(manifest).lstrip("/").partition("/")
    access.require(READ_OBJECT, Target(target.account, container, prefix))
    holder = Target(target.account, container)
    segments: list[Segment] = []
    marker = ""
    while len(segments) < MAX_DYNAMIC_SEGMENTS:
        query = ListingQuery(limit=listing.MAX_ROWS, prefix=prefix, marker=marker)
        page = listing.fetch(tools, holder, query)[1]
        for entry in page:
            own, _, extra = entry.etag.partition("; ")
            etag = extra.removeprefix("slo_etag=") if extra.startswith("slo_etag=") else own
            segments.append(Segment(f"/{container}/{entry.name}", etag, 0, entry.size - 1, nested=True))
        if len(page) < listing.MAX_ROWS:
            break
        marker = page[-1].name
    return segments


def _dynamic_etag(segments: list[Segment]) -> str:
    return hashlib.md5("".join(s.etag for s in segments).encode(), usedforsecurity=False).hexdigest()


def parts_to_delete(tools: Tools, target: Target, version: str = "") -> list[Target]:
    """The segments of a static large object, nested manifests' too, then the manifests, its own last. Raises NotFound.

    With `version` they are those of a version. Each is visited once: manifests may name one another in a circle, and
    one segment a thousand times.
    """
    segments: dict[Target, None] = {}
    manifests, waiting = {target: None}, [target]
    while waiting:
        manifest = waiting.pop()
        named = version if manifest == target else ""
        meta = object_versioning.find(tools, target, named) if named else stored_objects.find(tools, manifest)
        if meta is None and manifest == target:
            raise NotFound(why=NOT_FOUND)
        if meta is None or not is_static(meta):
            continue
        for part, is_manifest_line in _named_objects(target.account, stored_objects.content_of(tools, meta)):
            if not is_manifest_line:
                segments[part] = None
            elif part not in manifests:
                manifests[part] = None
                waiting.append(part)
        if len(segments) + len(manifests) > MAX_DELETED_SEGMENTS:
            raise BadRequest(why=f"Too many segments to delete; max {MAX_DELETED_SEGMENTS}")
    return [*segments, *reversed(manifests)]


def _named_objects(account: str, stored: Content) -> Iterator[tuple[Target, bool]]:
    """(object, whether it is a manifest itself) for each line that names an object."""
    for line in read_lines(stored):
        if not line.data and not line.name.startswith(f"/{RESERVED}"):  # parts of an upload go with their object
            yield Target(account, *line.name.lstrip("/").split("/", 1)), line.sub_slo
