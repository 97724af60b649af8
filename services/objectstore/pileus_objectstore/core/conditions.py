"""Conditional requests (RFC 9110, 13) and byte ranges (RFC 9110, 14)."""

from dataclasses import dataclass
from datetime import datetime

from werkzeug.datastructures import ETags

MAX_RANGES = 50
Span = tuple[int | None, int | None]  # `first-last` as a Range header has it; either may be missing


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a request; None where it has none of that kind.

    `all_hold`: as in Swift, If-Unmodified-Since counts beside If-Match; RFC 9110 and S3 ignore it there.
    """

    if_match: ETags | None = None
    if_none_match: ETags | None = None
    if_modified_since: datetime | None = None
    if_unmodified_since: datetime | None = None
    all_hold: bool = False

    def evaluate(self, etag: str, modified: float) -> int:
        """200, 304 or 412 for something with this ETag that was last changed at `modified` (epoch seconds)."""
        if self.if_match is not None and not self.if_match.contains_weak(etag):
            return 412
        since = self.if_unmodified_since if self.if_match is None or self.all_hold else None
        if since is not None and _whole_seconds(modified) > since.timestamp():
            return 412
        if self.if_none_match is not None:
            return 304 if self.if_none_match.contains_weak(etag) else 200
        if self.if_modified_since is not None and _whole_seconds(modified) <= self.if_modified_since.timestamp():
            return 304
        return 200


def _whole_seconds(moment: float) -> int:
    """Rounded up, as Last-Modified is."""
    return -int(-moment // 1)


def resolve(span: Span, size: int) -> tuple[int, int] | None:
    """(first, last) byte of a span within `size` bytes; None if the span lies beyond the end."""
    first, last = span
    if first is None:
        first, last = max(0, size - (last or 0)), size - 1
    last = size - 1 if last is None else min(last, size - 1)
    return (first, last) if first <= last and first < size else None
