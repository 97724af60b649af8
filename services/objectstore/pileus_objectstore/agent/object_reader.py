"""Reads the newest undamaged version that any device of this host has.

If a device turns out to be damaged on the way, reading goes on with another device's copy of the same version.
"""

import logging
import socket
from collections.abc import Callable

from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.block_checksums import BLOCK_BYTES
from pileus_objectstore.storage.object_files import ObjectFile
from pileus_objectstore.storage.object_format import StoredVersion, timestamp_of
from pileus_objectstore.wire.contract import HostReplicas
from pileus_objectstore.wire.framing import ConnectionBroken

log = logging.getLogger(__name__)
Stamps = tuple[int, int]


def newest(host: Host, replicas: HostReplicas) -> Stamps:
    """The newest (version, later metadata) on any device of the replicas, by stat alone; (0, 0) if there is none."""
    return max((stamps for _, stamps in _ranked(host.holders(replicas), replicas)[0]), default=(0, 0))


def _ranked(devices: list[Device], replicas: HostReplicas) -> tuple[list[tuple[Device, Stamps]], set[str]]:
    """The devices that have the object, newest first, and the names of those that could be asked."""
    found, answered = [], set()
    for device in devices:
        try:
            stamps = device.objects(replicas.policy).stamps(replicas.partition, replicas.digest)
        except (DeviceFailed, OSError) as e:
            log.warning("device %s: %s", device.name, e)
            continue
        answered.add(device.name)
        if stamps[0]:
            found.append((device, stamps))
    found.sort(key=lambda pair: pair[1], reverse=True)
    return found, answered


class ObjectReader:
    """An object that is open for reading. `file` is None if there is none; `tombstone` is the time of a deletion."""

    def __init__(self, host: Host, replicas: HostReplicas) -> None:
        self._spot = replicas
        self._verified = host.verified_files
        self._left, self._answered = _ranked(host.holders(replicas), replicas)
        self._tried: list[Device] = []
        self.newest = self._left[0][1][0] if self._left else 0
        self.tombstone = ""
        self.file: StoredVersion | None = None
        self._next()

    @property
    def unknown(self) -> bool:
        """Nothing was found, but half of the devices or more could not be asked, so the object may exist."""
        silent = sum(1 for name in self._spot.devices if name not in self._answered)
        return self.file is None and not self.tombstone and bool(silent) and 2 * silent >= len(self._spot.devices)

    def span(self, first: int | None, last: int | None) -> tuple[int, int] | None:
        """(start, length) of `bytes=first-last` within the object; None if nothing of it is there."""
        assert self.file is not None
        size = self.file.size
        if first is None and last is None:
            return 0, size
        if first is None:
            length = min(last or 0, size)
            return (size - length, length) if length else None
        if first >= size:
            return None
        end = size - 1 if last is None else min(last, size - 1)
        return first, end - first + 1

    def short(self, start: int, length: int) -> bytes:
        """A span of at most one block, in memory."""
        out = bytearray(length)
        at = 0

        def take(piece: memoryview) -> None:
            nonlocal at
            out[at : at + len(piece)] = piece
            at += len(piece)

        self._run(start, length, take)
        return bytes(out)

    def sender(self, start: int, length: int) -> Callable[[socket.socket], None]:
        """A function that sends a span to a socket."""

        def send(sock: socket.socket) -> None:
            self._run(start, length, sock.sendall)

        return send

    def verified_inode(self) -> int:
        """The inode of the object's file if all of it was verified lately, else 0."""
        return self._verified.inode(self.file) if isinstance(self.file, ObjectFile) else 0

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()

    def _run(self, start: int, length: int, take: Callable[[memoryview], object]) -> None:
        """Give the bytes of a span to `take`. Each block's checksum is verified first."""
        buffer, end = bytearray(BLOCK_BYTES), start + length
        view, begun = memoryview(buffer), (start, self.file)
        try:
            while start < end:
                number = start // BLOCK_BYTES
                filled = self._block(number, buffer)
                base = number * BLOCK_BYTES
                piece = view[start - base : min(filled, end - base)]
                take(piece)
                start += len(piece)
            if isinstance(self.file, ObjectFile) and begun == (0, self.file) and end == self.file.size:
                self._verified.add(self.file)
        finally:
            self.close()

    def _block(self, number: int, buffer: bytearray) -> int:
        while True:
            if self.file is None:
                raise ConnectionBroken("no undamaged copy is left on this host")
            try:
                return self.file.block(number, buffer)
            except (Damaged, OSError) as e:
                self._change(e)

    def _change(self, why: Exception) -> None:
        """Put the damaged file into quarantine and open another device's copy of the same version, if there is one."""
        assert self.file is not None
        old = self.file
        log.error("%s", why)
        old.close()
        self._quarantine(old)
        self._next()
        if self.file is not None and (self.file.meta.timestamp, self.file.meta.etag) != (
            old.meta.timestamp,
            old.meta.etag,
        ):
            self.file.close()
            self.file = None

    def _quarantine(self, file: StoredVersion) -> None:
        device = next(d for d in self._tried if d.disk is file.disk)
        try:
            device.objects(self._spot.policy).quarantine(self._spot.partition, self._spot.digest)
        except DeviceFailed as e:
            log.warning("%s", e)

    def _next(self) -> None:
        """Open the next best copy; copies that can't be read are skipped."""
        self.file = None
        while self._left:
            device, stamps = self._left.pop(0)
            self._tried.append(device)
            try:
                file = device.objects(self._spot.policy).open(self._spot.partition, self._spot.digest)
            except Damaged as e:
                log.error("%s", e)
                self._again(device, stamps)
                continue
            except (DeviceFailed, OSError) as e:
                log.error("%s", e)
                self._answered.discard(device.name)
                continue
            if file is None:
                continue
            if file.meta.deleted:
                self.tombstone = timestamp_of(stamps[0])
                file.close()
                self._left.clear()
                return
            self.file = file
            return

    def _again(self, device: Device, stamps: Stamps) -> None:
        """If only the later metadata was damaged (it is in quarantine now), the object itself is tried last."""
        if stamps[1] and device.objects(self._spot.policy).stamps(self._spot.partition, self._spot.digest) == (
            stamps[0],
            0,
        ):
            self._left.append((device, (stamps[0], 0)))
