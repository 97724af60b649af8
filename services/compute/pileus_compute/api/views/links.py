"""Links and times as answers have them."""

from datetime import datetime
from functools import lru_cache

from flask import request

Link = dict[str, str]


@lru_cache(maxsize=16)
def _without_slash(url: str) -> str:
    return url.rstrip("/")


def base_url() -> str:
    """Return where the client reaches this API: `http://host:8774`."""
    return _without_slash(request.url_root)


def links(kind: str, item_id: str, base: str | None = None) -> list[Link]:
    """Return the links that lead to a resource. A caller that shows many resources passes `base` (see base_url)."""
    base = base or base_url()
    return [
        {"rel": "self", "href": f"{base}/v2.1/{kind}/{item_id}"},
        {"rel": "bookmark", "href": f"{base}/{kind}/{item_id}"},
    ]


def bookmark(kind: str, item_id: str, base: str | None = None) -> list[Link]:
    """Return the link that leads to a resource whatever the API's version."""
    return [{"rel": "bookmark", "href": f"{base or base_url()}/{kind}/{item_id}"}]


def iso_seconds(moment: datetime | None) -> str | None:
    """Return `2026-11-22T10:00:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def iso_micros(moment: datetime) -> str:
    """Return `2026-11-22T10:00:00.000000`, as most of compute's attributes have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")
