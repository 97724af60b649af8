"""What is known about accounts and containers, for a second at a time.

A proxy remembers a listing's head for FRESH_S, so a thousand requests a second to one container cost one question.
Nobody is refused
on the strength of a memory: whoever would be, is judged again by a fresh answer (`fresh=True`), so a right that was
just granted holds at
once everywhere, and one that was taken away is gone after a second at most.
"""

import time

from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.core.names import Target
from pileus_objectstore.wire.contract import ListingInfo

FRESH_S = 1.0
MAX_ENTRIES = 10_000


class ListingCache:
    """Heads of listings, by name."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[str, tuple[float, ListingInfo | None]] = {}

    def get(self, target: Target, fresh: bool = False) -> ListingInfo | None:
        """The head of an account or container; None if there is none."""
        path = target.path
        now = time.monotonic()
        known = self._known.get(path)
        if known and now < known[0] and not fresh:
            return known[1]
        info, _ = self._cluster.listing(target.kind, self._cluster.rings.placement(*target.names))
        if len(self._known) >= MAX_ENTRIES:
            self._known.clear()
        if info is not None:
            self._known[path] = (now + FRESH_S, info)
        return info

    def forget(self, target: Target) -> None:
        self._known.pop(target.path, None)
