"""What the calls of a storage server share: its disks, and who else there is."""

import ctypes
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.ring.rings import Rings
from pileus_objectstore.storage.disks import RESERVE, Disk
from pileus_objectstore.storage.listing_store import ListingStore
from pileus_objectstore.storage.object_files import ObjectFiles
from pileus_objectstore.wire.client import Pool
from pileus_objectstore.wire.contract import HostReplicas

log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")
MAX_WRITERS = 48  # writes to devices under way at once
MAX_PARALLEL_REQUESTS = (
    6  # from so many requests on, each writes its devices one after the other: together they fill the disks anyway
)


class Device:
    """A disk with what lies on it."""

    def __init__(self, root: Path, reserve: int) -> None:
        self.disk = Disk(root, reserve)
        self.name = root.name
        self.files = ObjectFiles(self.disk)
        self.listings = ListingStore(self.disk)
        self._lost = 0

    @property
    def usable(self) -> bool:
        """Nothing is remembered of a disk that was away: it may have been exchanged."""
        usable = self.disk.usable
        if self._lost != self.disk.lost:
            self._lost = self.disk.lost
            self.listings.close()
        return usable


class Host:
    """This host's devices, by name. A device named in the ring may be missing: then it is failed, and may come back."""

    def __init__(self, state: Path, address: str, rings: Rings, pool: Pool, reserve: int = RESERVE) -> None:
        self.state = state
        self.address = address
        self.rings = rings
        self.pool = pool
        self._reserve = reserve
        self._devices: dict[str, Device] = {}
        self._room = threading.Semaphore(MAX_PARALLEL_REQUESTS)
        self._writers = ThreadPoolExecutor(MAX_WRITERS, "device")

    def device(self, name: str) -> Device:
        """Raises DeviceFailed if it can't be used now."""
        device = self._devices.get(name)
        if device is None:
            if "/" in name or name.startswith("."):
                raise DeviceFailed(device=name, why="that is no device's name")
            device = self._devices.setdefault(name, Device(self.state / name, self._reserve))
        if not device.usable:
            raise DeviceFailed(device=name, why="it is not mounted")
        return device

    def devices(self, names: Iterable[str]) -> list[Device]:
        """Those that can be used."""
        usable = []
        for name in names:
            try:
                usable.append(self.device(name))
            except DeviceFailed as e:
                log.warning("%s", e)
        return usable

    def write(self, replicas: HostReplicas, act: Callable[[Device], R]) -> list[tuple[Device, R]]:
        """Act on the spot's devices at once; handoffs take the places of those that are away, full or broken."""
        done: list[tuple[Device, R]] = []
        left, wanted = [*replicas.devices, *replicas.handoffs], len(replicas.devices)
        while left and len(done) < wanted:
            max_bytes = wanted - len(done)
            names, left = left[:max_bytes], left[max_bytes:]
            done += self.each(self.devices(names), act)
        return done

    def holders(self, replicas: HostReplicas) -> list[Device]:
        """Where to look: the spot's devices, then whoever may stand in for one of them."""
        return self.devices(replicas.devices + replicas.handoffs)

    def each(self, items: Sequence[T], act: Callable[[T], R]) -> list[tuple[T, R]]:
        """Act on several devices at once, because each waits for its disk; those that failed are left out.

        Even on one file system this is worth it: fsyncs that wait together share one commit of the journal.
        """

        def guarded(replica: T) -> tuple[T, R] | None:
            try:
                return replica, act(replica)
            except (DeviceFailed, Damaged) as e:
                log.warning("%s", e)
                return None

        if not self._room.acquire(blocking=False):
            outcomes = [guarded(replica) for replica in items]
        else:
            try:
                futures = [self._writers.submit(guarded, replica) for replica in items[1:]]
                outcomes = [guarded(replica) for replica in items[:1]] + [future.result() for future in futures]
            finally:
                self._room.release()
        return [outcome for outcome in outcomes if outcome]

    def close_idle(self, idle_s: float) -> None:
        """Give back the memory of what was not used for so long."""
        if sum(device.listings.close_idle(idle_s) for device in list(self._devices.values())):
            trim_memory()

    def close(self) -> None:
        self._writers.shutdown()
        for device in self._devices.values():
            device.listings.close()
            device.disk.close()


def trim_memory() -> None:
    """Let glibc hand free pages back to the system: after a burst most of this process is that."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
