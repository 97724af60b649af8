"""Delivers changed rows to the replicas of their listing, on this host and others, and to shards."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from pileus_kit.errors import HostDown
from pileus_objectstore.agent.host import Host
from pileus_objectstore.agent.late_rows import Later
from pileus_objectstore.core.replica_plans import host_replicas
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.wire.contract import HostReplicas, MergeReply, MergeRows, ShardRange
from pileus_objectstore.wire.shard_ranges import routes, shard_of

log = logging.getLogger(__name__)
Undelivered = list[tuple[MergeRows, tuple[str, ...]]]  # updates, each with the devices that did not take its rows


@dataclass
class Delivery:
    """How rows are delivered: hosts in `silent` are not asked, and one that doesn't answer is added.

    With `later`, rows for this host's disks are added to it instead of waited for.
    """

    silent: set[str] = field(default_factory=set)
    later: Later | None = None


class RowDelivery:
    """`on_merged(path)` is called when rows of a container on this host have changed."""

    def __init__(self, host: Host, on_merged: Callable[[str], None]) -> None:
        self._host, self._on_merged = host, on_merged

    def deliver(self, updates: list[tuple[str, MergeRows]], how: Delivery) -> Undelivered:
        """Send a listing's rows to some of its hosts, and to its shards; the devices that did not take them.

        Each host of a divided container stands for a share of each shard's hosts, so that every replica gets the rows
        once when all replicas of the container are updated. The share of a silent host is sent, too.
        """
        ranges: dict[str, ShardRange] = {}
        sent, answered = [], False
        for host, update in updates:
            missing, found = self.send(host, update, how)
            answered = answered or missing != update.replicas.devices
            ranges |= {one.shard: one for one in found}
            sent.append((host, update, missing))
        if updates and not answered and updates[0][1].kind == "container":
            ranges = self._ranges_from_others(updates, how)
        return [(update, missing + self._forward(host, update, ranges, how)) for host, update, missing in sent]

    def send(self, host: str, update: MergeRows, how: Delivery) -> tuple[tuple[str, ...], tuple[ShardRange, ...]]:
        """Update a host's replicas: the devices that did not take the rows, and the ranges to which these belong."""
        if host == self._host.address:
            reply = self.merge_here(update, how.later)
            return reply.missing, reply.ranges
        if host in how.silent:
            return update.replicas.devices, ()
        try:
            reply, _ = self._host.pool.call(host, "merge_rows", update, MergeReply)
        except HostDown as e:
            log.warning("%s", e)
            how.silent.add(host)
            return update.replicas.devices, ()
        return (reply.missing if reply.status == 200 else update.replicas.devices), reply.ranges

    def merge_here(self, update: MergeRows, later: Later | None = None) -> MergeReply:
        """Merge rows into this host's replicas, with `later` without waiting for its disks.

        `missing` are devices without the listing, and those that failed.
        """
        done, ranges = self._merge(update.replicas.devices, update, later)
        missing = [name for name in update.replicas.devices if name not in done]
        if missing:
            taken, more = self._merge(update.replicas.handoffs, update, later)
            missing = missing[len(taken) :]
            done += taken
            ranges |= more
        if done and update.kind == "container":
            self._on_merged(update.name)
        return MergeReply(200 if done else 404, tuple(done), tuple(missing), tuple(ranges.values()))

    def _ranges_from_others(self, updates: list[tuple[str, MergeRows]], how: Delivery) -> dict[str, ShardRange]:
        """The ranges to which rows belong, as another host of the container tells when it gets them once more."""
        update, asked = updates[0][1], {host for host, _ in updates}
        for host, replicas in primaries(self._host.rings.placement(*update.name.split("/", 2)[1:])):
            if host not in asked:
                missing, found = self.send(host, MergeRows("container", replicas, update.name, update.rows), how)
                if missing != replicas.devices:
                    return {one.shard: one for one in found}
        return {}

    def _forward(self, host: str, update: MergeRows, ranges: dict[str, ShardRange], how: Delivery) -> tuple[str, ...]:
        """Send rows to a host's share of the shards' hosts; the devices that did not take them."""
        if not ranges:
            return ()
        root, missing = shard_of(update.name), tuple[str, ...]()
        roots = [address for address, _ in primaries(self._host.rings.placement(*root.root))]
        for name, rows in routes(update.rows, list(ranges.values())).items():
            shard = replace(root, name=name)
            for number, (address, replicas) in enumerate(primaries(self._host.rings.placement(*shard.names))):
                if host not in roots or number % len(roots) == roots.index(host):
                    missing += self.send(address, MergeRows("container", replicas, shard.path, rows), how)[0]
        return missing

    def _merge(
        self, devices: Iterable[str], update: MergeRows, later: Later | None
    ) -> tuple[list[str], dict[str, ShardRange]]:
        """Merge rows into the listing on some of this host's devices: those that took them, and the rows' ranges.

        The rows are on their way to all disks before this waits for the first.
        """
        replicas, lazily, flushes = update.replicas, later is not None, Later()
        for device in self._host.devices(devices):
            try:
                rows = device.listings.append(
                    update.kind, replicas.partition, replicas.digest, update.rows, lazily=lazily
                )
                if rows is not None:
                    flushes.append((device.name, rows))
            except (DeviceFailed, Damaged) as e:
                log.warning("%s", e)
        ranges = {found.shard: found for _, rows in flushes for found in rows.ranges}
        if later is not None:
            later += flushes
            return [name for name, _ in flushes], ranges
        done = []
        for name, rows in flushes:
            try:
                rows.wait()
                done.append(name)
            except DeviceFailed as e:
                log.warning("%s", e)
        return done, ranges


def primaries(placement: Placement) -> list[tuple[str, HostReplicas]]:
    """The hosts that have replicas of a listing on devices of their own, not as handoffs only."""
    return [(host, replicas) for host, replicas in host_replicas(placement) if replicas.devices]
