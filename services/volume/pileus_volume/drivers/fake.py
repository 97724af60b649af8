"""Storage in memory, for tests and for playing many storage hosts."""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from pileus_volume.config import Config
from pileus_volume.drivers.backend_specs import BackendSpec
from pileus_volume.drivers.base import Adopter, Backend, Capacity, ExportServer, FoundDisk, FoundSnapshot, ImageFile
from pileus_volume.errors import DiskRefused, ToolFailed
from pileus_volume.rpc import GIB, Disk, Export, file_name

CLUSTER = 1 << 16


def _empty_qcow2(size_bytes: int) -> bytes:
    """The header of a blank disk that inspectors accept (qemu docs/interop/qcow2.txt, version 2)."""
    tables = max(-(-size_bytes // (CLUSTER * CLUSTER // 8)), 1)
    return struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, size_bytes, 0, tables, CLUSTER, 2 * CLUSTER, 1, 0, 0)


class FakeBackend(Backend, ExportServer, Adopter):
    """Attributes by volume id: disks (bytes), origins (what the content was made from), snapshots, held (volumes that a
    guest of this host has open); exports by attachment id. `strangers`: sizes of disks that no volume has, by name."""

    directory = "/fake/volumes"

    def __init__(self, config: Config | None = None, spec: BackendSpec | None = None) -> None:
        if spec and spec.name:
            self.directory = f"/fake/{spec.name}"
        self.disks: dict[str, int] = {}
        self.origins: dict[str, str] = {}
        self.snapshots: dict[str, set[str]] = {}
        self.exports: dict[str, Export] = {}
        self.held: set[str] = set()
        self.strangers: dict[str, int] = {}

    def capacity(self) -> Capacity:
        """Always the same."""
        return Capacity(1000.0, 1000.0)

    def create(self, disk: Disk) -> None:
        """Remember a blank disk."""
        self._make(disk, "blank")

    def has_image(self, image_id: str, digest: str) -> bool:
        """Always true: disks of the fake have no content."""
        return True

    def create_from_image(self, disk: Disk, image_id: str, digest: str, source: ImageFile | None) -> None:
        """Remember the image as the disk's origin."""
        self._make(disk, f"image {image_id}")

    def create_from_snapshot(self, disk: Disk, volume_id: str, snapshot_id: str) -> None:
        """Remember the snapshot as the disk's origin."""
        if snapshot_id not in self.snapshots.get(volume_id, ()):
            raise ToolFailed(tool="fake", why=f"no snapshot {snapshot_id}")
        self._make(disk, f"snapshot {snapshot_id}")

    def create_from_volume(self, disk: Disk, volume_id: str) -> None:
        """Remember the other disk as this one's origin."""
        if volume_id not in self.disks:
            raise ToolFailed(tool="fake", why=f"no disk {volume_id}")
        self._make(disk, f"volume {volume_id}")

    def delete(self, volume_id: str) -> None:
        """Forget the disk and its snapshots."""
        for known in (self.disks, self.origins, self.snapshots):
            known.pop(volume_id, None)

    def extend(self, disk: Disk) -> int:
        """Change the size, unless a guest has the disk open."""
        if disk.volume_id not in self.held:
            self.disks[disk.volume_id] = max(self.disks[disk.volume_id], disk.size_gib * GIB)
        return self.disks[disk.volume_id]

    def snapshot(self, volume_id: str, snapshot_id: str) -> bool:
        """Remember the snapshot, unless a guest has the disk open."""
        if volume_id in self.held:
            return snapshot_id in self.snapshots.get(volume_id, ())
        self.snapshots.setdefault(volume_id, set()).add(snapshot_id)
        return True

    def delete_snapshot(self, volume_id: str, snapshot_id: str) -> bool:
        """Forget the snapshot, unless a guest has the disk open."""
        if volume_id in self.held:
            return snapshot_id not in self.snapshots.get(volume_id, ())
        self.snapshots.get(volume_id, set()).discard(snapshot_id)
        return True

    def revert(self, disk: Disk, snapshot_id: str) -> None:
        """Remember the snapshot as the disk's origin."""
        if snapshot_id not in self.snapshots.get(disk.volume_id, ()):
            raise ToolFailed(tool="fake", why=f"no snapshot {snapshot_id}")
        self.origins[disk.volume_id] = f"snapshot {snapshot_id}"

    @contextmanager
    def replace_content(self, disk: Disk) -> Iterator[Path]:
        """A temporary file; its first line becomes the disk's origin."""
        with NamedTemporaryFile() as file:
            file.truncate(disk.size_gib * GIB)
            yield Path(file.name)
            self.create(disk)
            self.origins[disk.volume_id] = file.readline(1000).decode().rstrip("\n")

    @contextmanager
    def open_content(self, volume_id: str, snapshot_id: str | None, disk_format: str) -> Iterator[Path]:
        """A temporary file with the disk's origin, after a qcow2 header if that is the format."""
        if disk_format not in ("raw", "qcow2"):
            raise ToolFailed(tool="fake", why=f"images of format {disk_format} can't be made")
        if volume_id not in self.disks:
            raise ToolFailed(tool="fake", why=f"no disk {volume_id}")
        with NamedTemporaryFile() as file:
            if disk_format == "qcow2":
                file.write(_empty_qcow2(self.disks[volume_id]))
                file.seek(4 * CLUSTER)
            file.write(f"{self.origins[volume_id]}\n".encode())
            file.flush()
            yield Path(file.name)

    def list_disks(self) -> list[FoundDisk]:
        """The disks of volumes and those of `strangers`."""
        known = {file_name(volume): size for volume, size in self.disks.items()} | self.strangers
        return [FoundDisk(name, size) for name, size in sorted(known.items())]

    def list_snapshots(self, volume_id: str = "") -> list[FoundSnapshot]:
        """The snapshots that are remembered."""
        return [
            FoundSnapshot(file_name(volume), name, self.disks[volume])
            for volume, names in sorted(self.snapshots.items())
            for name in sorted(names)
            if volume_id in ("", volume)
        ]

    def adopt(self, volume_id: str, name: str) -> int:
        """Remember a stranger, or a disk whose volume was forgotten, as the volume's disk."""
        if volume_id not in self.disks:
            left = {file_name(volume): volume for volume in self.disks}
            if name in left:
                self.disks[volume_id] = self.disks.pop(left[name])
                self.origins[volume_id] = self.origins.pop(left[name])
                self.snapshots[volume_id] = self.snapshots.pop(left[name], set())
            elif name in self.strangers:
                self.disks[volume_id], self.origins[volume_id] = self.strangers.pop(name), f"stranger {name}"
            else:
                raise DiskRefused(name=name, why="there is no such disk")
        return -(-self.disks[volume_id] // GIB)

    def disown(self, volume_id: str, name: str) -> None:
        """Make the volume's disk a stranger again."""
        if volume_id in self.disks:
            self.strangers[name] = self.disks[volume_id]
            self.delete(volume_id)

    def set_exports(self, exports: Sequence[Export]) -> None:
        """Remember these exports."""
        self.exports = {export.attachment_id: export for export in exports}

    def stop_serving(self) -> None:
        """Forget all exports."""
        self.exports = {}

    def _make(self, disk: Disk, origin: str) -> None:
        if disk.volume_id not in self.disks:
            self.disks[disk.volume_id] = disk.size_gib * GIB
            self.origins[disk.volume_id] = origin
