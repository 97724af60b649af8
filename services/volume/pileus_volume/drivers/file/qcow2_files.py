"""The qcow2 files of the file driver, handled by qemu-img, each run in a sandbox of its own (pileus_kit.qemu_img).

This driver created the files, but the QEMU of a guest on this host has them open, and a guest that broke into its QEMU
could have written another header. So a disk whose header names other files is refused before anything opens it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pileus_kit import qemu_img
from pileus_kit.formats import qcow2
from pileus_kit.formats.reading import Inspection, Reader
from pileus_kit.qemu_img import Disk
from pileus_volume.errors import DiskBusy, ToolFailed

UMASK = 0o077  # only the agent's own user may open a new disk
MAX_SNAPSHOTS = 65536
"""QEMU's own limit of the snapshots in one file."""


def checked_disk(path: Path) -> Disk:
    """The disk as an argument for qemu-img. Raises ToolFailed if this driver wouldn't have written its header."""
    inspect_disk(path)
    return Disk(path, "qcow2")


def inspect_disk(path: Path) -> Inspection:
    """What the header says. Raises ToolFailed if it names other files, or there is no such file."""
    try:
        with path.open("rb") as file:
            found = qcow2.recognise(Reader(file), MAX_SNAPSHOTS)
    except FileNotFoundError:
        raise ToolFailed(tool="qemu-img", why=f"{path.name} isn't there") from None
    if found is None or found.unsafe:
        raise ToolFailed(tool="qemu-img", why=f"{path.name} can't be opened: {found.unsafe if found else 'no qcow2'}")
    return found


def virtual_size(path: Path) -> int:
    """The size in bytes that a guest sees; a guest may have the disk open."""
    return inspect_disk(path).virtual_size


def snapshots(path: Path) -> set[str]:
    """The names of the snapshots in the file."""
    with translated_errors(path):
        return {entry["name"] for entry in qemu_img.info(checked_disk(path)).get("snapshots", ())}


def create(path: Path, size: int) -> None:
    """Create a blank disk of `size` bytes."""
    with translated_errors(path):
        qemu_img.create(Disk(path, "qcow2"), size)


def resize(path: Path, size: int) -> None:
    """Change the size of the disk to `size` bytes."""
    with translated_errors(path):
        qemu_img.resize(checked_disk(path), size, shrink=size < virtual_size(path))


def snapshot(path: Path, action: str, name: str) -> None:
    """Create (-c), delete (-d) or apply (-a) a snapshot of a disk that no process has open."""
    with translated_errors(path):
        qemu_img.snapshot(checked_disk(path), action, name)


def copy(source: Path, target: Path, target_format: str = "qcow2", snapshot: str = "") -> None:
    """Write the content of the disk, or of its snapshot, to a new file."""
    target.unlink(missing_ok=True)
    size = max(virtual_size(source), source.stat().st_size)  # a snapshot may be larger than the disk is now
    with translated_errors(source):
        qemu_img.convert(checked_disk(source), Disk(target, target_format), size, snapshot)


def fill(raw: Path, target: Path) -> None:
    """Write the raw file's content into the disk, which keeps its snapshots."""
    with translated_errors(target):
        qemu_img.convert(Disk(raw, "raw"), checked_disk(target), raw.stat().st_size, keep=True)


def are_equal(one: Path, other: Path) -> bool:
    """Whether a guest would see the same content in both disks."""
    with translated_errors(one):
        size = max(virtual_size(one), virtual_size(other))
        return qemu_img.compare(checked_disk(one), checked_disk(other), size)


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Turn failures of qemu-img into DiskBusy, if another process has the disk open, or ToolFailed."""
    try:
        yield
    except qemu_img.DiskLocked as err:
        raise DiskBusy(volume=path.name, why=str(err)) from err
    except qemu_img.QemuImgFailed as err:
        raise ToolFailed(tool=err.what, why=str(err)) from err
