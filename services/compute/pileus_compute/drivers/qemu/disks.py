"""The local disks of guests: each guest has a directory of its own on the host."""

import os
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pileus_compute.drivers.qemu import config_drive, qemu_img
from pileus_compute.drivers.qemu.image_cache import Base, ImageCache
from pileus_compute.errors import DiskTooSmall, GuestAbsent, HypervisorFailed
from pileus_compute.rpc import Guest, Image, LocalDisk
from pileus_kit.file_modes import make_traversable
from pileus_kit.formats import inspect
from pileus_kit.spans import span

GIB, MIB = 1 << 30, 1 << 20
MKFS = {
    "ext2": ("-q", "-F", "-L"),
    "ext3": ("-q", "-F", "-L"),
    "ext4": ("-q", "-F", "-L"),
    "xfs": ("-q", "-f", "-L"),
    "vfat": ("-n",),
}
"""Filesystem -> options of its mkfs, the last one before the label."""
MAX_HEADER_BYTES, MAX_NAME_BYTES = 2 << 20, 1023
"""The first cluster of a qcow2 file, which has its header, and the name of its base in it."""

Make = Callable[[Path], None]


@dataclass(frozen=True)
class GuestFiles:
    """Where a guest's files are, whether they exist or not. `bases`: the directory of the base images."""

    home: Path
    bases: Path | None = None

    @property
    def root(self) -> Path:
        """The root disk."""
        return self.home / "root.qcow2"

    @property
    def cdrom(self) -> Path:
        """A link to an ISO image that the guest was booted from."""
        return self.home / "root.iso"

    @property
    def rescue(self) -> Path:
        """The root disk of the rescue system."""
        return self.home / "rescue.qcow2"

    @property
    def swap(self) -> Path:
        """The swap disk."""
        return self.home / "swap.raw"

    @property
    def config_drive(self) -> Path:
        """The config drive."""
        return self.home / "config-drive.iso"

    @property
    def console_log(self) -> Path:
        """What the guest wrote to its serial console."""
        return self.home / "console.log"

    @property
    def started(self) -> Path:
        """Touched when the guest was started."""
        return self.home / "started"

    @property
    def start_again(self) -> Path:
        """Made for each guest that ran, when the whole cloud is shut down: the agent starts it again."""
        return self.home / "start-again"

    @property
    def kept(self) -> Path:
        """The directory of the kept disks."""
        return self.home / "kept"

    @property
    def kernel(self) -> Path:
        """The kernel that the guest boots."""
        return self.home / "kernel"

    @property
    def ramdisk(self) -> Path:
        """The ramdisk beside the kernel."""
        return self.home / "ramdisk"

    def ephemeral(self, number: int) -> Path:
        """One of the blank disks."""
        return self.home / f"ephemeral{number}.raw"

    def shared(self) -> list[Path]:
        """Files that other guests read, too: the base images of its disks, and the CD."""
        bases = [self.base(path) for path in (self.root, self.rescue) if path.exists()]
        return [path for path in (*(base.path for base in bases if base), self.cdrom) if path.exists()]

    def base(self, path: Path) -> qemu_img.Disk | None:
        """The base image of a disk. The guest's QEMU can write the header that names it, so anything outside the image
        cache is refused with HypervisorFailed."""
        named = backing_file(path)
        if named is None:
            return None
        if named.parent != self.bases:
            raise HypervisorFailed(what="open a disk", why="its header names a file that is not in the image cache")
        return qemu_img.Disk(named, "qcow2" if named.suffix == ".qcow2" else "raw")

    def overlay(self, path: Path) -> qemu_img.Disk:
        """A guest's disk with its base image."""
        return qemu_img.Disk(path, "qcow2", self.base(path))

    def local(self) -> list[Path]:
        """The disks that a rebuild replaces."""
        return sorted(p for p in self.home.iterdir() if p.suffix in (".qcow2", ".raw") and p != self.rescue)


