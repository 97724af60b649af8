"""qemu-img as the hypervisor needs it; each run is in a sandbox of its own (pileus_kit.qemu_img)."""

from collections.abc import Iterator
from contextlib import contextmanager

from pileus_compute.errors import HypervisorFailed
from pileus_kit import qemu_img
from pileus_kit.qemu_img import Disk

__all__ = ["Disk", "convert", "create", "grow"]

SECTOR = 512


def create(disk: Disk, size: int) -> None:
    """A new empty disk of `size` bytes, or an overlay on its base."""
    with _failing("create a disk"):
        qemu_img.create(disk, -(-size // SECTOR) * SECTOR)


def grow(disk: Disk, size: int) -> None:
    with _failing("grow a disk"):
        qemu_img.resize(disk, size)


def convert(source: Disk, target: Disk, size: int) -> None:
    """Copy what `source` (with its base) shows to a flat new file; `size`: virtual bytes, for the limits."""
    with _failing("convert a disk"):
        qemu_img.convert(source, target, size)


@contextmanager
def _failing(what: str) -> Iterator[None]:
    try:
        yield
    except qemu_img.QemuImgFailed as err:
        raise HypervisorFailed(what=what, why=str(err)) from err
