"""What replicator and reconstructor share: passes that end in time, what they count, and how a replica is removed."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pileus_kit.errors import HostDown
from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.daemons.survey import Survey
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.rings import RingKind
from pileus_objectstore.wire.daemon_calls import DoneReply, HeldReplica, RemoveReplica

log = logging.getLogger(__name__)
PASS_S = 300.0


@dataclass(kw_only=True)
class Repairer:
    """Compares what devices hold with what they should. The counts are those of the last pass."""

    context: DaemonContext
    host_lost_s: float = 600.0
    clock: Callable[[], float] = time.monotonic
    removed: int = 0
    failed: int = 0
    waiting: int = 0  # partitions that the pass had no time for
    survey: Survey = field(init=False)
    _until: float = 0.0

    def __post_init__(self) -> None:
        self.survey = Survey(self.context, self.host_lost_s, self.clock)

    @property
    def left(self) -> bool:
        """Whether the last pass left something to do."""
        return bool(self.failed or self.waiting)

    def begin(self) -> None:
        """Begin a pass."""
        self.survey.begin()
        self.removed = self.failed = self.waiting = 0
        self._until = self.clock() + PASS_S

    def is_over(self) -> bool:
        """Whether the pass has to end now."""
        return self.context.stopping() or self.clock() >= self._until

    def fail(self, e: Exception) -> None:
        """Something can't be done in this pass; the others go on."""
        log.warning("%s", e)
        self.failed += 1

    def remove(self, ring: RingKind, device: Device, partition: int, held: HeldReplica) -> None:
        """Remove a replica. One that is in use, or has changed since the inventory, stays for the next pass."""
        removal = RemoveReplica(device.name, ring.kind, partition, held, ring.policy)
        try:
            removed = self.context.ask(device.host, "remove_replica", removal, DoneReply)[0].status == 200
        except HostDown as e:
            log.warning("%s", e)
            removed = False
        self.removed += removed
        self.failed += not removed