class GuestDisks:
    """The local disks of all guests of a host."""

    def __init__(self, directory: Path, images: ImageCache, host: str) -> None:
        self.directory, self.images, self.host = directory, images, host
        make_traversable(directory)

    def files(self, guest_id: str) -> GuestFiles:
        """Where the guest's files are. Raises GuestAbsent for an id that is none."""
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", guest_id):
            raise GuestAbsent(guest=guest_id, host=self.host)
        return GuestFiles(self.directory / guest_id, self.images.directory)

    def prepare(self, guest: Guest) -> None:
        """Make the disks that are missing and grow those that are too small. A file gets its name only when it is
        whole."""
        files = self.files(guest.id)
        make_traversable(files.home)
        if guest.rescue:
            self._overlay(files.rescue, guest.rescue, 0)
        elif guest.image:
            self._root(files, guest)
        for number, disk in enumerate(guest.ephemeral):
            self._ephemeral(files.ephemeral(number), disk, f"ephemeral{number}")
        if guest.swap_mib:
            _swap(files.swap, guest.swap_mib)
        for image, path in ((guest.kernel, files.kernel), (guest.ramdisk, files.ramdisk)):
            if image and not path.exists():
                source = self.images.file(image)
                _make_whole(path, partial(_copy, source))  # a copy, because the guest's user is going to own it
        if guest.config_drive is not None:
            config_drive.write(guest.config_drive, files.config_drive)

    def _root(self, files: GuestFiles, guest: Guest) -> None:
        size = guest.root_gib * GIB
        if not files.root.exists():
            files.console_log.unlink(missing_ok=True)  # the new system begins with an empty log
            image = guest.image
            assert image is not None
            self._overlay(files.root, image, size)
        elif size > (now := virtual_size(files.root)):
            qemu_img.grow(files.overlay(files.root), size)
        elif 0 < size < now:
            raise DiskTooSmall(disk="root", size=size, needed=now)

    def _ephemeral(self, path: Path, disk: LocalDisk, label: str) -> None:
        """Make a blank disk, or one with what it had on another host."""
        if disk.image and not path.exists():
            with self.images.using(disk.image) as base:
                source = qemu_img.Disk(base.path, base.format)
                _make_whole(
                    path, lambda fresh: qemu_img.convert(source, qemu_img.Disk(fresh, "raw"), base.virtual_size)
                )
        _filesystem(path, disk, label)

    def copy_ephemeral(self, guest_id: str, number: int, into: Path, format: str) -> None:
        """Write a blank disk of a stopped guest to a new file. Raises GuestAbsent if there is no such disk."""
        path = self.files(guest_id).ephemeral(number)
        if not path.exists():
            raise GuestAbsent(guest=guest_id, host=self.host)
        qemu_img.convert(qemu_img.Disk(path, "raw"), qemu_img.Disk(into, format), path.stat().st_size)

    def _overlay(self, path: Path, image: Image, size: int) -> None:
        if path.exists():
            return
        with self.images.using(image, size) as base:
            if base.cdrom:
                self._install_disk(path, base, size)
            elif 0 < size < base.virtual_size:
                raise DiskTooSmall(disk=path.stem, size=size, needed=base.virtual_size)
            else:
                below = qemu_img.Disk(base.path, base.format)
                _make_whole(
                    path, lambda fresh: qemu_img.create(qemu_img.Disk(fresh, "qcow2", below), size or base.virtual_size)
                )
        if self.images.too_large():
            self.sweep()

    def _install_disk(self, path: Path, base: Base, size: int) -> None:
        """An ISO image is a CD to boot from, beside an empty root disk to install on."""
        link = GuestFiles(path.parent).cdrom
        if not link.exists():
            os.link(base.path, link)
        _make_whole(path, lambda fresh: qemu_img.create(qemu_img.Disk(fresh, "qcow2"), size or GIB))

    def destroy(self, guest_id: str) -> None:
        """Remove everything of a guest."""
        home = self.files(guest_id).home
        if home.exists():
            shutil.rmtree(home)

    def keep(self, guest_id: str, copy: bool) -> None:
        """Put the disks aside: moved, or copied. Disks that are kept already stay. Raises GuestAbsent."""
        files = self.files(guest_id)
        if not files.home.exists():
            raise GuestAbsent(guest=guest_id, host=self.host)
        if not files.kept.exists():
            fresh = files.home / "kept.part"
            shutil.rmtree(fresh, ignore_errors=True)
            make_traversable(fresh)
            for path in files.local():
                if copy:
                    _copy(path, fresh / path.name)
                else:
                    os.link(path, fresh / path.name)
            fresh.rename(files.kept)
        for path in files.local():
            twin = files.kept / path.name
            if twin.exists() and twin.samefile(path):  # it is moved; a disk that was made since is another file
                path.unlink()

    def restore(self, guest_id: str) -> None:
        """Put the kept disks back. First the disks made since are removed; then `kept` becomes `restoring`, which tells
        a repeated call that the disks in place are the old ones."""
        files = self.files(guest_id)
        restoring = files.home / "restoring"
        if files.kept.exists():
            for path in files.local():
                path.unlink()
            files.kept.rename(restoring)
        if restoring.exists():
            for path in restoring.iterdir():
                path.replace(files.home / path.name)
            restoring.rmdir()

    def drop_kept(self, guest_id: str) -> None:
        """Remove the kept disks."""
        kept = self.files(guest_id).kept
        if kept.exists():
            shutil.rmtree(kept)

    def sweep(self) -> None:
        """Let the image cache remove base images that no guest's disk needs."""
        self.images.sweep(self._used)

    def _used(self) -> set[Path]:
        disks = [*self.directory.glob("*/*.qcow2"), *self.directory.glob("*/kept/*.qcow2")]
        used = set()
        for disk in disks:
            with suppress(FileNotFoundError, ValueError):  # it is being deleted, or its guest wrote an invalid header
                used.add(backing_file(disk))
        return {base for base in used if base}


