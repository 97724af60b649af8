"""Query parameters that lists of compute share: pages, times of change, and the link to the next page."""

from collections.abc import Collection, Sized
from datetime import datetime

from flask import request

from pileus_compute.api.views.links import Link, base_url
from pileus_kit.errors import BadRequest
from pileus_kit.listing import Dialect, next_url
from pileus_kit.web import version

MAX_LIMIT = 1000  # rows in one answer
TRUE_WORDS = ("true", "1", "t", "yes", "on", "y")
LISTING = Dialect(unpaired_directions="Sort direction array size exceeds sort key array size.")


def limit() -> int:
    """Return how many rows the answer may have: what `limit` asks for, at most MAX_LIMIT."""
    return LISTING.limit(request.args, default=MAX_LIMIT, maximum=MAX_LIMIT)


def offset() -> int:
    """Return how many rows to leave out."""
    return LISTING.offset(request.args)


def is_true(name: str) -> bool:
    """Return whether the parameter is there and says yes. Any other word means no, as in OpenStack's older lists."""
    return request.args.get(name, "").lower() in TRUE_WORDS


def changed_between() -> tuple[datetime | None, datetime | None]:
    """Return `changes-since`, and from microversion 2.66 `changes-before`."""
    since, before = _time("changes-since"), _time("changes-before") if version() >= (2, 66) else None
    if since and before and since > before:
        raise BadRequest(why="The value of changes-since must be less than or equal to changes-before.")
    return since, before


def _time(name: str) -> datetime | None:
    return LISTING.time(name, request.args[name]) if name in request.args else None


def next_link(items: Sized, limit: int, marker: str | None) -> list[Link]:
    """Return the link to the next page, if this one is full."""
    if limit == 0 or len(items) < limit or marker is None:
        return []
    return [{"rel": "next", "href": next_url(base_url() + request.path, request.args, marker, limit=limit)}]


def links_to_next(key: str, items: Collection[object], limit: int, marker: str | None) -> dict[str, list[Link]]:
    """Return the attribute `key` with the link to the next page; nothing if this is the last one."""
    following = next_link(items, limit, marker)
    return {key: following} if following else {}
