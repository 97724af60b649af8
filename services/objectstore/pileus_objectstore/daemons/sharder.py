"""The sharder divides containers with too many rows into shards, and shards that have grown, too.

The root keeps the list of ranges. A list is replaced as a whole, on a quorum of the root's replicas that have none
later than the one that was read; among replicas the later one wins. One division goes through these lists:

1. The new ranges are in it and not active: rows go to them, too, but the listing that is divided stays the one that is
   read. Their shards are created after that, so each shard is in a list or superfluous.
2. All rows of all replicas that can be read (a quorum at least) are copied into the new shards.
3. The new ranges are active and replace the one that was divided. From here on, pages are read from the new shards.
4. What came late to the divided listing is moved on, now and in each later pass. An empty shard that no list has is
   deleted after an hour.

A process that dies leaves one of these lists; the next pass goes on with it, and copies again, which changes nothing
that was copied. Only the host with the first replica of the root (or of a superfluous shard) does this.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar

import msgspec

from pileus_kit.errors import HostDown, Unavailable
from pileus_objectstore.core.clock import STEP_S
from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.core.quorums import quorum
from pileus_objectstore.core.replica_plans import host_replicas, read_plan
from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.daemons.leaders import led_partitions
from pileus_objectstore.daemons.shard_moves import TOO_FEW, ShardMoves
from pileus_objectstore.wire.contract import (
    DeleteListing,
    HostReplicas,
    ListingHost,
    ListingInfo,
    ListingReply,
    PutListing,
    ShardRange,
    timestamp,
)
from pileus_objectstore.wire.daemon_calls import (
    ChangesReply,
    GetChanges,
    GetInventory,
    GetSummary,
    HeldReplica,
    InventoryReply,
    SummaryReply,
)
from pileus_objectstore.wire.shard_calls import DividedReply, FindSplits, GetRanges, PutRanges, SplitsReply
from pileus_objectstore.wire.shard_ranges import Shard, active, contains, is_shard, shard_of

log = logging.getLogger(__name__)
SUPERFLUOUS_S = 3600.0  # a shard that no list has is deleted after this: late rows may still come
MAX_LIST_BYTES = 1 << 19  # of a list of ranges, which travels in a header: some 4,000 ranges
CALLS = {GetSummary: "get_summary", GetInventory: "get_inventory", GetChanges: "get_changes"}
R = TypeVar("R")


@dataclass
class Sharder:
    """Divides the containers that this host leads; `run` makes one pass."""

    context: DaemonContext
    cluster: Cluster
    shard_rows: int
    divided: int = 0
    moved: int = 0
    failed: int = 0
    moves: ShardMoves = field(init=False)
    _quiet: dict[tuple[str, int], int] = field(default_factory=dict)  # sums of partitions with nothing to do

    def __post_init__(self) -> None:
        self.moves = ShardMoves(self.context)

    def run(self) -> str:
        """Make one pass; what was done, '' for nothing."""
        self.divided = self.moved = self.failed = 0
        for device, partition, held in self._found():
            try:
                self._tend(device, partition, held)
            except (HostDown, Unavailable) as e:
                log.info("the sharder goes on with this listing in its next pass: %s", e)
                self.failed += 1
            if self.context.stopping():
                break
        if not (self.divided or self.moved or self.failed):
            return ""
        return f"{self.divided} listings divided, {self.moved} rows moved, {self.failed} left for the next pass"

    def divide(self, root: Shard, rows: int) -> None:
        """Divide a container until no listing of it has more than `rows` rows, and move what is left.

        Raises HostDown and Unavailable; then the next call, or the next pass, goes on.
        """
        while (info := self.head(root)) is not None and not self.context.stopping():
            if not all(found.active for found in info.ranges):
                self._finish(root, info)
            elif not (info.live and rows and self._begin(root, info, rows)):
                break
        if info is not None and active(info.ranges):
            self.moved += self.moves.drain(root, info.ranges)

    def head(self, listing: Shard) -> ListingInfo | None:
        """The head of a container or shard with the latest list of ranges; None if there is none.

        Raises Unavailable if too few replicas can be asked.
        """
        placement = self.context.rings.placement(*listing.names)
        asked, infos = 0, []
        for host, replicas in host_replicas(placement):
            try:
                reply, _ = self.context.ask(host, "get_ranges", GetRanges(replicas), ChangesReply)
            except HostDown as e:
                log.warning("%s", e)
                continue
            asked += len(replicas.devices)
            infos += [reply.info] if reply.info is not None else []
        if asked < quorum(placement):
            raise Unavailable(why=TOO_FEW.format(path=listing.path, done="asked"))
        return max(infos, key=lambda info: (info.ranges_at, info.newest), default=None)

    def _found(self) -> Iterator[tuple[str, int, HeldReplica]]:
        """The listings that this host leads and that are long, divided, or shards."""
        sums: dict[str, dict[int, int]] = {}
        for device, partition in led_partitions(self.context, "container"):
            if device.name not in sums:
                sums[device.name] = self._ask(GetSummary(device.name, "container"), SummaryReply).sums
            place, total = (device.name, partition), sums[device.name].get(partition, 0)
            if self._quiet.get(place, 0) == total:
                continue
            inventory = self._ask(GetInventory(device.name, "container", partition), InventoryReply).held
            found = [held for held in inventory if held.sharded or 0 < self.shard_rows < held.posted]
            self._quiet[place] = -1 if found else total
            yield from ((device.name, partition, held) for held in found)

    def _ask(self, args: GetSummary | GetInventory | GetChanges, kind: type[R]) -> R:
        """Call this host's storage server."""
        return self.context.ask(self.context.address, CALLS[type(args)], args, kind)[0]

    def _tend(self, device: str, partition: int, held: HeldReplica) -> None:
        info = self._ask(GetChanges("container", device, partition, held.digest, limit=0), ChangesReply).info
        if info is not None and not is_shard(info.name):
            self.divide(shard_of(info.name), self.shard_rows)
        elif info is not None and (info.live or held.posted):
            self._tend_shard(shard_of(info.name), info)

    def _begin(self, root: Shard, info: ListingInfo, rows: int) -> bool:
        """Add the ranges of the next division to the list; False if no listing is too long."""
        for found in active(info.ranges) or [ShardRange("", "", "", True, info.count)]:
            if found.count > rows:
                at = self._later_than(info.ranges_at)
                new = self._split(root, found, rows, at)
                ranges = [*info.ranges, *new]
                if new and len(msgspec.json.encode(ranges)) <= MAX_LIST_BYTES:
                    self._put(root, ranges, at, info.ranges_at)
                    return True
                log.warning("%s has no name, or no room, for one more division", replace(root, name=found.shard).path)
        return False

    def _split(self, root: Shard, found: ShardRange, rows: int, at: str) -> list[ShardRange]:
        """New ranges with half of `rows` rows each, the last one with up to so many."""
        splits = [name for name in self._splits(replace(root, name=found.shard), rows) if contains(found, name)]
        edges = [found.lower, *[name for name in splits if name > found.lower], found.upper]
        if len(edges) < 3:
            return []
        return [ShardRange(low, high, f"{at}-{number}") for number, (low, high) in enumerate(pairwise(edges))]

    def _splits(self, listing: Shard, rows: int) -> list[str]:
        placement = self.context.rings.placement(*listing.names)
        for host, replicas in read_plan(placement, self.cluster.down()):
            args = FindSplits(replicas, max(1, rows // 2))
            reply, _ = self.context.ask(host, "find_splits", args, SplitsReply)
            if reply.status == 200:
                return reply.names if len(reply.names) == 1 else reply.names[:-1]
        return []

    def _put(self, root: Shard, ranges: list[ShardRange], at: str, if_at: str) -> None:
        """Replace the list of ranges. Raises Unavailable if a quorum doesn't take it."""
        placement = self.context.rings.placement(*root.names)
        taken = 0
        for host, replicas in host_replicas(placement):
            try:
                args = PutRanges(replicas, at, if_at)
                reply, _ = self.context.ask(host, "put_ranges", args, DividedReply, msgspec.json.encode(ranges))
                taken += len(reply.devices)
            except HostDown as e:  # also if its list is another one
                log.info("%s", e)
        if taken < quorum(placement):
            raise Unavailable(why=TOO_FEW.format(path=root.path, done="given a list of ranges"))

    def _finish(self, root: Shard, info: ListingInfo) -> None:
        """Fill the new ranges of a list, make them active, and move what is left where they were.

        A process may have died when only a minority had the list, so it is put on a quorum once more.
        """
        self._put(root, info.ranges, info.ranges_at, info.ranges_at)
        sources: dict[str, list[ShardRange]] = {}
        for new in info.ranges:
            if not new.active:
                source = next((one.shard for one in active(info.ranges) if contains(one, new.lower)), "")
                sources.setdefault(source, []).append(new)
        filled = []
        for source, ranges in sources.items():
            for new in ranges:
                self._create(replace(root, name=new.shard), info.policy)
            self.moves.copy(replace(root, name=source), ranges)
            filled += [self._with_sums(root, new) for new in ranges]
        kept = [found for found in info.ranges if found.active and found.shard not in sources]
        ranges = [*kept, *filled]
        self._put(root, ranges, self._later_than(info.ranges_at), info.ranges_at)
        self.divided += len(sources)
        log.info("%s has %d shards now", root.path, len(ranges))
        for source in sources:
            self.moved += self.moves.drain(replace(root, name=source), ranges)

    def _with_sums(self, root: Shard, new: ShardRange) -> ShardRange:
        info = self.head(replace(root, name=new.shard))
        if info is None or not info.live:
            raise Unavailable(why=TOO_FEW.format(path=replace(root, name=new.shard).path, done="read"))
        return msgspec.structs.replace(new, active=True, count=info.count, size=info.size, stats_at=timestamp())

    def _create(self, shard: Shard, policy: int) -> None:
        stamp = self._later_than("")

        def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> PutListing:
            return PutListing("container", replicas, shard.path, stamp, policy=policy)

        self.cluster.write("put_listing", self.context.rings.placement(*shard.names), None, ListingReply, make)

    def _tend_shard(self, shard: Shard, info: ListingInfo) -> None:
        """Move on what a superfluous shard has, and delete it once nothing comes any more."""
        root = self.head(Shard(shard.root, ""))
        if root is not None and any(found.shard == shard.name for found in root.ranges):
            return
        if root is not None:
            self.moved += self.moves.drain(shard, root.ranges)
        since = max(info.created, root.ranges_at if root is not None else "")
        if info.live and float(since) < self.context.now() - SUPERFLUOUS_S:
            self._delete(shard)

    def _delete(self, shard: Shard) -> None:
        stamp = self._later_than("")

        def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> DeleteListing:
            return DeleteListing("container", replicas, shard.path, stamp)

        self.cluster.write("delete_listing", self.context.rings.placement(*shard.names), None, ListingReply, make)

    def _later_than(self, stamp: str) -> str:
        """The time as a timestamp, later than another one."""
        now = timestamp(self.context.now())
        return now if now > stamp else timestamp(float(stamp) + STEP_S)
