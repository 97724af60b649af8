"""The auditor: reads every object file again once a day, slowly. Damaged files go to quarantine.

The replicator then brings a good copy. The auditor also removes what was deleted long ago: tombstones, rows, listings.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import repeat
from pathlib import Path

from pileus_kit.errors import HostDown, Unavailable
from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.storage.disks import Disk, policy_directory
from pileus_objectstore.storage.object_files import OBJECTS, ObjectFiles, modified
from pileus_objectstore.storage.object_format import check
from pileus_objectstore.wire.contract import timestamp
from pileus_objectstore.wire.daemon_calls import (
    AuditPacked,
    AuditReply,
    DoneReply,
    GetSummary,
    HeldReplica,
    Quarantine,
    Reclaim,
    RemoveReplica,
    SummaryReply,
)

log = logging.getLogger(__name__)
BYTES_PER_S = 20 << 20
SAVE_S = 10.0  # the progress of a pass is saved this often
ALL_HINTS = -1  # in place of a partition
STEP_S = 0.5  # the auditor pauses after it has read as much as BYTES_PER_S allows in this time


class Finding(Enum):
    """What the auditor has found out about one file."""

    GOOD = "good"
    DAMAGED = "damaged"
    OLD_TOMBSTONE = "old tombstone"


@dataclass
class Auditor:
    """Reads this host's object files; `run` makes one pass."""

    context: DaemonContext
    reclaim_s: int
    pause: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.time
    read_bytes: int = field(default=0)
    failed: int = field(default=0)

    def run(self) -> str:
        """Make one pass, or finish the one that a restart interrupted; what was found, '' if all files are good.

        A device that can't be used keeps no other one waiting.
        """
        self.failed = 0
        self._reclaim()
        counts = dict.fromkeys(Finding, 0)
        for finding in self._findings():
            counts[finding] += 1
        damaged, old = counts[Finding.DAMAGED], counts[Finding.OLD_TOMBSTONE]
        files = sum(counts.values())
        failed = f", {self.failed} devices failed" if self.failed else ""
        done = f"{files} files read, {damaged} damaged, {old} old tombstones removed{failed}"
        return done if damaged or old or failed else ""

    def _reclaim(self) -> None:
        before = timestamp(self.now() - self.reclaim_s)
        for device in self.context.mounted():
            try:
                self.context.ask(device.host, "reclaim", Reclaim(device.name, before), DoneReply)
            except HostDown as e:
                self._count_failure(e)

    def _count_failure(self, e: Exception) -> None:
        log.warning("%s", e)
        self.failed += 1

    def _findings(self) -> Iterator[Finding]:
        areas = [
            (device, policy) for policy in self.context.rings.areas() for device in self.context.local("object", policy)
        ]
        progress = Progress(self.context.home / "audited", [_area(*area) for area in areas], self.now)
        for device, policy in areas:
            try:
                yield from self._of_device(device, policy, progress)
            except (Unavailable, OSError) as e:
                self._count_failure(e)
            if self.context.stopping():
                return
        progress.clear()

    def _of_device(self, device: Device, policy: int, progress: "Progress") -> Iterator[Finding]:
        """Read what a device has of a storage policy. Raises Unavailable and OSError."""
        files = ObjectFiles(Disk(self.context.home / device.name), policy_directory(OBJECTS, policy))
        yield from self._packed(device, policy, ALL_HINTS)
        for partition in sorted({*files.partitions(), *self._partitions(device, policy)}):
            if progress.passed(_area(device, policy), partition):
                continue
            for digest in files.held(partition):
                if self.context.stopping():
                    return
                yield self._look(device, policy, files, partition, digest)
            yield from self._packed(device, policy, partition)
            progress.reached(_area(device, policy), partition)

    def _partitions(self, device: Device, policy: int) -> Iterable[int]:
        """The partitions of which the device has objects, packed ones included."""
        request = GetSummary(device.name, "object", policy)
        return self.context.ask(device.host, "get_summary", request, SummaryReply)[0].sums

    def _packed(self, device: Device, policy: int, partition: int) -> Iterator[Finding]:
        """Have the storage server verify what is packed: only that knows where it is."""
        before = int((self.now() - self.reclaim_s) * 1e9)
        request = AuditPacked(device.name, partition, before, policy)
        found = self.context.ask(device.host, "audit_packed", request, AuditReply)[0]
        self._keep_rate(found.size)
        counts = {Finding.GOOD: found.good, Finding.DAMAGED: found.damaged, Finding.OLD_TOMBSTONE: found.old}
        for finding, count in counts.items():
            yield from repeat(finding, count)

    def _look(self, device: Device, policy: int, files: ObjectFiles, partition: int, digest: str) -> Finding:
        path = files.path(partition, digest)
        stamp = modified(path)
        try:
            with files.open_path(path) as file:
                check(file)
                self._keep_rate(file.size + 4096)
                old = stamp < (self.now() - self.reclaim_s) * 1e9
                removable = file.meta.deleted and old
                held = HeldReplica(digest, stamp, modified(path + ".meta"))
            if modified(path + ".meta"):
                files.open_path(path + ".meta").close()
        except (Damaged, DeviceFailed, OSError) as e:
            if not modified(path):
                return Finding.GOOD  # it was removed meanwhile
            log.error("%s", e)
            self.context.ask(device.host, "quarantine", Quarantine(device.name, partition, digest, policy), DoneReply)
            return Finding.DAMAGED
        if removable:
            removal = RemoveReplica(device.name, "object", partition, held, policy)
            self.context.ask(device.host, "remove_replica", removal, DoneReply)
            return Finding.OLD_TOMBSTONE
        return Finding.GOOD

    def _keep_rate(self, size: int) -> None:
        self.read_bytes += size
        if self.read_bytes > BYTES_PER_S * STEP_S:
            self.pause(self.read_bytes / BYTES_PER_S)
            self.read_bytes = 0


def _area(device: Device, policy: int) -> str:
    """What the progress of a pass says of a device and a storage policy."""
    return f"{device.name}/{policy}" if policy else device.name


class Progress:
    """The progress of a pass over devices and storage policies.

    It is saved, so that a pass that a restart interrupts continues where it was.
    """

    def __init__(self, path: Path, devices: list[str], now: Callable[[], float]) -> None:
        self._path, self._devices, self._now = path, devices, now
        self._saved_at = 0.0
        self._before = (-1, -1)
        try:
            device, partition = path.read_text().split()
            self._before = (devices.index(device), int(partition))
        except (OSError, ValueError):  # no pass was interrupted, or its device is gone
            return

    def passed(self, device: str, partition: int) -> bool:
        """Whether the interrupted pass had finished this partition."""
        return (self._devices.index(device), partition) <= self._before

    def reached(self, device: str, partition: int) -> None:
        """A partition is finished."""
        if self._now() > self._saved_at + SAVE_S:
            self._saved_at = self._now()
            self._path.write_text(f"{device} {partition}")

    def clear(self) -> None:
        """The pass is finished: the next one begins with the first device."""
        self._path.unlink(missing_ok=True)
