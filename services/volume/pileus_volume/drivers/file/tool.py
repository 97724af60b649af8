"""What the file driver does with qemu-img; each run is in a sandbox of its own (pileus_kit.qemu_img).

A disk here was made by us, but a guest's QEMU on this host has it open, and one that was broken into could have written
another header. So a disk whose header names other files is refused before anything opens it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pileus_kit import qemu_img
from pileus_kit.formats import qcow2
from pileus_kit.formats.reading import Inspection, Reader
from pileus_kit.qemu_img import Disk
from pileus_volume.errors import DiskBusy, ToolFailed

PRIVATE = 0o077  # umask: a disk is for its owner's process only
MAX_SNAPSHOTS = 65536
"""QEMU's own limit; the snapshots of a disk are its owner's."""


def disk(path: Path) -> Disk:
    """A disk of ours, for qemu-img. Raises ToolFailed if its header isn't one that we would write."""
    inspected(path)
    return Disk(path, "qcow2")


def inspected(path: Path) -> Inspection:
    try:
        with path.open("rb") as file:
            found = qcow2.recognise(Reader(file), MAX_SNAPSHOTS)
    except FileNotFoundError:
        raise ToolFailed(tool="qemu-img", why=f"{path.name} isn't there") from None
    if found is None or found.unsafe:
        raise ToolFailed(tool="qemu-img", why=f"{path.name} can't be opened: {found.unsafe if found else 'no qcow2'}")
    return found


def virtual_size(path: Path) -> int:
    """Bytes that a guest sees; also of a disk that a guest has open."""
    return inspected(path).virtual_size


def snapshots(path: Path) -> set[str]:
    """Names of the snapshots in the file."""
    with failing(path):
        return {entry["name"] for entry in qemu_img.info(disk(path)).get("snapshots", ())}


def create(path: Path, size: int) -> None:
    with failing(path):
        qemu_img.create(Disk(path, "qcow2"), size)


def resize(path: Path, size: int) -> None:
    with failing(path):
        qemu_img.resize(disk(path), size, shrink=size < virtual_size(path))


def snapshot(path: Path, action: str, name: str) -> None:
    with failing(path):
        qemu_img.snapshot(disk(path), action, name)


def copy(source: Path, target: Path, target_format: str = "qcow2", snapshot: str = "") -> None:
    """What is in one of our disks, or was in its snapshot, as a new file."""
    target.unlink(missing_ok=True)
    size = max(virtual_size(source), source.stat().st_size)  # a snapshot may be larger than the disk is now
    with failing(source):
        qemu_img.convert(disk(source), Disk(target, target_format), size, snapshot)


def fill(raw: Path, target: Path) -> None:
    """Write the raw file's content into one of our disks, which keeps its snapshots."""
    with failing(target):
        qemu_img.convert(Disk(raw, "raw"), disk(target), raw.stat().st_size, keep=True)


@contextmanager
def failing(path: Path) -> Iterator[None]:
    """Raises DiskBusy when another process has the image open, ToolFailed otherwise."""
    try:
        yield
    except qemu_img.DiskLocked as err:
        raise DiskBusy(volume=path.name, why=str(err)) from err
    except qemu_img.QemuImgFailed as err:
        raise ToolFailed(tool=err.what, why=str(err)) from err
