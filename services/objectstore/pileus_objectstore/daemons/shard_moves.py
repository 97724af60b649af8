"""Brings rows of a container's listing to the shards to which they belong.

Rows are merged, and the newest wins, so they may be brought again at any time: after a kill, by two hosts at once, and
long after they were changed. They are removed where they were only once a quorum of the shard's devices has them.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import HostDown, Unavailable
from pileus_objectstore.core.quorums import quorum
from pileus_objectstore.core.replica_plans import host_replicas
from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.wire.contract import ListingRow, MergeReply, MergeRows, ShardRange
from pileus_objectstore.wire.daemon_calls import ChangesReply, GetChanges
from pileus_objectstore.wire.shard_calls import DroppedReply, DropRows
from pileus_objectstore.wire.shard_ranges import Shard, routes

log = logging.getLogger(__name__)
PAGE_ROWS = 1000
MAX_CALL_BYTES = 1 << 19  # of rows in one call: they travel in a header
TOO_FEW = "Too few replicas of {path} can be {done}."


class Replica(msgspec.Struct, frozen=True):
    """One device's replica of a listing."""

    device: Device
    partition: int
    digest: str


@dataclass(frozen=True)
class ShardMoves:
    """Copies and moves rows."""

    context: DaemonContext

    def copy(self, source: Shard, ranges: Sequence[ShardRange]) -> None:
        """Copy all rows of a listing to the shards of `ranges`. Raises Unavailable if too few replicas can be read."""
        replicas, read = self._replicas(source), 0
        for replica in replicas:
            since, batch = 0, Batch(self.context, source)
            try:
                while (page := self._changes(replica, since))[0]:
                    batch.add(page[0], ranges)
                    since = page[1]
                batch.send(0)
                read += 1
            except HostDown as e:
                log.warning("%s", e)
        if 2 * read <= len(replicas):
            raise Unavailable(why=TOO_FEW.format(path=source.path, done="read"))

    def drain(self, source: Shard, ranges: Sequence[ShardRange]) -> int:
        """Move what is left in a listing to the shards of `ranges`; how many rows. Replicas that are away stay."""
        moved = 0
        for replica in self._replicas(source):
            try:
                moved += self._drain(source, replica, ranges)
            except HostDown as e:
                log.warning("%s", e)
        return moved

    def _drain(self, source: Shard, replica: Replica, ranges: Sequence[ShardRange]) -> int:
        moved = 0
        while (page := self._changes(replica, 0))[0]:
            batch = Batch(self.context, source)
            batch.add(page[0], ranges)
            batch.send(0)
            drop = DropRows(replica.device.name, replica.partition, replica.digest, page[1], PAGE_ROWS)
            moved += self.context.ask(replica.device.host, "drop_rows", drop, DroppedReply)[0].dropped
            if self.context.stopping():
                raise HostDown(host=self.context.address, why="the worker is being stopped")
        return moved

    def _replicas(self, source: Shard) -> list[Replica]:
        placement = self.context.rings.placement(*source.names)
        devices = self.context.rings.ring("container").devices(placement.partition)
        return [Replica(device, placement.partition, placement.digest) for device in devices]

    def _changes(self, replica: Replica, since: int) -> tuple[list[ListingRow], int]:
        """A page of the rows that changed after change `since`, and its last change. Raises HostDown."""
        if self.context.stopping():
            raise HostDown(host=self.context.address, why="the worker is being stopped")
        args = GetChanges("container", replica.device.name, replica.partition, replica.digest, since, PAGE_ROWS)
        reply, data = self.context.ask(replica.device.host, "get_changes", args, ChangesReply)
        if reply.status == 404:
            raise HostDown(host=replica.device.host, why=f"{replica.device.name} has no replica of it")
        return decoding.decode(data, list[ListingRow]), reply.upto


class Batch:
    """Rows that wait until there are enough of them for a shard."""

    def __init__(self, context: DaemonContext, source: Shard) -> None:
        self._context = context
        self._source = source
        self._waiting: dict[str, list[ListingRow]] = {}

    def add(self, rows: Iterable[ListingRow], ranges: Sequence[ShardRange]) -> None:
        """Add rows; those of shards with a page full are sent. Raises Unavailable if a quorum doesn't take them."""
        for shard, some in routes(rows, ranges).items():
            self._waiting.setdefault(shard, []).extend(some)
        self.send(PAGE_ROWS)

    def send(self, least: int) -> None:
        """Send the rows of the shards for which at least so many wait. Raises Unavailable."""
        for name in [name for name, rows in self._waiting.items() if rows and len(rows) >= least]:
            for part in in_calls(self._waiting.pop(name)):
                merge(self._context, replace(self._source, name=name), part)


def merge(context: DaemonContext, shard: Shard, rows: list[ListingRow]) -> None:
    """Merge rows into the replicas of a shard, or of a container without any. Raises Unavailable without a quorum."""
    placement = context.rings.placement(*shard.names)
    taken = 0
    for host, replicas in host_replicas(placement):
        if replicas.devices:
            try:
                args = MergeRows("container", replicas, shard.path, rows)
                taken += len(context.ask(host, "merge_rows", args, MergeReply)[0].devices)
            except HostDown as e:
                log.warning("%s", e)
    if taken < quorum(placement):
        raise Unavailable(why=TOO_FEW.format(path=shard.path, done="written"))


def in_calls(rows: list[ListingRow]) -> Iterator[list[ListingRow]]:
    """The rows in parts that fit into a call."""
    part: list[ListingRow] = []
    size = 0
    for row in rows:
        length = len(msgspec.json.encode(row))
        if part and size + length > MAX_CALL_BYTES:
            yield part
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield part
