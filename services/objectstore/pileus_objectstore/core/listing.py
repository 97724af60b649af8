"""Listings: the containers of an account, the objects of a container."""

from typing import NamedTuple

from pileus_kit import decoding
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ListingInfo

MAX_ROWS = 10_000  # of one page


class Entry(NamedTuple):
    """One line of a listing: an object, a container (then `size` and `objects` are its sums), or a group.

    A group stands for all names that begin with `name`, which ends with the delimiter; it has no timestamp. `etag` may
    be followed by what a listing shows of large objects and links: see `ObjectMeta.listed_etag`.
    """

    name: str
    timestamp: str
    size: int
    etag: str
    content_type: str
    objects: int

    @property
    def is_group(self) -> bool:
        """Whether the entry stands for several names."""
        return not self.timestamp


def fetch(tools: Tools, target: Target, query: ListingQuery) -> tuple[ListingInfo | None, list[Entry]]:
    """The head of an account or container and a page of its listing; (None, []) if there is none."""
    placement = tools.cluster.rings.placement(*target.names)
    info, rows = tools.cluster.listing(target.kind, placement, query)
    return info, decoding.decode(rows, list[Entry]) if rows else []
