# mypy: disable-error-code="empty-body"
"""The contracts between workers and storage hosts: what workers may ask of a host, and what a host reports to them."""

from dataclasses import dataclass, field

from pileus_kit.inspection import TIMEOUT_S, Inspection
from pileus_kit.rpc import Interface, call

GIB = 1 << 30
MANIFEST = "manifest"  # the name, under a backup's prefix, of the object that lists the others


@dataclass(frozen=True)
class Disk:
    """A volume as its storage host knows it."""

    volume_id: str
    size_gib: int


@dataclass(frozen=True)
class Ticket:
    """The right to read or write one image for a while. Hosts hold no credentials."""

    url: str
    ticket: str = field(repr=False)


@dataclass(frozen=True)
class Image:
    """An image to fill a volume with. `size` in bytes; `digest` by `algorithm` (sha512).

    The host inspects the format again.
    """

    image_id: str
    format: str
    algorithm: str
    digest: str
    size: int
    ticket: Ticket


@dataclass(frozen=True)
class BackupLocation:
    """Where a backup's objects are: the URL of their container and the prefix of their names.

    The queries of temporary URLs are the right to them for a while; `write_query` is empty where they may only be read.
    """

    url: str
    prefix: str
    read_query: str = field(repr=False)
    write_query: str = field(repr=False)


@dataclass(frozen=True)
class Manifest:
    """The object that lists the others of a complete backup, by the backup's prefix, and its sha256."""

    prefix: str
    digest: str


@dataclass(frozen=True)
class BackupResult:
    """How many objects a backup has added, including its manifest, and the manifest's sha256."""

    objects: int
    digest: str


@dataclass(frozen=True)
class DiskSize:
    """The virtual size that the disk has now; it is smaller than asked for while a guest has the disk open."""

    size_bytes: int


@dataclass(frozen=True)
class StoredDisk:
    """A disk in a backend, by the name that it has there; `unsafe` says why it can't be managed."""

    name: str
    size_bytes: int
    unsafe: str


@dataclass(frozen=True)
class StoredSnapshot:
    """A snapshot in a disk of a backend, by the names that both have there."""

    disk: str
    name: str
    size_bytes: int


@dataclass(frozen=True)
class AdoptedDisk:
    """A disk that has become a volume's."""

    size_gib: int


@dataclass(frozen=True)
class SnapshotResult:
    """Whether it is done. If not, a guest on this host has the disk open, and the guest's hypervisor has to do it."""

    done: bool


@dataclass(frozen=True)
class Export:
    """A disk that other hosts may open over NBD; its name is a secret.

    With TLS the machine `client` opens it, and no other, at its own `port`.
    """

    volume_id: str
    attachment_id: str
    name: str = field(repr=False)
    writable: bool
    client: str = ""
    port: int = 0


@dataclass(frozen=True)
class DesiredExports:
    """All exports of one storage host. The host ignores a list of a smaller generation than the last one."""

    generation: int
    exports: list[Export]


@dataclass(frozen=True)
class HostReport:
    """What a storage host is and has, sent when its agent starts and then every half minute; capacities in GiB."""

    host: str
    driver: str
    backend_name: str
    availability_zone: str
    total_gib: float
    free_gib: float
    overcommit: float
    directory: str
    disk_format: str
    nbd_host: str
    nbd_port: int
    nbd_tls: bool


