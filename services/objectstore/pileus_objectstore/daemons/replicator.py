"""The replicator: brings what this host's devices hold to where the ring says that it belongs.

It only pushes; as every host does so, everything arrives everywhere. First summaries of whole devices are compared, one
number a partition, then the inventories of partitions that differ, file by file. What a device holds without being one
of its places (as a handoff, or since the ring was changed) is removed once all of its places have it.

Handoffs replace places that are lost, until those return: a device that its own host can't use at once, all devices of
a host after it was silent for `host_lost_s` seconds. A pass works on partitions with lost places first, and ends after
`repairer.PASS_S` seconds. The next one finds what is left by comparing again, and begins behind the partition where
this one ended.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from pileus_kit.errors import CloudError, HostDown
from pileus_objectstore.daemons.context import DaemonContext, DeviceGone
from pileus_objectstore.daemons.listing_replication import push_listing
from pileus_objectstore.daemons.object_replication import push_object
from pileus_objectstore.daemons.repairer import Repairer
from pileus_objectstore.daemons.replicas import Replica
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.rings import RingKind
from pileus_objectstore.wire.daemon_calls import HeldReplica

Push = Callable[[DaemonContext, Replica, Device, HeldReplica | None], bool]
PUSHES: dict[str, Push] = {"account": push_listing, "container": push_listing, "object": push_object}


@dataclass(frozen=True, order=True)
class Task:
    """A partition of a device of this host that may have to be brought to other places."""

    ring: RingKind
    device: Device = field(compare=False)
    device_id: int
    partition: int


@dataclass(kw_only=True)
class Replicator(Repairer):
    """Replicates this host's devices; `run` makes one pass."""

    sent: int = 0
    _last: Task | None = None

    def run(self) -> str:
        """Make one pass; what was done, '' for nothing."""
        self.begin()
        self.sent = 0
        tasks = self._in_order(list(self._tasks()))
        for number, task in enumerate(tasks):
            if self.is_over():
                self.waiting = len(tasks) - number
                break
            try:
                self._replicate(task)
            except (CloudError, OSError) as e:
                self.fail(e)
            self._last = task
        if not (self.sent or self.failed or self.removed or self.waiting):
            return ""
        later = f", no time for {self.waiting} partitions" if self.waiting else ""
        return f"{self.sent} sent, {self.removed} handoffs removed, {self.failed} left for the next pass{later}"

    def _tasks(self) -> Iterator[Task]:
        """The partitions of this host whose places don't all hold the same."""
        for ring in self.context.rings.kinds():
            for device in self.context.local(*ring):
                summary = self.survey.summary(ring, device)
                if summary is None:
                    self.failed += 1
                for partition, value in (summary or {}).items():
                    places = self._places(ring, partition)
                    sums = [(self.survey.summary(ring, place) or {}).get(partition) for place in places]
                    if device not in places or any(other != value for other in sums):
                        yield Task(ring, device, device.id, partition)

    def _in_order(self, tasks: list[Task]) -> list[Task]:
        """Partitions with lost places first; the others from behind the one with which the last pass ended."""
        tasks.sort()
        begun = self._last
        behind = [task for task in tasks if begun is None or task > begun]
        before = [task for task in tasks if begun is not None and task <= begun]
        return sorted((*behind, *before), key=lambda task: not self._lost(task.ring, task.partition))

    def _lost(self, ring: RingKind, partition: int) -> list[Device]:
        lost = self.survey.lost_devices(ring)
        return [place for place in self.context.rings.ring(*ring).devices(partition) if place in lost] if lost else []

    def _places(self, ring: RingKind, partition: int) -> list[Device]:
        """The devices that should hold a partition now: handoffs replace devices that are lost, until those return."""
        places, lost = self.context.rings.ring(*ring).devices(partition), self._lost(ring, partition)
        if not lost:
            return places
        return [place for place in places if place not in lost] + list(
            islice(self._handoffs(ring, partition), len(lost))
        )

    def _handoffs(self, ring: RingKind, partition: int) -> Iterator[Device]:
        """The handoffs of a partition that can be asked, the best first."""
        handoffs = self.context.rings.ring(*ring).handoffs(partition)
        return (device for device in handoffs if self.survey.summary(ring, device) is not None)

    def _replicate(self, task: Task) -> None:
        """Bring what a device has of a partition to the partition's other places. Raises HostDown."""
        ring, device, partition = task.ring, task.device, task.partition
        places = self._places(ring, partition)
        mine = self.survey.inventory(ring, device, partition)
        arrived = dict.fromkeys((held.digest for held in mine), 0)
        refused: dict[str, HeldReplica] = {}
        others = [place for place in places if place != device]
        for other in others:
            for held, taken in self._push(task, other, mine):
                arrived[held.digest] += taken
                refused |= {} if taken else {held.digest: held}
        if device not in places:
            for held in mine:
                if arrived[held.digest] == len(others):
                    self.remove(ring, device, partition, held)
        elif refused:
            self._hand_off(task, places, list(refused.values()))

    def _push(self, task: Task, to: Device, mine: list[HeldReplica]) -> Iterator[tuple[HeldReplica, bool]]:
        """Bring replicas to a device: which it has now, and which it refused, because it is full for example."""
        if self.survey.summary(task.ring, to) is None:
            self.failed += 1
            return
        try:
            theirs = {held.digest: held for held in self.survey.inventory(task.ring, to, task.partition)}
            for held in mine:
                replica = Replica(task.ring.kind, task.device, task.partition, held, task.ring.policy)
                try:
                    self.sent += PUSHES[task.ring.kind](self.context, replica, to, theirs.get(held.digest))
                    yield held, True
                except DeviceGone as e:
                    self.fail(e)
                    yield held, False
        except (HostDown, OSError) as e:
            self.fail(e)

    def _hand_off(self, task: Task, places: list[Device], refused: list[HeldReplica]) -> None:
        """Give what a place has refused to the first handoff that takes it; it is always the same one."""
        for handoff in self._handoffs(task.ring, task.partition):
            if handoff not in places and refused:
                taken = {held.digest for held, took in self._push(task, handoff, refused) if took}
                refused = [held for held in refused if held.digest not in taken]