def virtual_size(path: Path) -> int:
    """The size in bytes that a guest sees of a disk."""
    with path.open("rb") as file:
        return inspect(file).virtual_size


def backing_file(path: Path) -> Path | None:
    """The base that the header of a qcow2 disk names: the name's offset is at byte 8, its length at 16. The header may
    have been written by a guest."""
    with path.open("rb") as file:
        offset, length = struct.unpack_from(">QI", file.read(20).ljust(20, b"\0"), 8)
        if not 0 < offset < MAX_HEADER_BYTES or not 0 < length <= MAX_NAME_BYTES:
            return None
        file.seek(offset)
        return Path(file.read(length).decode())


def _make_whole(path: Path, make: Make) -> None:
    """Have a file made under another name, and rename it when it is whole."""
    fresh = path.with_name(path.name + ".part")
    fresh.unlink(missing_ok=True)
    make(fresh)
    fresh.chmod(0o600)  # libvirt gives it to the guest's user while the guest runs
    fresh.replace(path)


def _copy(source: Path, target: Path) -> None:
    _call("copy a disk", "cp", "--reflink=auto", "--sparse=always", "--preserve=mode", str(source), str(target))


def _filesystem(path: Path, disk: LocalDisk, label: str) -> None:
    size = disk.size_mib * MIB
    if path.exists():
        if path.stat().st_size < size:
            os.truncate(path, size)
        return
    kind = disk.format if disk.format in MKFS and shutil.which(f"mkfs.{disk.format}") else "ext4"

    def make(fresh: Path) -> None:
        _blank(fresh, size)
        _call("make a filesystem", f"mkfs.{kind}", *MKFS[kind], label, str(fresh))

    _make_whole(path, make)


def _swap(path: Path, size_mib: int) -> None:
    if path.exists() and path.stat().st_size == size_mib * MIB:
        return

    def make(fresh: Path) -> None:
        _blank(fresh, size_mib * MIB)
        _call("make swap space", "mkswap", "-L", "swap0", str(fresh))

    _make_whole(path, make)


def _blank(path: Path, size: int) -> None:
    path.touch(mode=0o600)
    os.truncate(path, size)


def _call(what: str, *command: str) -> None:
    with span(" ".join(command[:2])):
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise HypervisorFailed(what=what, why=done.stderr.strip()[-500:])