class StorageAgent(Interface, topic="volume.agent", version="1.5"):
    """What workers may ask of a storage host. Every call is idempotent: calling it twice is calling it once.

    `backend` names one of the host's further backends; it is empty for the first one.
    """

    @call(since="1.0", timeout_s=300)
    def create(self, disk: Disk, backend: str = "") -> None:
        """Create a blank disk."""

    @call(since="1.0", timeout_s=7200)
    def create_from_image(self, disk: Disk, image: Image, backend: str = "") -> None:
        """Create a disk with the image's content. Raises ImageRefused if the image isn't what the worker says."""

    @call(since="1.0", timeout_s=7200)
    def create_from_snapshot(self, disk: Disk, volume_id: str, snapshot_id: str, backend: str = "") -> None:
        """Create a disk with the content of another volume's snapshot."""

    @call(since="1.0", timeout_s=7200)
    def create_from_volume(self, disk: Disk, volume_id: str, backend: str = "") -> None:
        """Create a disk with the content of another one, which no process may have open."""

    @call(since="1.0", timeout_s=300)
    def delete(self, volume_id: str, backend: str = "") -> None:
        """Make sure that the disk, its snapshots and the remains of an unfinished creation don't exist."""

    @call(since="1.0", timeout_s=300)
    def extend(self, disk: Disk, backend: str = "") -> DiskSize:
        """Grow the disk if no process has it open; returns the size that it has."""

    @call(since="1.0", timeout_s=300)
    def snapshot(self, volume_id: str, snapshot_id: str, backend: str = "") -> SnapshotResult:
        """Take a snapshot of the disk."""

    @call(since="1.0", timeout_s=300)
    def delete_snapshot(self, volume_id: str, snapshot_id: str, backend: str = "") -> SnapshotResult:
        """Make sure that the snapshot doesn't exist."""

    @call(since="1.5", timeout_s=86400)
    def receive(self, disk: Disk, source: str, backend: str = "") -> None:
        """Create the disk with the content of the disk of that id on another backend of the host, called `source`.

        What an earlier try left is replaced. Raises DiskBusy if a process has the source's disk open.
        """

    @call(since="1.5", timeout_s=86400)
    def check_received(self, volume_id: str, source: str, backend: str = "") -> None:
        """Raise CopyDiffers unless the disk has the same content as the one of that id on the backend `source`."""

    @call(since="1.5", timeout_s=30)
    def list_disks(self, backend: str = "") -> list[StoredDisk]:
        """The disks in the backend, those of volumes included, for an administrator who wants to manage one."""

    @call(since="1.5", timeout_s=30)
    def list_snapshots(self, volume_id: str = "", backend: str = "") -> list[StoredSnapshot]:
        """The snapshots in the disks of volumes, or in one volume's, also those that the service doesn't know."""

    @call(since="1.5", timeout_s=300)
    def adopt(self, volume_id: str, name: str, backend: str = "") -> AdoptedDisk:
        """Make the disk of that name the volume's. Raises DiskRefused if it can't be."""

    @call(since="1.5", timeout_s=300)
    def disown(self, volume_id: str, name: str, backend: str = "") -> None:
        """Give an adopted disk its name back."""

    @call(since="1.1", timeout_s=300)
    def revert(self, disk: Disk, snapshot_id: str, backend: str = "") -> None:
        """Set the disk's content to that of its snapshot. Raises DiskBusy if a process has it open."""

    @call(since="1.0", timeout_s=7200)
    def upload(
        self, volume_id: str, snapshot_id: str | None, disk_format: str, ticket: Ticket, backend: str = ""
    ) -> None:
        """Send the content of the disk, or of its snapshot if one is given, to the image service."""

    @call(since="1.2", timeout_s=86400)
    def back_up(
        self,
        volume_id: str,
        snapshot_id: str,
        location: BackupLocation,
        parent: Manifest | None,
        backend: str = "",
    ) -> BackupResult:
        """Store the snapshot's content in the object store, except for what the parent has stored already."""

    @call(since="1.2", timeout_s=86400)
    def restore(self, disk: Disk, location: BackupLocation, manifest: Manifest, backend: str = "") -> None:
        """Set the disk's content to that of a backup; the disk is created if it doesn't exist."""

    @call(since="1.3", timeout_s=60)
    def apply_exports(self, desired: DesiredExports, backend: str = "") -> None:
        """Serve exactly these exports over NBD."""

    @call(since="1.4", timeout_s=TIMEOUT_S)
    def inspect(self) -> Inspection:
        """Return what is on this machine: its processes, disk and the files of volumes, for `pileus doctor`."""


class ControlPlane(Interface, topic="volume.worker", version="1.2"):
    """What storage hosts may call; every worker answers."""

    @call(since="1.1", timeout_s=30)
    def heartbeat(self, report: HostReport) -> DesiredExports:
        """Record what a storage host has; returns what it should export."""

    @call(since="1.2", timeout_s=30)
    def report_backend(self, report: HostReport, backend: str) -> DesiredExports:
        """Record what a further backend of a storage host has; returns what that should export.

        It is no argument of `heartbeat`, because an older worker would take the report for the first backend's.
        """


def file_name(volume_id: str) -> str:
    """The name of a volume's file in its host's directory, so that connection_info needs no call to the host."""
    return f"volume-{volume_id}"
