"""The auditor: every object file is read again once a day, slowly; what is rotten is put aside, and the replicator
brings a good copy.

It also clears away what was deleted long ago: tombstones, rows, listings.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.rings import KINDS
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.storage.object_files import ObjectFiles, check, modified
from pileus_objectstore.wire.contract import DoneReply, HeldReplica, Quarantine, Reclaim, timestamp

log = logging.getLogger(__name__)
RATE = 20 << 20  # bytes a second
SAVE_S = 10.0  # how far a pass has come is noted so often
STEP_S = 0.5  # it rests so long after it has read as much as this allows


@dataclass
class Auditor:
    """One pass is `run`."""

    context: DaemonContext
    reclaim_s: int
    pause: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.time
    read: int = field(default=0)

    def run(self) -> str:
        self._reclaim()
        looked = bad = gone = 0
        for verdict in self._verdicts():
            looked, bad, gone = looked + 1, bad + (verdict == "bad"), gone + (verdict == "gone")
        return f"{looked} files read, {bad} damaged, {gone} old tombstones removed" if bad or gone else ""

    def _reclaim(self) -> None:
        before = timestamp(self.now() - self.reclaim_s)
        for device in {d.name: d for kind in KINDS for d in self.context.local(kind)}.values():
            self.context.ask(device.host, "reclaim", Reclaim(device.name, before), DoneReply)

    def _verdicts(self) -> Iterator[str]:
        """Of each file in turn."""
        devices = self.context.local("object")
        progress = Progress(self.context.home / "audited", [device.name for device in devices], self.now)
        for device in devices:
            files = ObjectFiles(Disk(self.context.home / device.name))
            for partition in files.partitions():
                if progress.passed(device.name, partition):
                    continue
                for digest in files.held(partition):
                    if self.context.stopping():
                        return
                    yield self._look(device, files, partition, digest)
                progress.reached(device.name, partition)
        progress.stopping()

    def _look(self, device: Device, files: ObjectFiles, partition: int, digest: str) -> str:
        path = files.path(partition, digest)
        stamp = modified(path)
        try:
            file = files.open_path(path)
            with file:
                check(file)
                self._slow(file.size + 4096)
                old = stamp < (self.now() - self.reclaim_s) * 1e9
                drop = HeldReplica(digest, stamp, modified(path + ".meta")) if file.meta.deleted and old else None
            if modified(path + ".meta"):
                files.open_path(path + ".meta").close()
        except (Damaged, DeviceFailed, OSError) as e:
            if not modified(path):
                return ""
            log.error("%s", e)
            self._ask(device, Quarantine(device.name, "object", partition, digest))
            return "bad"
        if drop:
            self._ask(device, Quarantine(device.name, "object", partition, digest, drop))
            return "gone"
        return ""

    def _ask(self, device: Device, args: Quarantine) -> None:
        self.context.ask(device.host, "set_right", args, DoneReply)

    def _slow(self, size: int) -> None:
        self.read += size
        if self.read > RATE * STEP_S:
            self.pause(self.read / RATE)
            self.read = 0


class Progress:
    """How far a pass over devices has come, so that one that a restart broke off goes on there."""

    def __init__(self, path: Path, devices: list[str], now: Callable[[], float]) -> None:
        self._path, self._devices, self._now = path, devices, now
        self._saved_at = 0.0
        self._before = (-1, -1)
        try:
            device, partition = path.read_text().split()
            self._before = (devices.index(device), int(partition))
        except (OSError, ValueError):  # none was broken off, or the device is gone
            return

    def passed(self, device: str, partition: int) -> bool:
        """Whether the pass that was broken off had been here."""
        return (self._devices.index(device), partition) <= self._before

    def reached(self, device: str, partition: int) -> None:
        if self._now() > self._saved_at + SAVE_S:
            self._saved_at = self._now()
            self._path.write_text(f"{device} {partition}")

    def stopping(self) -> None:
        self._path.unlink(missing_ok=True)
