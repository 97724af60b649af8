"""?multipart-manifest=put and =delete: static large objects. All errors of a manifest are reported at once."""

import base64
import binascii
from dataclasses import replace

import msgspec

from pileus_kit.errors import BadRequest, CloudError, TooLarge
from pileus_objectstore.api import heartbeats
from pileus_objectstore.api.bulk import report
from pileus_objectstore.api.conditions import parse_ranges
from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.object_versions import version_of
from pileus_objectstore.api.objects import created, if_delete_at, put_request
from pileus_objectstore.api.routes import Calls
from pileus_objectstore.core import bulk_delete, containers, manifest_uploads, manifests, objects
from pileus_objectstore.core.conditions import Span, resolve
from pileus_objectstore.core.manifest_uploads import MAX_ERRORS_SHOWN, TOO_SMALL, SegmentRequest
from pileus_objectstore.core.metadata import TRUE
from pileus_objectstore.core.names import Target, check
from pileus_objectstore.core.tools import Tools

calls = Calls("object")
MAX_SEGMENTS = 1000
MAX_MANIFEST_BYTES = 8 << 20
MAX_SIZE_DIGITS = 19
KEYS = {"path": {"path", "range", "size_bytes", "etag"}, "data": {"data"}}


@calls.endpoint("PUT", policy="objectstore:object:create", acl="write", variant="manifest")
def create(tools: Tools, request: Request) -> Response:
    """Store a static large object: its segments exist already, the body lists them."""
    put = replace(put_request(tools, request), size=0, link=None)
    containers.find(tools, request.target)
    segments = parse_segments(_manifest(request), request.target)

    def store() -> Response:
        reply, etag = manifest_uploads.put(tools, request.access, put, segments)
        return created(reply, f'"{etag}"')

    return heartbeats.answer(request, store) if request.query.get("heartbeat", "").lower() in TRUE else store()


@calls.endpoint("DELETE", policy="objectstore:object:delete", acl="write", variant="manifest")
def delete(tools: Tools, request: Request) -> Response:
    """Delete a static large object with its segments."""
    containers.find(tools, request.target)
    objects.check_delete_at(tools, request.target, if_delete_at(request))
    version = version_of(tools, request, request.target)
    *parts, own = manifests.parts_to_delete(tools, request.target, version)
    deletions = bulk_delete.delete_all(tools, request.access, parts)
    return report(request, [*deletions, bulk_delete.delete_one(tools, request.access, own, version)])


def _manifest(request: Request) -> list[object]:
    data = request.body(MAX_MANIFEST_BYTES)
    if len(data) > MAX_MANIFEST_BYTES:
        raise TooLarge(why=f"Manifest File > {MAX_MANIFEST_BYTES} bytes")
    try:
        manifest = msgspec.json.decode(data)
    except msgspec.MsgspecError as e:
        raise BadRequest(why="Manifest must be valid JSON.") from e
    if not isinstance(manifest, list):
        raise BadRequest(why="Manifest must be a list.")
    return manifest


def parse_segments(manifest: list[object], target: Target) -> list[SegmentRequest]:
    """The segments that a manifest for `target` lists. Raises BadRequest that names everything that is wrong."""
    if not manifest:
        raise BadRequest(why="Manifest must contain at least one segment")
    if sum(1 for entry in manifest if not (isinstance(entry, dict) and "data" in entry)) > MAX_SEGMENTS:
        raise TooLarge(why=f"Number of object-backed segments must be <= {MAX_SEGMENTS}")
    segments, errors = [], []
    for index, entry in enumerate(manifest):
        try:
            segments.append(_segment(entry, target, index == len(manifest) - 1))
        except (BadRequest, ValueError) as e:
            errors.append(f"Index {index}: {e}")
    if segments and not errors and all(segment.data for segment in segments):
        errors.append("Inline data segments require at least one object-backed segment.")
    if errors:
        raise BadRequest(why="\n".join(errors[:MAX_ERRORS_SHOWN]))
    return segments


def _segment(entry: object, target: Target, last: bool) -> SegmentRequest:
    """Raises ValueError (or BadRequest) that says what is wrong with the entry."""
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")
    kind = next((key for key in KEYS if key in entry), "")
    if not kind:
        raise ValueError("expected keys to include one of 'path' or 'data'")
    extra = sorted(set(entry) - KEYS[kind])
    if extra:
        raise ValueError(f"extraneous keys {', '.join(extra)}")
    return _inline_segment(entry["data"]) if kind == "data" else _object_segment(entry, target, last)


def _inline_segment(text: object) -> SegmentRequest:
    if not isinstance(text, str):
        raise ValueError("data must be valid base64")
    try:
        data = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("data must be valid base64") from None
    if not data:
        raise ValueError(TOO_SMALL)
    return SegmentRequest(Target(""), base64.b64encode(data).decode())


def _object_segment(entry: dict[str, object], target: Target, last: bool) -> SegmentRequest:
    path, etag, span = entry["path"], entry.get("etag"), entry.get("range")
    if not isinstance(path, str):
        raise ValueError('"path" must be a string')
    if etag is not None and not isinstance(etag, str):
        raise ValueError('"etag" must be a string or null (if provided)')
    container, _, name = path.lstrip("/").partition("/")
    if not container or not name.strip("/"):
        raise ValueError("path does not refer to an object. Path must be of the form /container/object.")
    part = Target(target.account, container, name)
    try:
        check(part)
    except CloudError as e:
        raise ValueError(str(e)) from e
    size = _size(entry.get("size_bytes"), last)
    if part == target:
        raise ValueError("manifest must not include itself as a segment")
    return SegmentRequest(part, "", etag and etag.strip().strip('"').lower(), size, _range(span, size), path)


def _size(given: object, last: bool) -> int | None:
    if given is None:
        return None
    digits = str(given) if isinstance(given, (int, str)) and not isinstance(given, bool) else ""
    if not (digits.isascii() and digits.removeprefix("-").isdecimal() and len(digits) <= MAX_SIZE_DIGITS):
        raise ValueError("invalid size_bytes")
    if int(digits) < 1 and not last:
        raise ValueError(TOO_SMALL)
    return int(digits)


def _range(given: object, size: int | None) -> Span | None:
    if not given:
        return None
    spans = parse_ranges(f"bytes={given}")
    if not spans:
        raise ValueError("invalid range")
    if len(spans) > 1:
        raise ValueError("multiple ranges (only one allowed)")
    if size is not None and resolve(spans[0], size) is None:
        raise ValueError("unsatisfiable range")
    return spans[0]
