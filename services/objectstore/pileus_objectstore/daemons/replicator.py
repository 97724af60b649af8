"""The replicator: brings what this host's devices hold to where the ring says that it belongs.

It only pushes; as every host does so, everything arrives everywhere. First summaries of whole devices are compared, one
number a partition, then the inventories of partitions that differ, file by file. What a device holds without being one
of its places (as a handoff, or since the ring was changed) is removed once all of its places have it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from pileus_kit.errors import HostDown
from pileus_objectstore.daemons.context import DaemonContext, DeviceGone
from pileus_objectstore.daemons.listing_replication import push_listing
from pileus_objectstore.daemons.object_replication import push_object
from pileus_objectstore.daemons.replicas import Replica
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.rings import RingKind
from pileus_objectstore.wire.daemon_calls import (
    DoneReply,
    GetInventory,
    GetSummary,
    HeldReplica,
    InventoryReply,
    RemoveReplica,
    SummaryReply,
)

log = logging.getLogger(__name__)

Push = Callable[[DaemonContext, Replica, Device, HeldReplica | None], bool]
PUSHES: dict[str, Push] = {"account": push_listing, "container": push_listing, "object": push_object}
DeviceKey = tuple[RingKind, str, str]  # ring, host, device


@dataclass
class Replicator:
    """Replicates this host's devices; `run` makes one pass."""

    context: DaemonContext
    summaries: dict[DeviceKey, dict[int, int] | None] = field(default_factory=dict)
    lost: set[DeviceKey] = field(default_factory=set)  # devices that are gone, according to their own host
    sent: int = 0
    failed: int = 0
    removed: int = 0

    def run(self) -> str:
        """Make one pass; what was done, '' for nothing."""
        self.summaries.clear()
        self.lost.clear()
        self.sent = self.failed = self.removed = 0
        for ring in self.context.rings.kinds():
            for device in self.context.local(*ring):
                self._replicate(ring, device)
        if not (self.sent or self.failed or self.removed):
            return ""
        return f"{self.sent} sent, {self.removed} handoffs removed, {self.failed} left for the next pass"

    def _replicate(self, ring: RingKind, device: Device) -> None:
        summary = self._summary(ring, device)
        if summary is None:
            self.failed += 1
        for partition, value in (summary or {}).items():
            if self.context.stopping():
                return
            places = self._places(ring, partition)
            proper = device in places
            others = [place for place in places if place != device]
            if proper and all((self._summary(ring, other) or {}).get(partition) == value for other in others):
                continue
            self._replicate_partition(ring, device, partition, others, proper)

    def _places(self, ring: RingKind, partition: int) -> list[Device]:
        """The devices that should hold a partition now: handoffs replace devices that are lost, until those return."""
        drawn = self.context.rings.ring(*ring)
        places = drawn.devices(partition)
        lost = [place for place in places if self._is_lost(ring, place)]
        if not lost:
            return places
        handoffs = (device for device in drawn.handoffs(partition) if self._summary(ring, device) is not None)
        return [place for place in places if place not in lost] + list(islice(handoffs, len(lost)))

    def _is_lost(self, ring: RingKind, device: Device) -> bool:
        return self._summary(ring, device) is None and (ring, device.host, device.name) in self.lost

    def _replicate_partition(
        self, ring: RingKind, device: Device, partition: int, others: list[Device], proper: bool
    ) -> None:
        try:
            mine = self._inventory(ring, device, partition)
        except HostDown as e:
            log.warning("%s", e)
            self.failed += 1
            return
        arrived = dict.fromkeys((held.digest for held in mine), 0)
        for other in others:
            try:
                theirs = {held.digest: held for held in self._inventory(ring, other, partition)}
                for held in mine:
                    replica = Replica(ring.kind, device, partition, held, ring.policy)
                    self.sent += PUSHES[ring.kind](self.context, replica, other, theirs.get(held.digest))
                    arrived[held.digest] += 1
            except (HostDown, OSError) as e:
                log.warning("%s", e)
                self.failed += 1
        if not proper:
            self._remove(ring, device, partition, [held for held in mine if arrived[held.digest] == len(others)])

    def _remove(self, ring: RingKind, device: Device, partition: int, delivered: list[HeldReplica]) -> None:
        """Remove handoffs. One that is in use, or has changed since the inventory, stays for the next pass."""
        for held in delivered:
            removal = RemoveReplica(device.name, ring.kind, partition, held, ring.policy)
            try:
                removed = self.context.ask(device.host, "remove_replica", removal, DoneReply)[0].status == 200
            except HostDown as e:
                log.warning("%s", e)
                removed = False
            self.removed += removed
            self.failed += not removed

    def _summary(self, ring: RingKind, device: Device) -> dict[int, int] | None:
        """The device's summary, asked for once a pass; None if the device can't be asked."""
        key = (ring, device.host, device.name)
        if key not in self.summaries:
            self.summaries[key] = None
            try:
                request = GetSummary(device.name, ring.kind, ring.policy)
                reply, _ = self.context.ask(device.host, "get_summary", request, SummaryReply)
                self.summaries[key] = reply.sums
            except DeviceGone as e:
                log.error("device %s of %s is lost, its part goes to handoffs: %s", device.name, device.host, e)
                self.lost.add(key)
            except HostDown as e:
                log.info("%s", e)
        return self.summaries[key]

    def _inventory(self, ring: RingKind, device: Device, partition: int) -> list[HeldReplica]:
        request = GetInventory(device.name, ring.kind, partition, ring.policy)
        return self.context.ask(device.host, "get_inventory", request, InventoryReply)[0].held
