"""Brings rings and storage policies to all hosts: each pass compares this host's files with those of some others.

The newer file of two hosts replaces the other one. A host that was away catches up in its first pass; one that has no
rings yet gets them from the hosts that its option `ring_hosts` names.
"""

import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pileus_kit.errors import HostDown
from pileus_objectstore.errors import RingRefused
from pileus_objectstore.ring.ring_files import RingFiles
from pileus_objectstore.ring.rings import Rings
from pileus_objectstore.wire.client import Pool
from pileus_objectstore.wire.daemon_calls import DoneReply, GetRing, GetRings, PutRing, RingsReply

log = logging.getLogger(__name__)
PEERS = 3  # hosts to compare with in one pass


@dataclass
class RingExchange:
    """Exchanges this host's files; `run` makes one pass."""

    rings: Rings
    files: RingFiles
    pool: Pool
    address: str
    known_hosts: Sequence[str] = ()
    choose: random.Random = field(default_factory=random.Random)

    def run(self) -> str:
        """Make one pass; what was taken or given, '' for nothing."""
        peers = sorted({*self.known_hosts, *self._hosts_in_rings()} - {self.address})
        done: list[str] = []
        for host in self.choose.sample(peers, min(PEERS, len(peers))):
            try:
                done += self._compare(host)
            except HostDown as e:
                log.info("%s", e)
        return ", ".join(done)

    def _hosts_in_rings(self) -> Iterable[str]:
        for kind in self.rings.kinds():
            try:
                yield from (device.host for device in self.rings.ring(*kind).file.devices if device)
            except (OSError, ValueError) as e:
                log.warning("the ring of %s can't be read: %s", kind, e)

    def _compare(self, host: str) -> list[str]:
        reply, _ = self.pool.call(host, "get_rings", GetRings(), RingsReply)
        mine, theirs, done = self.files.states(), reply.files, []
        for name in sorted(mine.keys() | theirs.keys()):
            if theirs.get(name, (-1, 0)) > mine.get(name, (-1, 0)):
                answer, data = self.pool.call(host, "get_ring", GetRing(name), DoneReply)
                if answer.status == 200 and self._take(name, data, host):
                    done.append(f"{name} from {host}")
            elif theirs.get(name) != mine.get(name):
                answer, _ = self.pool.call(host, "put_ring", PutRing(name), DoneReply, self.files.data(name))
                if answer.status == 200:
                    done.append(f"{name} to {host}")
                elif answer.status == 409:
                    log.error("%s does not take the %s of this host: %s", host, name, answer.why)
        return done

    def _take(self, name: str, data: bytes, host: str) -> bool:
        try:
            return self.files.take(name, data)
        except RingRefused as e:
            log.error("the %s of %s is not taken: %s", name, host, e)
            return False
