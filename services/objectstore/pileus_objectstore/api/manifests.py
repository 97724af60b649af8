"""A static manifest as a client puts it: parsed, every segment looked at, all that is wrong with it said at once."""

import base64
import binascii
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from pileus_kit.errors import BadRequest, CloudError, Conflict, Forbidden, TooLarge
from pileus_objectstore.api import symlinks
from pileus_objectstore.api.http import Request
from pileus_objectstore.api.large import MAX_SIZE, Line, is_static, segment_of, static_etag
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core import pages
from pileus_objectstore.core.conditions import Span, ranges, resolve
from pileus_objectstore.core.content import ETAG, SIZE, STATIC
from pileus_objectstore.core.names import Target, check
from pileus_objectstore.wire.contract import ObjectMeta, PutObject

MAX_SEGMENTS = 1000
MAX_BYTES = 8 << 20  # of a manifest
MAX_LOOKUPS = 8  # segments looked at together when a manifest is put
KEYS = {"path": {"path", "range", "size_bytes", "etag"}, "data": {"data"}}
TOO_SMALL = "too small; each segment must be at least 1 byte."


@dataclass
class Wished:
    """One segment as a client puts it: an object, or bytes that the manifest itself carries."""

    part: Target
    data: str = ""
    etag: str | None = None
    size_bytes: int | None = None
    span: Span | None = None


def checked(tools: Tools, request: Request, target: Target) -> list[Line]:
    """The manifest in a PUT's body, each segment looked at. Raises BadRequest that lists all that is wrong."""
    data = request.body(MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise TooLarge(why=f"Manifest File > {MAX_BYTES} bytes")
    try:
        wished = msgspec.json.decode(data)
    except msgspec.MsgspecError as e:
        raise BadRequest(why="Manifest must be valid JSON.") from e
    if not isinstance(wished, list):
        raise BadRequest(why="Manifest must be a list.")
    return validated(tools, request, parsed(wished, target))


def parsed(wished: list[Any], target: Target) -> list[Wished]:
    """The segments that are named, for a manifest at `target`. Raises BadRequest."""
    if not wished:
        raise BadRequest(why="Manifest must contain at least one segment")
    if sum(1 for entry in wished if not (isinstance(entry, dict) and "data" in entry)) > MAX_SEGMENTS:
        raise TooLarge(why=f"Number of object-backed segments must be <= {MAX_SEGMENTS}")
    segments, errors = [], []
    for index, entry in enumerate(wished):
        try:
            segments.append(_segment(entry, target, index == len(wished) - 1))
        except (BadRequest, ValueError) as e:
            errors.append(f"Index {index}: {e}")
    if segments and not errors and all(segment.data for segment in segments):
        errors.append("Inline data segments require at least one object-backed segment.")
    if errors:
        raise BadRequest(why="\n".join(errors[:100]))
    return segments


def _segment(entry: Any, target: Target, last: bool) -> Wished:
    """Raises ValueError (or BadRequest) that says what is wrong with it."""
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")
    kind = next((key for key in KEYS if key in entry), "")
    if not kind:
        raise ValueError("expected keys to include one of 'path' or 'data'")
    extra = sorted(set(entry) - KEYS[kind])
    if extra:
        raise ValueError(f"extraneous keys {', '.join(extra)}")
    return _inline(entry["data"]) if kind == "data" else _named(entry, target, last)


def _inline(text: Any) -> Wished:
    try:
        data = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, AttributeError, ValueError):
        raise ValueError("data must be valid base64") from None
    if not data:
        raise ValueError(TOO_SMALL)
    return Wished(Target(""), base64.b64encode(data).decode())


def _named(entry: dict[str, Any], target: Target, last: bool) -> Wished:
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
    return Wished(part, "", etag and etag.strip().strip('"').lower(), size, _range(span, size))


def _size(given: Any, last: bool) -> int | None:
    if given is None:
        return None
    digits = str(given) if isinstance(given, (int, str)) and not isinstance(given, bool) else ""
    if not (digits.isascii() and digits.removeprefix("-").isdecimal() and len(digits) < 20):
        raise ValueError("invalid size_bytes")
    if int(digits) < 1 and not last:
        raise ValueError(TOO_SMALL)
    return int(digits)


def _range(given: Any, size: int | None) -> Span | None:
    if not given:
        return None
    spans = ranges(f"bytes={given}")
    if not spans:
        raise ValueError("invalid range")
    if len(spans) > 1:
        raise ValueError("multiple ranges (only one allowed)")
    if size is not None and resolve(spans[0], size) is None:
        raise ValueError("unsatisfiable range")
    return spans[0]


def validated(tools: Tools, request: Request, wished: list[Wished]) -> list[Line]:
    """The lines of the manifest. Raises BadRequest that names what is wrong, or not the caller's to read."""
    named = list({segment.part: None for segment in wished if not segment.data})
    if named:
        _look(tools, request, named[0])  # what refuses a stranger does so here, in this thread
    with ThreadPoolExecutor(MAX_LOOKUPS) as lookers:
        metas = dict(zip(named, lookers.map(lambda part: _look(tools, request, part), named), strict=True))
    outcomes = [
        Line(data=segment.data) if segment.data else _line(segment, metas[segment.part], segment is wished[-1])
        for segment in wished
    ]
    errors = [outcome for outcome in outcomes if isinstance(outcome, str)]
    if errors:
        raise BadRequest(why="Errors:\n" + "\n".join(errors[:100]))
    return [outcome for outcome in outcomes if isinstance(outcome, Line)]


def _look(tools: Tools, request: Request, part: Target) -> ObjectMeta | str:
    """What is known of a segment (of what it links to), or why there is nothing to know."""
    try:
        return symlinks.resolved(tools, request, part)[1] or "404 Not Found"
    except Forbidden:
        return "403 Forbidden"
    except Conflict:
        return "409 Conflict"


def _line(args: Wished, meta: ObjectMeta | str, last: bool) -> Line | str:
    """A line of the manifest, or what is wrong with it."""
    path = f"/{args.part.container}/{args.part.object}"
    if isinstance(meta, str):
        return f"{quote(path)}, {meta}"
    nested = is_static(meta)
    etag, size = (meta.headers[ETAG], int(meta.headers[SIZE])) if nested else (meta.etag, meta.size)
    if args.etag and args.etag != etag:
        return f"{quote(path)}, Etag Mismatch"
    if args.size_bytes is not None and args.size_bytes != size:
        return f"{quote(path)}, Size Mismatch"
    found = resolve(args.span, size) if args.span else (0, size - 1)
    if found is None:
        return f"{quote(path)}, Unsatisfiable Range"
    if not size and not last:
        return f"{quote(path)}, {TOO_SMALL.capitalize()}"
    span = "" if found == (0, size - 1) else f"{found[0]}-{found[1]}"
    media = meta.headers.get("Content-Type", "")
    return Line(path, etag, size, media, meta.timestamp, span, nested)


def manifest_of(lines: list[Line], args: PutObject) -> tuple[PutObject, bytes]:
    """How a static manifest is stored, and its bytes. Raises TooLarge."""
    etag, size = static_etag(lines), sum(segment_of(line).size for line in lines)
    if size > MAX_SIZE:
        raise TooLarge(why=f"A large object may have at most {MAX_SIZE} bytes.")
    for line in lines:
        line.last_modified = line.last_modified and pages.iso(line.last_modified)
    data = msgspec.json.encode(lines)
    args.size, args.listed_size, args.listed_etag = len(data), size, f"slo_etag={etag}"
    args.headers |= {STATIC: "True", ETAG: etag, SIZE: str(size)}
    return args, data
