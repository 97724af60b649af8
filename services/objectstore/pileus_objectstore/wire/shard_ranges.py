"""The ranges of a divided container: which of them a name belongs to, and what two replicas' lists mean together.

A container with too many rows is divided: each range of names gets a shard, a container that no client can name. The
container itself, the root, keeps the list of ranges. How a division goes on is in `daemons/sharder.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from pileus_objectstore.wire.contract import ListingInfo, ListingRow, ShardRange
from pileus_objectstore.wire.shard_calls import ReportShard

RESERVED = "\0"
ACCOUNTS = f"{RESERVED}shards{RESERVED}"  # begins the names of the accounts of shards, which no client can name


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard: `root` is the account and the container which it is a part of."""

    root: tuple[str, str]
    name: str

    @property
    def names(self) -> tuple[str, str]:
        """The account and the container under which the ring places it. With no name of its own it is the root."""
        account, container = self.root
        return (f"{ACCOUNTS}{account}", f"{container}{RESERVED}{self.name}") if self.name else self.root

    @property
    def path(self) -> str:
        """The name under which storage hosts know it."""
        return "/" + "/".join(self.names)

    @property
    def root_path(self) -> str:
        """The root's path."""
        return "/" + "/".join(self.root)


def shard_of(path: str) -> Shard:
    """The shard that a container's path names; of any other container, the container as the root of itself."""
    account, container = path.split("/", 2)[1:]
    if not account.startswith(ACCOUNTS):
        return Shard((account, container), "")
    root, _, name = container.rpartition(RESERVED)
    return Shard((account[len(ACCOUNTS) :], root), name)


def is_shard(path: str) -> bool:
    """Whether a path is that of a shard."""
    return path.startswith(f"/{ACCOUNTS}")


def contains(found: ShardRange, name: str) -> bool:
    """Whether a range contains a name."""
    return found.lower <= name and (not found.upper or name < found.upper)


def active(ranges: Iterable[ShardRange]) -> list[ShardRange]:
    """The ranges from which pages are read, in order. Either there are none, or they contain all names."""
    return sorted((found for found in ranges if found.active), key=lambda found: found.lower)


def is_complete(ranges: Iterable[ShardRange]) -> bool:
    """Whether the active ranges, if there are any, contain each name exactly once."""
    found = active(ranges)
    if not found:
        return True
    joints = [("", found[0].lower), *((one.upper, other.lower) for one, other in pairwise(found))]
    return all(one == other for one, other in joints) and not found[-1].upper and all(one.upper for one in found[:-1])


def routes(rows: Iterable[ListingRow], ranges: Sequence[ShardRange]) -> dict[str, list[ListingRow]]:
    """Which rows each shard must get."""
    found: dict[str, list[ListingRow]] = {}
    for row in rows:
        for one in ranges:
            if contains(one, row.name):
                found.setdefault(one.shard, []).append(row)
    return found


def own_rows(rows: list[ListingRow], ranges: Sequence[ShardRange]) -> list[ListingRow]:
    """The rows that the root itself must take: those that no active range contains."""
    readable = active(ranges)
    return [row for row in rows if not any(contains(one, row.name) for one in readable)] if readable else rows


def shown(info: ListingInfo) -> ListingInfo:
    """A container's head as its readers see it: with the sums of its shards, and without the list of ranges."""
    readable = active(info.ranges)
    if not readable:
        return msgspec.structs.replace(info, ranges=[], ranges_at="") if info.ranges_at else info
    count, size = sum(found.count for found in readable), sum(found.size for found in readable)
    return msgspec.structs.replace(info, ranges=[], count=count, size=size)


def joined_ranges(mine: ListingInfo, other: ListingInfo) -> tuple[list[ShardRange], str]:
    """The ranges of two replicas, and when they were decided: those of the newer decision, with the newest sums."""
    newer, older = (mine, other) if mine.ranges_at >= other.ranges_at else (other, mine)
    known = {found.shard: found for found in older.ranges}
    return [with_newest_sums(found, known.get(found.shard, found)) for found in newer.ranges], newer.ranges_at


def with_sums(info: ListingInfo, report: ReportShard) -> ListingInfo | None:
    """A root's head with the sums that a shard reports; None if it has newer ones, or another list of ranges."""
    ranges = [
        with_newest_sums(found, ShardRange("", "", "", False, report.count, report.size, report.stats_at))
        if found.shard == report.shard
        else found
        for found in info.ranges
    ]
    if ranges == info.ranges:
        return None
    return msgspec.structs.replace(info, ranges=ranges, newest=max(info.newest, report.stats_at))


def with_newest_sums(found: ShardRange, other: ShardRange) -> ShardRange:
    """A range with the sums of `other` if these are newer."""
    if other.stats_at <= found.stats_at:
        return found
    return msgspec.structs.replace(found, count=other.count, size=other.size, stats_at=other.stats_at)
