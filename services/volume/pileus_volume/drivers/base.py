"""The interface of storage drivers. Every call is idempotent: calling it twice is calling it once."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pileus_volume.drivers import sparse_files
from pileus_volume.rpc import Disk, Export


@dataclass(frozen=True)
class Capacity:
    """How large the storage is and how much of it is free, in GiB."""

    total_gib: float
    free_gib: float


@dataclass(frozen=True)
class ImageFile:
    """A downloaded image: a file that is said to have this format, with a checksum that was verified."""

    image_id: str
    digest: str
    format: str
    path: Path


@dataclass(frozen=True)
class FoundDisk:
    """A disk in the storage: its name there, its size in bytes, and why it can't be adopted, if it can't."""

    name: str
    size_bytes: int
    unsafe: str = ""


@dataclass(frozen=True)
class FoundSnapshot:
    """A snapshot in a disk: the disk's name in the storage, its own, and the size in bytes that it has."""

    disk: str
    name: str
    size_bytes: int


class Backend(ABC):
    """The calls that every driver has. Disks are named by their volume's id; `rpc.StorageAgent` has the same calls."""

    directory: str = ""  # where guests of this host open disks as files; empty if they can't
    disk_format: str = "raw"

    @abstractmethod
    def capacity(self) -> Capacity:
        """The present capacity of the storage."""

    @abstractmethod
    def create(self, disk: Disk) -> None:
        """Create a blank disk."""

    @abstractmethod
    def has_image(self, image_id: str, digest: str) -> bool:
        """Whether `create_from_image` needs no file, because this content of the image is cached."""

    @abstractmethod
    def create_from_image(self, disk: Disk, image_id: str, digest: str, source: ImageFile | None) -> None:
        """Create a disk with the image's content. Raises ImageRefused if the file isn't what it is said to be."""

    @abstractmethod
    def create_from_snapshot(self, disk: Disk, volume_id: str, snapshot_id: str) -> None:
        """Create a disk with the content of another one's snapshot; the other one may be open."""

    @abstractmethod
    def create_from_volume(self, disk: Disk, volume_id: str) -> None:
        """Create a disk with the content of another one. Raises DiskBusy if a process has that open."""

    @abstractmethod
    def delete(self, volume_id: str) -> None:
        """Make sure that the disk and its snapshots don't exist."""

    @abstractmethod
    def extend(self, disk: Disk) -> int:
        """Grow the disk if no process has it open; returns the size in bytes that it has now."""

    @abstractmethod
    def snapshot(self, volume_id: str, snapshot_id: str) -> bool:
        """Take a snapshot. False if a guest has the disk open, so that the guest's hypervisor has to take it."""

    @abstractmethod
    def delete_snapshot(self, volume_id: str, snapshot_id: str) -> bool:
        """Make sure that the snapshot doesn't exist. False if the guest's hypervisor has to remove it."""

    @abstractmethod
    def revert(self, disk: Disk, snapshot_id: str) -> None:
        """Set the content to the snapshot's, at the disk's present size. Raises DiskBusy if a process has it open."""

    @abstractmethod
    def replace_content(self, disk: Disk) -> AbstractContextManager[Path]:
        """A raw file of the disk's size, all zeros, to write to.

        It becomes the disk's content when the block ends without an error; else the disk stays as it was. The disk is
        created if it doesn't exist. Raises DiskBusy if a process has it open.
        """

    @abstractmethod
    def open_content(self, volume_id: str, snapshot_id: str | None, disk_format: str) -> AbstractContextManager[Path]:
        """A temporary file of that format with the content of the disk, or of its snapshot if one is given."""

    def receive(self, disk: Disk, source: "Backend") -> None:
        """Create the disk with the content of another backend's disk of this id; what an earlier try left is replaced.

        Raises DiskBusy if a process has the source open. A driver that can copy directly does so; this way needs room
        for two more copies.
        """
        self.delete(disk.volume_id)
        with source.open_content(disk.volume_id, None, "raw") as content, self.replace_content(disk) as target:
            sparse_files.copy(content, target)

    def has_content_of(self, volume_id: str, source: "Backend") -> bool:
        """Whether the disk has the same content as another backend's disk of this id."""
        with self.open_content(volume_id, None, "raw") as own, source.open_content(volume_id, None, "raw") as other:
            return sparse_files.are_equal(own, other)


class Adopter(ABC):
    """What a backend also has if disks that it did not make may become volumes."""

    @abstractmethod
    def list_disks(self) -> list[FoundDisk]:
        """The disks in the storage, those of volumes included."""

    @abstractmethod
    def list_snapshots(self, volume_id: str = "") -> list[FoundSnapshot]:
        """The snapshots in all disks, or in the volume's, also those that the service doesn't know."""

    @abstractmethod
    def adopt(self, volume_id: str, name: str) -> int:
        """Make the disk of that name the volume's; returns its size in GiB, to which it is rounded up.

        Raises DiskRefused if it can't be a volume's disk.
        """

    @abstractmethod
    def disown(self, volume_id: str, name: str) -> None:
        """Give the disk back the name that it had before it was adopted, if it was."""


class ExportServer(ABC):
    """What a backend also has if other hosts reach its disks over NBD."""

    @abstractmethod
    def set_exports(self, exports: Sequence[Export]) -> None:
        """Serve exactly these exports; those that stay are not interrupted."""

    @abstractmethod
    def stop_serving(self) -> None:
        """End every export and what serves them. An agent that only restarts doesn't call this."""
