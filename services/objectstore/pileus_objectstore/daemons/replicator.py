"""The replicator: what this host's devices hold is brought to wherever the ring says it belongs.

It only pushes; as every host does so, everything arrives everywhere. Summaries of whole devices are compared first,
one number a partition, then the partitions that differ, file by file. What a device holds for another (a handoff, or
after the ring was redrawn) is removed once all of its proper places have it.
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
from pileus_objectstore.ring.rings import KINDS
from pileus_objectstore.wire.contract import (
    DoneReply,
    GetInventory,
    GetSummary,
    HeldReplica,
    InventoryReply,
    Quarantine,
    SummaryReply,
)

log = logging.getLogger(__name__)


Push = Callable[[DaemonContext, Replica, Device, HeldReplica | None], bool]
PUSHES: dict[str, Push] = {"account": push_listing, "container": push_listing, "object": push_object}


@dataclass
class Replicator:
    """One pass is `run`."""

    context: DaemonContext
    sums: dict[tuple[str, str, str], dict[int, int] | None] = field(default_factory=dict)
    lost: set[tuple[str, str, str]] = field(default_factory=set)  # devices of which their host says that they are gone
    sent: int = 0
    failed: int = 0
    dropped: int = 0

    def run(self) -> str:
        self.sums.clear()
        self.lost.clear()
        self.sent = self.failed = self.dropped = 0
        for kind in KINDS:
            for device in self.context.local(kind):
                self._device(kind, device)
        if not (self.sent or self.failed or self.dropped):
            return ""
        return f"{self.sent} sent, {self.dropped} handoffs cleared, {self.failed} left for the next pass"

    def _device(self, kind: str, device: Device) -> None:
        sums = self._sums(kind, device)
        if sums is None:
            self.failed += 1
        for partition, value in (sums or {}).items():
            if self.context.stopping():
                return
            places = self._places(kind, partition)
            proper = device in places
            others = [placement for placement in places if placement != device]
            if proper and all((self._sums(kind, other) or {}).get(partition) == value for other in others):
                continue
            self._partition(kind, device, partition, others, proper)

    def _places(self, kind: str, partition: int) -> list[Device]:
        """Where a partition should be now: handoffs stand in for devices that are lost, until those are back."""
        ring = self.context.rings.ring(kind)
        places = ring.devices(partition)
        lost = [placement for placement in places if self._gone(kind, placement)]
        if not lost:
            return places
        stand_ins = (device for device in ring.handoffs(partition) if self._sums(kind, device) is not None)
        return [placement for placement in places if placement not in lost] + list(islice(stand_ins, len(lost)))

    def _gone(self, kind: str, device: Device) -> bool:
        return self._sums(kind, device) is None and (kind, device.host, device.name) in self.lost

    def _partition(self, kind: str, device: Device, partition: int, others: list[Device], proper: bool) -> None:
        try:
            mine = self._inventory(kind, device, partition)
        except HostDown as e:
            log.warning("%s", e)
            self.failed += 1
            return
        arrived = dict.fromkeys((held.digest for held in mine), 0)
        for other in others:
            try:
                theirs = {held.digest: held for held in self._inventory(kind, other, partition)}
                for held in mine:
                    replica = Replica(kind, device, partition, held)
                    self.sent += PUSHES[kind](self.context, replica, other, theirs.get(held.digest))
                    arrived[held.digest] += 1
            except (HostDown, OSError) as e:
                log.warning("%s", e)
                self.failed += 1
        if not proper:
            self._clear(kind, device, partition, [held for held in mine if arrived[held.digest] == len(others)])

    def _clear(self, kind: str, device: Device, partition: int, delivered: list[HeldReplica]) -> None:
        for held in delivered:
            args = Quarantine(device.name, kind, partition, held.digest, held)
            try:
                gone = self.context.ask(device.host, "set_right", args, DoneReply)[0].status == 200
            except HostDown as e:
                log.warning("%s", e)
                gone = False
            self.dropped += gone
            self.failed += not gone  # somebody uses it, or it has changed since: it is still here

    def _sums(self, kind: str, device: Device) -> dict[int, int] | None:
        """None if the device can't be asked: then nothing is known to agree with it."""
        key = (kind, device.host, device.name)
        if key not in self.sums:
            try:
                reply, _ = self.context.ask(device.host, "summary", GetSummary(device.name, kind), SummaryReply)
                self.sums[key] = reply.sums
            except DeviceGone as e:
                log.error("device %s of %s is lost, its part goes to handoffs: %s", device.name, device.host, e)
                self.lost.add(key)
                self.sums[key] = None
            except HostDown as e:
                log.info("%s", e)
                self.sums[key] = None
        return self.sums[key]

    def _inventory(self, kind: str, device: Device, partition: int) -> list[HeldReplica]:
        return self.context.ask(device.host, "inventory", GetInventory(device.name, kind, partition), InventoryReply)[
            0
        ].held
