"""Pages of a divided container: only the shards that a page touches are asked, in order, until it is full."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import Transient
from pileus_objectstore.storage.listing_scans import upper_bound
from pileus_objectstore.wire.contract import GetListing, ShardRange

if TYPE_CHECKING:
    from pileus_objectstore.core.cluster import ListingQuery


class ShardGone(Transient):
    """The shard of a range isn't there (any more)."""

    text = "The shard {path} is not there."


class Name(msgspec.Struct, array_like=True):
    """The first column of a row; the others are not read."""

    name: str


def touched(ranges: Iterable[ShardRange], query: "ListingQuery | GetListing") -> list[ShardRange]:
    """Those of ordered ranges that may contain names of a page, in the order in which the page shows them."""
    prefix = query.prefix if query.path is None else (query.path.rstrip("/") + "/" if query.path else "")
    low, high = (query.end_marker, query.marker) if query.reverse else (query.marker, query.end_marker)
    low = max(low, prefix)
    highs = [bound for bound in (high, upper_bound(prefix)) if bound]
    found = [
        one for one in ranges if (not one.upper or one.upper > low) and not any(bound <= one.lower for bound in highs)
    ]
    return found[::-1] if query.reverse else found


def read_page(
    ranges: Iterable[ShardRange], query: "ListingQuery", read: "Callable[[ShardRange, ListingQuery], bytes]"
) -> bytes:
    """The rows (JSON) of a page. `read` asks one shard, from behind what the shard before it has shown last.

    So a group of names that goes on in the next shard is shown once, like one that goes on in the next page.
    """
    pages: list[bytes] = []
    left, group = query.limit, ""
    for found in ranges:
        if group and _is_within(found, group):
            continue
        rows = read(found, replace(query, limit=left))
        entries = decoding.decode(rows, list[msgspec.Raw])
        if not entries:
            continue
        pages.append(rows[1:-1])
        left -= len(entries)
        if left <= 0:
            break
        last = decoding.decode(entries[-1], Name).name
        query = replace(query, marker=last)
        group = last if query.delimiter and last.endswith(query.delimiter) else ""
    return b"[" + b",".join(pages) + b"]"


def _is_within(found: ShardRange, group: str) -> bool:
    """Whether all names of a range begin with `group`."""
    end = upper_bound(group)
    return found.lower.startswith(group) and bool(found.upper) and (not end or found.upper <= end)
