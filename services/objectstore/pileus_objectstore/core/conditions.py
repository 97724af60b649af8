"""If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since (RFC 9110, 13) and Range (14)."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
MAX_RANGES = 50
Span = tuple[int | None, int | None]


def verdict(headers: Mapping[str, str], etag: str, modified: float) -> int:
    """200, 304 or 412 for something with this ETag, changed at this time (epoch seconds)."""
    match, none_match = headers.get("If-Match"), headers.get("If-None-Match")
    if match is not None and not _matches(match, etag):
        return 412
    if match is None:
        since = _epoch(headers.get("If-Unmodified-Since"))
        if since is not None and _ceil(modified) > since:
            return 412
    if none_match is not None:
        return 304 if _matches(none_match, etag) else 200
    since = _epoch(headers.get("If-Modified-Since"))
    return 304 if since is not None and _ceil(modified) <= since else 200


def _ceil(moment: float) -> int:
    return -int(-moment // 1)


def _matches(header: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return "*" in tags or etag in tags


def _epoch(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def ranges(header: str) -> list[Span]:
    """The spans of `bytes=0-9,20-,-5`; [] for a header that is none (it is ignored then)."""
    unit, equals, rest = header.partition("=")
    if unit.strip().lower() != "bytes" or not equals:
        return []
    spans = []
    for part in rest.split(","):
        first, dash, last = (text.strip() for text in part.partition("-"))
        if not dash or not (first or last) or not _digits(first) or not _digits(last):
            return []
        span = (int(first) if first else None, int(last) if last else None)
        if span[0] is not None and span[1] is not None and span[0] > span[1]:
            return []
        spans.append(span)
    return spans if len(spans) <= MAX_RANGES else []


def _digits(text: str) -> bool:
    return len(text) <= 19 and (not text or (text.isascii() and text.isdecimal()))


def resolve(span: Span, size: int) -> tuple[int, int] | None:
    """(first, last) of a span within `size` bytes; None if nothing of it is there."""
    first, last = span
    if first is None:
        first, last = max(0, size - (last or 0)), size - 1
    last = size - 1 if last is None else min(last, size - 1)
    return (first, last) if first <= last and first < size else None
