"""The heads of accounts and containers, remembered for a second.

With the cache, a thousand requests a second to one container cost one question to the storage hosts. A request is never
refused because of a remembered head: before a refusal the head is read again (`fresh=True`). So a right that was just
granted takes effect at once everywhere, and one that was revoked ends after a second at most.
"""

import time
from typing import TYPE_CHECKING

from pileus_objectstore.core.names import Target
from pileus_objectstore.wire.contract import ListingInfo

if TYPE_CHECKING:
    from pileus_objectstore.core.cluster import Cluster

FRESH_S = 1.0
MAX_ENTRIES = 10_000


class ListingCache:
    """Heads of listings by account and container. Thread-safe."""

    def __init__(self, cluster: "Cluster") -> None:
        self._cluster = cluster
        self._known: dict[tuple[str, str], tuple[float, ListingInfo | None]] = {}

    def get(self, target: Target, fresh: bool = False) -> ListingInfo | None:
        """The head of an account or container; None if there is none. Raises Unavailable."""
        key = target.account, target.container
        now = time.monotonic()
        known = self._known.get(key)
        if known and now < known[0] and not fresh:
            return known[1]
        info, _ = self._cluster.listing(target.kind, self._cluster.rings.placement(*target.names))
        if len(self._known) >= MAX_ENTRIES:
            self._known.clear()
        if info is not None:
            self._known[key] = (now + FRESH_S, info)
        else:
            self._known.pop(key, None)
        return info

    def forget(self, target: Target) -> None:
        """Drop what is remembered of an account or container that this process has changed."""
        self._known.pop((target.account, target.container), None)
