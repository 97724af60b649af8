"""The buckets that the lifecycle daemon has to look after, and how far it has come with each.

That is kept with the bucket's entry, so a pass goes on where a killed worker left it.
"""

import msgspec

from pileus_kit import decoding
from pileus_objectstore.core.bucket_index import BucketIndex, Entry
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools

INDEX = BucketIndex("lifecycle")
PROGRESS = "X-Object-Sysmeta-S3-Lifecycle-Progress"


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a pass over a bucket has come: it `began` at that time, with the rules of `rules_at`.

    `scan` is the number of the list that it reads, `marker` the last name that it has looked at there.
    """

    began: float = 0.0
    rules_at: str = ""
    scan: int = 0
    marker: str = ""


def enter(tools: Tools, bucket: Target) -> None:
    """Enter a bucket, or have it looked at again from the beginning."""
    save(tools, bucket, Progress())


def done(entry: Entry) -> float:
    """When the last whole pass over a bucket began, in epoch seconds; 0: never."""
    return float(entry.shown.get("done", 0))


def progress(tools: Tools, bucket: Target) -> Progress:
    """How far the pass over a bucket has come."""
    meta = INDEX.find(tools, bucket)
    text = meta.headers.get(PROGRESS, "") if meta is not None else ""
    return decoding.decode(text.encode(), Progress) if text else Progress()


def save(tools: Tools, bucket: Target, reached: Progress) -> None:
    """Remember how far a pass has come."""
    INDEX.write(tools, bucket, {PROGRESS: msgspec.json.encode(reached).decode()})


def finish(tools: Tools, bucket: Target, began: float) -> None:
    """Remember that a pass is over."""
    INDEX.write(tools, bucket, {PROGRESS: msgspec.json.encode(Progress()).decode()}, f"done={began:.5f}")
