"""What the calls of a storage server share: the devices of the host, the rings, and connections to other hosts."""

import ctypes
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from pileus_objectstore.agent.verified_files import VerifiedFiles
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.ring.rings import Rings
from pileus_objectstore.storage.device_objects import PACKS, DeviceObjects
from pileus_objectstore.storage.disks import RESERVE_BYTES, Disk, policies_of, policy_directory
from pileus_objectstore.storage.listing_store import ListingStore
from pileus_objectstore.storage.object_files import OBJECTS
from pileus_objectstore.wire.client import Pool
from pileus_objectstore.wire.contract import HostReplicas

log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")
PACK_BYTES = 64 << 10
MAX_WRITERS = 48  # threads that write to devices
# Requests beyond this number write to their devices one after the other: together they keep all disks busy anyway.
MAX_PARALLEL_REQUESTS = 6


class Device:
    """A disk with the objects and listings on it."""

    def __init__(self, root: Path, reserve: int, pack_bytes: int = PACK_BYTES) -> None:
        self.disk = Disk(root, reserve)
        self.name = root.name
        self.listings = ListingStore(self.disk)
        self._pack_bytes = pack_bytes
        self._objects: dict[int, DeviceObjects] = {}
        self._lost = 0

    def objects(self, policy: int = 0) -> DeviceObjects:
        """The objects of a storage policy."""
        objects = self._objects.get(policy)
        if objects is None:
            directories = policy_directory(OBJECTS, policy), policy_directory(PACKS, policy)
            objects = self._objects.setdefault(policy, DeviceObjects(self.disk, self._pack_bytes, *directories))
        return objects

    def policies(self) -> list[int]:
        """The storage policies of which the device has objects."""
        return sorted({*policies_of(self.disk.root, OBJECTS), *policies_of(self.disk.root, PACKS)})

    def close(self) -> None:
        """Finish writes under way, and close all that is open on the disk."""
        self.listings.close()
        for objects in self._objects.values():
            objects.close()

    @property
    def usable(self) -> bool:
        """Whether the disk is there. Nothing is kept open of one that was away, because it may have been exchanged."""
        usable = self.disk.usable
        if self._lost != self.disk.lost:
            self._lost = self.disk.lost
            self.close()
        return usable


class Host:
    """This host's devices by name. A device of the ring may be missing: then calls fail until it comes back."""

    def __init__(
        self,
        state: Path,
        address: str,
        rings: Rings,
        pool: Pool,
        reserve: int = RESERVE_BYTES,
        pack_bytes: int = PACK_BYTES,
    ) -> None:
        """Object data leaves `reserve` bytes of a device free; bodies of up to `pack_bytes` are packed."""
        self.state = state
        self.address = address
        self.rings = rings
        self.pool = pool
        self._reserve = reserve
        self.pack_bytes = pack_bytes
        self.verified_files = VerifiedFiles()
        self._devices: dict[str, Device] = {}
        self._room = threading.Semaphore(MAX_PARALLEL_REQUESTS)
        self._writers = ThreadPoolExecutor(MAX_WRITERS, "device")

    def device(self, name: str) -> Device:
        """The device of that name. Raises DeviceFailed if it can't be used now."""
        device = self._devices.get(name)
        if device is None:
            if "/" in name or name.startswith("."):
                raise DeviceFailed(device=name, why="this can't be the name of a device")
            device = self._devices.setdefault(name, Device(self.state / name, self._reserve, self.pack_bytes))
        if not device.usable:
            raise DeviceFailed(device=name, why="it is not mounted")
        return device

    def devices(self, names: Iterable[str]) -> list[Device]:
        """Those of the named devices that can be used now."""
        usable = []
        for name in names:
            try:
                usable.append(self.device(name))
            except DeviceFailed as e:
                log.warning("%s", e)
        return usable

    def write(self, replicas: HostReplicas, act: Callable[[Device], R]) -> list[tuple[Device, R]]:
        """Act on the replicas' devices in parallel; handoffs replace those that are away, full or broken."""
        done: list[tuple[Device, R]] = []
        left, wanted = [*replicas.devices, *replicas.handoffs], len(replicas.devices)
        while left and len(done) < wanted:
            missing = wanted - len(done)
            names, left = left[:missing], left[missing:]
            done += self.each(self.devices(names), act)
        return done

    def holders(self, replicas: HostReplicas) -> list[Device]:
        """Where to look for an object or listing: its devices, then the handoffs."""
        return self.devices(replicas.devices + replicas.handoffs)

    def each(self, items: Sequence[T], act: Callable[[T], R]) -> list[tuple[T, R]]:
        """Act on several devices in parallel, because each waits for its disk; those that failed are left out.

        Even on one file system this is faster: fsyncs that wait together share one commit of the journal.
        """

        def guarded(item: T) -> tuple[T, R] | None:
            try:
                return item, act(item)
            except (DeviceFailed, Damaged) as e:
                log.warning("%s", e)
                return None

        if not self._room.acquire(blocking=False):
            outcomes = [guarded(item) for item in items]
        else:
            try:
                futures = [self._writers.submit(guarded, item) for item in items[1:]]
                outcomes = [guarded(item) for item in items[:1]] + [future.result() for future in futures]
            finally:
                self._room.release()
        return [outcome for outcome in outcomes if outcome]

    def start(self, act: Callable[[], R]) -> "Future[R]":
        """Begin something that waits for a device; at once in this thread if many others do so already."""
        if not self._room.acquire(blocking=False):
            return self.done(act)
        future = self._writers.submit(act)
        future.add_done_callback(lambda _: self._room.release())
        return future

    def done(self, act: Callable[[], R]) -> "Future[R]":
        """Do something in this thread; the outcome as `start` gives it."""
        future: Future[R] = Future()
        try:
            future.set_result(act())
        except Exception as e:  # the caller gets it from the future
            future.set_exception(e)
        return future

    def close_idle(self, idle_s: float) -> None:
        """Close what was not used for `idle_s` seconds, and give the memory back to the system."""
        if sum(device.listings.close_idle(idle_s) for device in list(self._devices.values())):
            trim_memory()

    def shorten_logs(self, min_age_s: float) -> None:
        """Merge the changed rows of listings that are older than `min_age_s` seconds."""
        for device in list(self._devices.values()):
            try:
                if device.usable:
                    device.listings.shorten_log(min_age_s)
            except (DeviceFailed, Damaged, OSError) as e:
                log.warning("%s", e)

    def close(self) -> None:
        """Finish writes under way and release all devices."""
        self._writers.shutdown()
        for device in self._devices.values():
            device.close()
            device.disk.close()


def trim_memory() -> None:
    """Let glibc give free pages back to the system; after a burst they are most of this process's memory."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
