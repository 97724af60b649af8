"""The ring keeper: goes on with a change of the rings that couldn't be made at once.

A rebalance moves one replica of a partition at most, so that the others are where readers look. The next one has to
wait until that replica is there: an hour, or less if the replicators of all hosts say that nothing is left to be done.
Only the host on which the rings are changed keeps them.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pileus_kit.errors import HostDown
from pileus_objectstore.ring.ring_files import RingFiles
from pileus_objectstore.ring.rings import CHECK_S, Rings
from pileus_objectstore.wire.client import Pool
from pileus_objectstore.wire.recon_calls import GetRecon, ReconReply

log = logging.getLogger(__name__)
WATCHED = ("replicator", "reconstructor")


@dataclass
class RingKeeper:
    """Looks after the rings; `run` makes one pass."""

    rings: Rings
    files: RingFiles
    pool: Pool
    now: Callable[[], float] = time.time
    margin_s: float = 2 * CHECK_S  # until replicators have noticed new rings
    _seen: dict[str, tuple[int, bool]] = field(default_factory=dict)  # files as they were read, and what they said

    def run(self) -> str:
        """Make one pass; what was done, '' for nothing."""
        unsettled = [name for name in self.files.names() if self._is_unfinished(name)]
        if not unsettled or not all(self._has_settled(host) for host in sorted(set(self._hosts()))):
            return ""
        moved = self.files.change(lambda ring: ring.rebalance(rested=True), unsettled)
        return ", ".join(f"{count} replicas of {name} got a new device" for name, count in moved.items() if count)

    def _is_unfinished(self, name: str) -> bool:
        stamp = self.files.path(name).stat().st_mtime_ns
        if self._seen.get(name, (0, False))[0] != stamp:
            self._seen[name] = stamp, self.files.load(name).unfinished
        return self._seen[name][1]

    def _hosts(self) -> Iterator[str]:
        for kind in self.rings.kinds():
            yield from (device.host for device in self.rings.ring(*kind).file.devices if device)

    def _has_settled(self, host: str) -> bool:
        """Whether a host has these rings, and its replicators have found nothing to do since."""
        try:
            told, _ = self.pool.call(host, "get_recon", GetRecon(), ReconReply)
        except HostDown as e:
            log.info("the rings wait for %s: %s", host, e)
            return False
        changed = max(self.files.path(name).stat().st_mtime for name in self.files.names())
        skew = told.time - self.now()
        passes = [told.daemons.get(name) for name in WATCHED]
        return told.ring_states == self.files.states() and all(
            one is not None and not one.did and one.ended - one.took - skew > changed + self.margin_s for one in passes
        )
