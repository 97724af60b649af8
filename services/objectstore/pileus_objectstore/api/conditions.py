"""Parses conditional and range headers (RFC 9110, 13 and 14)."""

from collections.abc import Mapping
from datetime import datetime

from werkzeug.http import parse_date, parse_etags, parse_range_header

from pileus_objectstore.core.conditions import MAX_RANGES, Conditions, Span
from pileus_objectstore.core.requests import Ranges

CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
MAX_POSITION = 10**19  # no object is that long; longer numbers cost time to parse


def conditions(headers: Mapping[str, str], *, all_hold: bool = False) -> Conditions | None:
    """The conditions of a request, None if it has none. Dates that can't be read are ignored.

    `all_hold`: see Conditions.
    """
    if not any(name in headers for name in CONDITIONS):
        return None
    match, none_match = headers.get("If-Match"), headers.get("If-None-Match")
    return Conditions(
        None if match is None else parse_etags(match),
        None if none_match is None else parse_etags(none_match),
        date_of(headers.get("If-Modified-Since")),
        date_of(headers.get("If-Unmodified-Since")),
        all_hold,
    )


def date_of(text: str | None) -> datetime | None:
    """A date as headers have it; None for what can't be read."""
    try:
        return parse_date(text)
    except (ValueError, OverflowError):  # of numbers that no date has
        return None


def ranges(headers: Mapping[str, str]) -> Ranges:
    """The ranges of a request; None without a Range header, () for one that means nothing and is ignored."""
    header = headers.get("Range")
    return parse_ranges(header) if header else None


def parse_ranges(header: str) -> tuple[Span, ...]:
    """The spans of `bytes=0-9,20-,-5` in the order of the header.

    Each is parsed by itself: Werkzeug takes several only in ascending order, but Swift takes them in any order.
    """
    unit, _, rest = header.partition("=")
    if unit.strip().lower() != "bytes":
        return ()
    parts = rest.split(",")
    spans = [_span(part.strip()) for part in parts] if len(parts) <= MAX_RANGES else []
    return tuple(span for span in spans if span) if all(spans) else ()


def _span(text: str) -> Span | None:
    if text.startswith("-0") and not text[1:].strip("0"):
        return None, 0  # no byte: Werkzeug refuses it, RFC 9110 calls it unsatisfiable
    parsed = parse_range_header(f"bytes={text}") if len(text) <= 2 * len(str(MAX_POSITION)) else None
    if parsed is None:
        return None
    first, end = parsed.ranges[0]
    if text.startswith("-"):
        return (None, -first) if -first < MAX_POSITION else None
    if first >= MAX_POSITION or (end or 0) > MAX_POSITION:
        return None
    return first, None if end is None else end - 1
