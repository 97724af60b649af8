"""qemu-img, run in a sandbox each time (see pileus_kit.qemu_img). Its failures are HypervisorFailed."""

from collections.abc import Iterator
from contextlib import contextmanager

from pileus_compute.errors import HypervisorFailed
from pileus_kit import qemu_img
from pileus_kit.qemu_img import Disk

__all__ = ["Disk", "convert", "create", "grow"]

SECTOR = 512


def create(disk: Disk, size: int) -> None:
    """Make an empty disk of `size` bytes, or an overlay of the disk's base."""
    with _failing("create a disk"):
        qemu_img.create(disk, -(-size // SECTOR) * SECTOR)


def grow(disk: Disk, size: int) -> None:
    """Grow a disk to `size` bytes."""
    with _failing("grow a disk"):
        qemu_img.resize(disk, size)


def convert(source: Disk, target: Disk, size: int) -> None:
    """Copy the content of `source` (with its base) to a new file without a base. `size`: its virtual size in bytes,
    from which the sandbox's limits follow."""
    with _failing("convert a disk"):
        qemu_img.convert(source, target, size)


@contextmanager
def _failing(what: str) -> Iterator[None]:
    try:
        yield
    except qemu_img.QemuImgFailed as err:
        raise HypervisorFailed(what=what, why=str(err)) from err
