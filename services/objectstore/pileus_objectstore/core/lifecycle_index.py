"""The buckets that the lifecycle daemon has to look after, and how far it has come with each.

Each is an empty object `ACCOUNT/BUCKET` in a container of the store itself, so workers find them without reading all
buckets. What the daemon remembers of a bucket is that object's metadata: a pass goes on where a killed worker left it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from pileus_kit import decoding
from pileus_objectstore.core import containers, listing, stored_objects
from pileus_objectstore.core.clock import STEP_S
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import PutObject, timestamp

INDEX = Target(".pileus-s3", "lifecycle")
PROGRESS = "X-Object-Sysmeta-S3-Lifecycle-Progress"


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a pass over a bucket has come: it `began` at that time, with the rules of `rules_at`.

    `scan` is the number of the list that it reads, `marker` the last name that it has looked at there.
    """

    began: float = 0.0
    rules_at: str = ""
    scan: int = 0
    marker: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A bucket in the index: when its entry changed, and when the last whole pass over it began (0: never)."""

    bucket: Target
    changed_at: str
    done: float


def enter(tools: Tools, bucket: Target) -> None:
    """Enter a bucket, or have it looked at again from the beginning."""
    if tools.listing_cache.get(INDEX) is None:
        containers.create(tools, None, INDEX, {})
    _write(tools, bucket, Progress(), 0.0)


def entries(tools: Tools) -> Iterator[Entry]:
    """All entries."""
    marker = ""
    while True:
        page = listing.fetch(tools, INDEX, ListingQuery(limit=listing.MAX_ROWS, marker=marker))[1]
        for row in page:
            account, _, container = row.name.partition("/")
            done = dict(one.partition("=")[::2] for one in row.etag.split("; ")[1:]).get("done", "0")
            yield Entry(Target(account, container), row.timestamp, float(done))
        if len(page) < listing.MAX_ROWS:
            return
        marker = page[-1].name


def progress(tools: Tools, bucket: Target) -> Progress:
    """How far the pass over a bucket has come."""
    meta = stored_objects.find(tools, _place(bucket), newest=True)
    text = meta.headers.get(PROGRESS, "") if meta is not None else ""
    return decoding.decode(text.encode(), Progress) if text else Progress()


def save(tools: Tools, bucket: Target, reached: Progress) -> None:
    """Remember how far a pass has come."""
    _write(tools, bucket, reached, 0.0)


def finish(tools: Tools, bucket: Target, began: float) -> None:
    """Remember that a pass is over."""
    _write(tools, bucket, Progress(), began)


def remove(tools: Tools, entry: Entry) -> None:
    """Remove an entry, unless it was made again meanwhile: then it is newer than this removal."""
    stored_objects.delete(tools, _place(entry.bucket), stamp=timestamp(float(entry.changed_at) + STEP_S))


def _write(tools: Tools, bucket: Target, reached: Progress, done: float) -> None:
    headers = {"Content-Type": "application/x-lifecycle", PROGRESS: msgspec.json.encode(reached).decode()}
    place = _place(bucket)
    shown = f"done={done:.5f}" if done else ""
    request = PutObject(stored_objects.UNPLACED, place.path, timestamp(tools.now()), headers, 0, listed_etag=shown)
    tools.cluster.put_object(place, request, lambda _: b"")


def _place(bucket: Target) -> Target:
    return Target(INDEX.account, INDEX.container, f"{bucket.account}/{bucket.container}")
