"""Lists of the buckets that a daemon has to look after, so that it needn't read all buckets of the store.

Each bucket is an empty object `ACCOUNT/BUCKET` in a container of the store itself, whose metadata is for the daemon.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pileus_objectstore.core import containers, listing, stored_objects
from pileus_objectstore.core.clock import STEP_S
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ObjectMeta, PutObject, timestamp

ACCOUNT = ".pileus-s3"


@dataclass(frozen=True, slots=True)
class Entry:
    """A bucket in an index, when its entry changed, and what the listing shows of it ({name: value})."""

    bucket: Target
    changed_at: str
    shown: Mapping[str, str]


class BucketIndex:
    """One list. `name` is that of its container."""

    def __init__(self, name: str) -> None:
        self._container = Target(ACCOUNT, name)

    def write(self, tools: Tools, bucket: Target, headers: Mapping[str, str], shown: str = "") -> None:
        """Enter a bucket, or replace its entry. `shown` is as `ObjectMeta.listed_etag`."""
        if tools.listing_cache.get(self._container) is None:
            containers.create(tools, None, self._container, {})
        place, kept = self._place(bucket), {"Content-Type": "application/x-bucket", **headers}
        request = PutObject(stored_objects.UNPLACED, place.path, timestamp(tools.now()), kept, 0, listed_etag=shown)
        tools.cluster.put_object(place, request, lambda _: b"")

    def find(self, tools: Tools, bucket: Target) -> ObjectMeta | None:
        """The entry's metadata; None if the bucket isn't entered."""
        return stored_objects.find(tools, self._place(bucket), newest=True)

    def entries(self, tools: Tools) -> Iterator[Entry]:
        """All entries."""
        marker = ""
        while True:
            page = listing.fetch(tools, self._container, ListingQuery(limit=listing.MAX_ROWS, marker=marker))[1]
            for row in page:
                account, _, container = row.name.partition("/")
                shown = dict(one.partition("=")[::2] for one in row.etag.split("; ")[1:])
                yield Entry(Target(account, container), row.timestamp, shown)
            if len(page) < listing.MAX_ROWS:
                return
            marker = page[-1].name

    def remove(self, tools: Tools, entry: Entry) -> None:
        """Remove an entry, unless it was made again meanwhile: then it is newer than this removal."""
        stored_objects.delete(tools, self._place(entry.bucket), stamp=timestamp(float(entry.changed_at) + STEP_S))

    def _place(self, bucket: Target) -> Target:
        return Target(self._container.account, self._container.container, f"{bucket.account}/{bucket.container}")
