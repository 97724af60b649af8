"""The reconstructor: rebuilds missing fragments of erasure-coded objects from the others, and removes orphaned ones.

For each partition the host of the first device that answers compares the heads of objects with the fragments on all
devices: the names of the fragments follow from a head's name and version. What is missing on the device where it
belongs, or on a handoff while that is lost, is copied from a device that has it, or else rebuilt. A fragment on another
device than its own is removed once its own has it. Fragments that belong to no head, such as those of a version that
was replaced or of a PUT that failed, are removed after a day, if all devices could be asked, as any may have it as a
handoff. Two looks in a row have to find no head, because one may be on its way from one device to another.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from pileus_kit.errors import CloudError
from pileus_objectstore.core import coded_heads, erasure
from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.core.coded_content import CodedContent, whole
from pileus_objectstore.core.coded_uploads import PATH
from pileus_objectstore.daemons.repairer import Repairer
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.rings import Placement, RingKind
from pileus_objectstore.ring.storage_policies import fragments_area
from pileus_objectstore.storage.object_format import timestamp_of
from pileus_objectstore.wire.contract import GetObject, HostReplicas, ObjectMeta, ObjectReply, PutObject
from pileus_objectstore.wire.daemon_calls import HeldReplica
from pileus_objectstore.wire.framing import ConnectionBroken

log = logging.getLogger(__name__)
PIECE_BYTES = 1 << 18
GRACE_S = 86400.0  # longer than any PUT takes
Sums = tuple[tuple[str, int | None], ...]


@dataclass
class Partition:
    """What devices hold of a partition: heads by digest, and fragments by digest with the devices that have them."""

    policy: int
    number: int
    heads: dict[str, HeldReplica]
    fragments: dict[str, list[tuple[Device, HeldReplica]]]
    complete: bool  # whether all devices that may have heads could be asked
    devices: list[Device]  # where fragment n belongs, or the handoff that replaces it
    own: list[Device]  # where fragment n belongs


@dataclass(kw_only=True)
class Reconstructor(Repairer):
    """Repairs the partitions for which this host is responsible; `run` makes one pass."""

    cluster: Cluster
    rebuilt: int = 0
    moved: int = 0
    _orphans: dict[tuple[int, int], set[str]] = field(default_factory=dict)  # what the last look at a partition found
    _sound: dict[tuple[int, int], Sums] = field(default_factory=dict)  # partitions that were in order, and their sums

    def run(self) -> str:
        """Make one pass; what was done, '' for nothing."""
        self.begin()
        self.rebuilt = self.moved = 0
        for policy, number in list(self._partitions()):
            if self.is_over():
                self.waiting += 1
                continue
            try:
                self._repair(policy, number)
            except (CloudError, OSError) as e:
                self.fail(e)
        if not (self.rebuilt or self.moved or self.removed or self.failed or self.waiting):
            return ""
        done = f"{self.rebuilt} fragments rebuilt, {self.moved} moved, {self.removed} removed"
        return f"{done}, {self.failed} left, no time for {self.waiting} partitions"

    def _partitions(self) -> Iterator[tuple[int, int]]:
        """(policy, partition) of which a device of this host is the first one that answers, and that are not sound."""
        for policy in self.context.rings.policies().policies:
            if policy.erasure_code is None:
                continue
            area = RingKind("object", fragments_area(policy.index))
            ring = self.context.rings.ring(*area)
            for number in range(1 << ring.power):
                first = next((d for d in ring.devices(number) if self.survey.summary(area, d) is not None), None)
                mine = first is not None and first.host == self.context.address
                if mine and self._sums(policy.index, number) != self._sound.get((policy.index, number), ()):
                    yield policy.index, number

    def _sums(self, policy: int, number: int) -> Sums:
        """One number for what each device holds of the partition; () if no device holds anything."""
        found = []
        for ring in (RingKind("object", policy), RingKind("object", fragments_area(policy))):
            for device in self.context.rings.ring(*ring).file.devices:
                if device and (value := (self.survey.summary(ring, device) or {}).get(number)):
                    found.append((f"{ring.policy} {device.host} {device.name}", value))
        return tuple(found)

    def _repair(self, policy: int, number: int) -> None:
        partition = self._look(policy, number)
        failed = self.failed
        sound = True
        expected: set[str] = set()
        for digest, held in partition.heads.items():
            names = self._names(partition, digest, held)
            expected.update(names)
            there = [name for name in names if name in partition.fragments]
            if there:  # else it is a tombstone, or an object that is kept whole
                sound = self._complete(partition, digest, held, names) and sound
        sound = self._remove_orphans(partition, expected) and sound
        if sound and self.failed == failed:
            self._sound[policy, number] = self._sums(policy, number)

    def _names(self, partition: Partition, digest: str, held: HeldReplica) -> list[str]:
        stamp = timestamp_of(held.stamp)
        return [erasure.fragment_digest(digest, stamp, n) for n in range(len(partition.devices))]

    def _look(self, policy: int, number: int) -> Partition:
        """Ask all devices. Raises HostDown if one that answered before doesn't any more."""
        whole_ring, area = RingKind("object", policy), RingKind("object", fragments_area(policy))
        heads: dict[str, HeldReplica] = {}
        fragments: dict[str, list[tuple[Device, HeldReplica]]] = {}
        there = [device for device in self.context.rings.ring(*area).file.devices if device]
        for device in there:
            if number in (self.survey.summary(whole_ring, device) or {}):
                for held in self.survey.inventory(whole_ring, device, number):
                    heads[held.digest] = max(held, heads.get(held.digest, held), key=lambda one: one.stamp)
            if number in (self.survey.summary(area, device) or {}):
                for held in self.survey.inventory(area, device, number):
                    fragments.setdefault(held.digest, []).append((device, held))
        complete = all(self.survey.summary(whole_ring, device) is not None for device in there)
        ring = self.context.rings.ring(*area)
        own = ring.devices(number)
        spare = (d for d in ring.handoffs(number) if self.survey.summary(area, d) is not None)
        devices = [next(spare, d) if self.survey.lost(area, d) else d for d in own]
        return Partition(policy, number, heads, fragments, complete, devices, own)

    def _complete(self, partition: Partition, digest: str, held: HeldReplica, names: list[str]) -> bool:
        """Rebuild the fragments of an object that are not where they belong; whether all are there now."""
        meta: ObjectMeta | None = None
        placement = Placement(partition.number, digest, self._hosts(partition), partition.policy)
        area, sound = RingKind("object", fragments_area(partition.policy)), True
        for n, (name, device) in enumerate(zip(names, partition.devices, strict=True)):
            have = partition.fragments.get(name, [])
            if not any(holder == device for holder, _ in have):
                meta = meta or self.cluster.head(placement).meta
                if meta is None or not coded_heads.is_coded(meta) or meta.timestamp != timestamp_of(held.stamp):
                    return True  # it was replaced or deleted meanwhile
                if not self._restore(partition, placement, meta, n):
                    sound = False
                    continue
            sound = device == partition.own[n] and sound
            for holder, copy in have:
                if holder != device and device == partition.own[n]:
                    self.remove(area, holder, partition.number, copy)
                    sound = False  # the sums have changed: the next pass sees whether all is well
        return sound

    def _hosts(self, partition: Partition) -> tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]:
        """All hosts with all their devices, for reading heads."""
        found: dict[str, list[str]] = {}
        ring = self.context.rings.ring("object", partition.policy)
        for device in (*ring.devices(partition.number), *ring.handoffs(partition.number)):
            found.setdefault(device.host, []).append(device.name)
        return tuple((host, tuple(names), ()) for host, names in found.items())

    def _restore(self, partition: Partition, placement: Placement, meta: ObjectMeta, n: int) -> bool:
        """Bring a fragment to its device: from another one that has it, or rebuilt; whether it is there now."""
        device, stamp = partition.devices[n], meta.headers[coded_heads.STAMP]
        digest, area = erasure.fragment_digest(placement.digest, stamp, n), fragments_area(partition.policy)
        replicas = HostReplicas(partition.number, digest, (device.name,), (), area)
        content = CodedContent(self.cluster, placement, meta)
        request = PutObject(replicas, digest, stamp, {PATH: meta.name}, content.layout.fragment_size, min_devices=1)
        for holder, _ in partition.fragments.get(digest, []):
            if self._put(device, request, self._copied(holder, request)):
                self.moved += 1
                return True
        done = self._put(device, request, whole(content, n))
        self.rebuilt += done
        self.failed += not done
        return done

    def _copied(self, holder: Device, request: PutObject) -> Iterator[bytes]:
        """A fragment as another device has it. Raises HostDown or ConnectionBroken."""
        replicas, left = msgspec.structs.replace(request.replicas, devices=(holder.name,)), request.size
        exchange = self.context.pool.open(holder.host, "get_object", GetObject(replicas, 0, left - 1)).start()
        reply, body = exchange.reply(ObjectReply)
        try:
            whole_there = reply.status < 300 and reply.length == left
            while whole_there and (piece := body.read(PIECE_BYTES)):
                yield piece
                left -= len(piece)
            if left:
                raise ConnectionBroken(f"{holder.name} of {holder.host} has no whole copy")
        finally:
            exchange.done(body)

    def _put(self, device: Device, request: PutObject, pieces: Iterator[bytes]) -> bool:
        """Store a fragment on a device; whether it is there now."""
        exchange = None
        try:
            exchange = self.context.pool.open(device.host, "put_object", request, request.size).start()
            for piece in pieces:
                exchange.send(piece)
            exchange.extend_timeout(request.size)
            reply, body = exchange.reply(ObjectReply)
            exchange.done(body)
        except (CloudError, ConnectionBroken) as e:
            log.warning(
                "fragment %s of %s can't be stored on %s: %s", request.name, request.headers[PATH], device.name, e
            )
            if exchange is not None:
                exchange.drop()
            return False
        return reply.status in (201, 409)

    def _remove_orphans(self, partition: Partition, expected: set[str]) -> bool:
        """Remove fragments that belong to no head, and did not in the last look; whether there are none."""
        before, place = (self.context.now() - GRACE_S) * 1e9, (partition.policy, partition.number)
        area, known = RingKind("object", fragments_area(partition.policy)), self._orphans.pop(place, set())
        orphans = partition.fragments.keys() - expected
        for digest in orphans & known if partition.complete else ():
            for device, held in partition.fragments[digest]:
                if held.stamp < before:
                    self.remove(area, device, partition.number, held)
        if orphans and partition.complete:
            self._orphans[place] = orphans
        return not orphans
