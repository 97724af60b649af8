"""What a kind of storage has to do. Every call is idempotent: asked twice it does it once."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pileus_volume.rpc import Disk, Export


@dataclass(frozen=True)
class Capacity:
    total_gib: float
    free_gib: float


@dataclass(frozen=True)
class Source:
    """A downloaded image: a file of the stated format whose checksum was verified."""

    image_id: str
    digest: str
    format: str
    path: Path


class Backend(ABC):
    """The calls that every driver has."""

    directory: str = ""  # where another process of this host can open a disk directly; empty: nowhere
    disk_format: str = "raw"

    @abstractmethod
    def capacity(self) -> Capacity:
        """What there is, in GiB."""

    @abstractmethod
    def create(self, disk: Disk) -> None:
        """Make a blank disk."""

    @abstractmethod
    def has_image(self, image_id: str, digest: str) -> bool:
        """Whether `create_from_image` can do without the file."""

    @abstractmethod
    def create_from_image(self, disk: Disk, image_id: str, digest: str, source: Source | None) -> None:
        """Make a disk that begins with the image. Raises ImageRefused for a file that is not what it's said to be."""

    @abstractmethod
    def create_from_snapshot(self, disk: Disk, volume_id: str, snapshot_id: str) -> None:
        """Make a disk from a snapshot of another one, which may be in use."""

    @abstractmethod
    def create_from_volume(self, disk: Disk, volume_id: str) -> None:
        """Make a disk from another one. Raises DiskBusy if somebody writes to it."""

    @abstractmethod
    def delete(self, volume_id: str) -> None:
        """Make sure that there is no such disk, nor its snapshots."""

    @abstractmethod
    def extend(self, disk: Disk) -> int:
        """Grow it if nobody has it open. The size it has now, in bytes."""

    @abstractmethod
    def snapshot(self, volume_id: str, snapshot_id: str) -> bool:
        """Keep the content of this moment. False if a guest holds the disk, so that its hypervisor has to do it."""

    @abstractmethod
    def delete_snapshot(self, volume_id: str, snapshot_id: str) -> bool:
        """Make sure that there is no such snapshot. False as above."""

    @abstractmethod
    def revert(self, disk: Disk, snapshot_id: str) -> None:
        """Go back to the snapshot, at the disk's present size. Raises DiskBusy if somebody has it open."""

    @abstractmethod
    def filling(self, disk: Disk) -> AbstractContextManager[Path]:
        """A raw file of the disk's size, all zeros, to write to: when that ended well it is the disk's content, else
        nothing has happened. The disk is made if it isn't there. Raises DiskBusy if somebody has it open."""

    @abstractmethod
    def opened(self, volume_id: str, snapshot_id: str | None, disk_format: str) -> AbstractContextManager[Path]:
        """The content as a file of that format, to read from; it is gone afterwards."""


class Server(ABC):
    """For a backend whose disks other hosts reach over NBD."""

    @abstractmethod
    def serve(self, exports: Sequence[Export]) -> None:
        """Export exactly these. What stays is not disturbed."""

    @abstractmethod
    def stop_serving(self) -> None:
        """End whatever serves, with every export; an agent that only restarts leaves it alone."""
