"""Listings: the containers of an account, the objects of a container."""

from typing import NamedTuple

from pileus_kit import decoding
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ListingInfo

MAX_ROWS = 10_000  # of one page
VERSIONING = "X-Container-Sysmeta-Versions-Enabled"  # set for a container that keeps versions, or once did


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

    @property
    def version(self) -> str:
        """The id of the version to which an object is a link; '' if it is none (see object_versioning.py)."""
        return self.etag.partition("; version=")[2].partition(";")[0]

    def followed(self) -> "Entry":
        """A link to a version with that version's size and ETag; any other entry as it is."""
        if "; version=" not in self.etag:
            return self
        shown = dict(pair.partition("=")[::2] for pair in self.etag.split("; ")[1:])
        version, etag, size = shown.pop("version"), shown.pop("version_etag"), int(shown.pop("version_bytes"))
        extras = [f"{name}={value}" for name, value in shown.items()]
        return self._replace(size=size, etag="; ".join([etag, *extras, f"version={version}"]))


def fetch(tools: Tools, target: Target, query: ListingQuery) -> tuple[ListingInfo | None, list[Entry]]:
    """The head of an account or container and a page of its listing; (None, []) if there is none."""
    info, entries = fetch_rows(tools, target, query)
    if info is not None and info.value(VERSIONING):
        entries = [entry.followed() for entry in entries]
    return info, entries


def fetch_rows(tools: Tools, target: Target, query: ListingQuery) -> tuple[ListingInfo | None, list[Entry]]:
    """The same with rows as they are stored: links to versions are shown as links."""
    placement = tools.cluster.rings.placement(*target.names)
    info, rows = tools.cluster.listing(target.kind, placement, query)
    return info, decoding.decode(rows, list[Entry]) if rows else []
