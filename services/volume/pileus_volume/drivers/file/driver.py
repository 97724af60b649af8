"""The file driver: a volume is the qcow2 file `volume-ID` in one directory, with its snapshots inside.

A disk is built under another name and then renamed, so a file with a disk's name is complete. Files are synced before
a call returns, because what was reported as done must outlive a power cut.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pileus_kit.file_modes import make_traversable
from pileus_volume.config import Config
from pileus_volume.drivers.backend_specs import BackendSpec, first_backend
from pileus_volume.drivers.base import Adopter, Backend, Capacity, ExportServer, FoundDisk, FoundSnapshot, ImageFile
from pileus_volume.drivers.file import found_disks, qcow2_files, stored_snapshots
from pileus_volume.drivers.file.image_cache import ImageCache
from pileus_volume.drivers.file.storage_daemon import Address, StorageDaemon
from pileus_volume.errors import DiskBusy, ImageRefused, ToolFailed
from pileus_volume.rpc import GIB, Disk, Export, file_name

QEMU_FORMATS = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx"}


class FileBackend(Backend, ExportServer, Adopter):
    """Disks are in `volumes` of the state directory, cached images in `volume-images`.

    Those of a further backend are in the directory that its entry names, or `volumes/NAME`, and `volume-images/NAME`.
    """

    disk_format = "qcow2"

    def __init__(self, config: Config, spec: BackendSpec | None = None) -> None:
        spec = spec or first_backend(config)
        place = Path(spec.directory) if spec.directory else spec.path(config, "volumes")
        self._root = make_traversable(place)  # the processes of guests open their volumes here
        images = spec.path(config, "volume-images")
        images.mkdir(parents=True, exist_ok=True)
        self._image_cache = ImageCache(images, config.image_cache_gib * GIB)
        address = Address(spec.nbd_host, spec.nbd_port, config.nbd_tls)
        self._daemon = StorageDaemon(
            spec.path(config, "run", "volume"), address, config.path("logs", "volume-exports.log")
        )
        self.directory = str(self._root)

    def capacity(self) -> Capacity:
        """The capacity of the file system that holds the volumes."""
        usage = shutil.disk_usage(self._root)
        return Capacity(round(usage.total / GIB, 2), round(usage.free / GIB, 2))

    def create(self, disk: Disk) -> None:
        """Create an empty qcow2 file, unless the disk exists."""
        with self._building(disk) as part:
            if part:
                qcow2_files.create(part, disk.size_gib * GIB)

    def has_image(self, image_id: str, digest: str) -> bool:
        """Whether the image cache has this content."""
        return self._image_cache.has(image_id, digest)

    def create_from_image(self, disk: Disk, image_id: str, digest: str, source: ImageFile | None) -> None:
        """Copy the cached image, which is converted from the file first if it isn't cached, and resize the copy."""
        with self._building(disk) as part:
            if part:
                with self._image_cache.using(image_id, digest, source, disk.size_gib * GIB) as base:
                    size = qcow2_files.virtual_size(base)
                    if size > disk.size_gib * GIB:
                        raise ImageRefused(image=image_id, why=f"its {size} bytes are larger than the volume")
                    subprocess.run(
                        ["cp", "--reflink=auto", "--sparse=auto", str(base), str(part)],
                        check=True,
                        umask=qcow2_files.UMASK,
                    )
                _fit(part, disk)

    def create_from_snapshot(self, disk: Disk, volume_id: str, snapshot_id: str) -> None:
        """Copy the snapshot's content out of the other file, which a guest may have open."""
        with self._building(disk) as part:
            if part:  # a guest may have the disk open, but the clusters of a snapshot never change
                qcow2_files.copy(self._path(volume_id), part, snapshot=snapshot_id)
                _fit(part, disk)

    def create_from_volume(self, disk: Disk, volume_id: str) -> None:
        """Copy the other file's content; qemu-img refuses a file that a process has open."""
        with self._building(disk) as part:
            if part:
                qcow2_files.copy(self._path(volume_id), part)
                _fit(part, disk)

    def delete(self, volume_id: str) -> None:
        """Close the disk in the storage daemon and delete its files."""
        path = self._path(volume_id)
        self._daemon.close_disk(volume_id)
        for gone in (_part(path), _raw(path), path):
            gone.unlink(missing_ok=True)
        _sync(self._root)

    def extend(self, disk: Disk) -> int:
        """Resize the file; one that a guest has open keeps its size."""
        path, wanted = self._path(disk.volume_id), disk.size_gib * GIB
        if qcow2_files.virtual_size(path) < wanted:
            with suppress(DiskBusy):  # then its guest's hypervisor grows it
                qcow2_files.resize(path, wanted)
                _sync(path)
        return qcow2_files.virtual_size(path)

    def snapshot(self, volume_id: str, snapshot_id: str) -> bool:
        """Take an internal snapshot with qemu-img, or in the storage daemon if that has the disk open."""
        path = self._path(volume_id)
        if snapshot_id in qcow2_files.snapshots(path):
            return True
        if self._daemon.holds(volume_id):
            self._daemon.snapshot(volume_id, snapshot_id)
            return True
        return _offline(path, "-c", snapshot_id)

    def delete_snapshot(self, volume_id: str, snapshot_id: str) -> bool:
        """Delete an internal snapshot with qemu-img, or in the storage daemon if that has the disk open."""
        path = self._path(volume_id)
        if not path.exists() or snapshot_id not in qcow2_files.snapshots(path):
            return True
        if self._daemon.holds(volume_id):
            self._daemon.delete_snapshot(volume_id, snapshot_id)
            return True
        return _offline(path, "-d", snapshot_id)

    def revert(self, disk: Disk, snapshot_id: str) -> None:
        """Apply the internal snapshot, and give the disk its present size again."""
        path = self._path(disk.volume_id)
        qcow2_files.snapshot(path, "-a", snapshot_id)
        _fit(path, disk)
        _sync(path)

    @contextmanager
    def replace_content(self, disk: Disk) -> Iterator[Path]:
        """A raw file beside the disk, which is converted into the disk when the block ends."""
        path, raw = self._path(disk.volume_id), _raw(self._path(disk.volume_id))
        try:
            with os.fdopen(os.open(raw, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
                file.truncate(disk.size_gib * GIB)
            yield raw
            self.create(disk)
            qcow2_files.fill(raw, path)
            _sync(path)
        finally:
            raw.unlink(missing_ok=True)

    @contextmanager
    def open_content(self, volume_id: str, snapshot_id: str | None, disk_format: str) -> Iterator[Path]:
        """A temporary copy of the disk or snapshot in the format."""
        if disk_format not in QEMU_FORMATS:
            raise ToolFailed(tool="upload", why=f"images of format {disk_format} can't be made")
        copy = self._root / f"copy-{snapshot_id or volume_id}"
        try:
            qcow2_files.copy(self._path(volume_id), copy, QEMU_FORMATS[disk_format], snapshot_id or "")
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    def receive(self, disk: Disk, source: Backend) -> None:
        """Copy the other backend's file; one that isn't a file of this driver goes by way of a raw copy."""
        if not isinstance(source, FileBackend):
            super().receive(disk, source)
            return
        if stored_snapshots.count_snapshots(source._path(disk.volume_id)):
            raise ToolFailed(tool="copy", why="the disk has snapshots, which would be lost")
        self._path(disk.volume_id).unlink(missing_ok=True)
        with self._building(disk) as part:
            assert part is not None
            qcow2_files.copy(source._path(disk.volume_id), part)
            _fit(part, disk)

    def has_content_of(self, volume_id: str, source: Backend) -> bool:
        """Compare the files, or raw copies of them."""
        if not isinstance(source, FileBackend):
            return super().has_content_of(volume_id, source)
        return qcow2_files.are_equal(self._path(volume_id), source._path(volume_id))

    def list_disks(self) -> list[FoundDisk]:
        """The qcow2 files in the directory, and other files with the reason why they can't be adopted."""
        return list(found_disks.list_disks(self._root))

    def list_snapshots(self, volume_id: str = "") -> list[FoundSnapshot]:
        """The internal snapshots of the volumes' files, whether their guests run or not."""
        return stored_snapshots.list_snapshots(self._root, volume_id)

    def adopt(self, volume_id: str, name: str) -> int:
        """Rename the file, and resize it to whole GiB."""
        size = found_disks.adopt(self._root, name, self._path(volume_id))
        _sync(self._path(volume_id))
        _sync(self._root)
        return size

    def disown(self, volume_id: str, name: str) -> None:
        """Rename the file back."""
        found_disks.disown(self._root, name, self._path(volume_id))
        _sync(self._root)

    def set_exports(self, exports: Sequence[Export]) -> None:
        """Have the storage daemon serve exactly these exports."""
        self._daemon.set_exports(exports, {export.volume_id: self._path(export.volume_id) for export in exports})

    def stop_serving(self) -> None:
        """End the storage daemon."""
        self._daemon.stop()

    def _path(self, volume_id: str) -> Path:
        return self._root / file_name(volume_id)

    @contextmanager
    def _building(self, disk: Disk) -> Iterator[Path | None]:
        """Where to build the disk; the file is renamed to the disk's when the block ends. None if the disk exists."""
        path = self._path(disk.volume_id)
        if path.exists():
            yield None
            return
        part = _part(path)
        part.unlink(missing_ok=True)
        try:
            yield part
            _sync(part)
            part.rename(path)
            _sync(self._root)
        finally:
            part.unlink(missing_ok=True)


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _raw(path: Path) -> Path:
    return path.with_name(path.name + ".raw")


def _fit(path: Path, disk: Disk) -> None:
    """Resize a copy to its own size. It may shrink: what lies beyond a snapshot's size is empty."""
    wanted = disk.size_gib * GIB
    if qcow2_files.virtual_size(path) != wanted:
        qcow2_files.resize(path, wanted)


def _offline(path: Path, action: str, snapshot_id: str) -> bool:
    try:
        qcow2_files.snapshot(path, action, snapshot_id)
    except DiskBusy:
        return False
    _sync(path)
    return True


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
