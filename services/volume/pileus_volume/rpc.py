# mypy: disable-error-code="empty-body"
"""What the control plane may ask of a storage host, and what a storage host tells the control plane."""

from dataclasses import dataclass, field

from pileus_kit.rpc import Interface, call

GIB = 1 << 30
MANIFEST = "manifest"  # name of the object, under a backup's prefix, that lists the others


@dataclass(frozen=True)
class Disk:
    """A volume as its storage host knows it."""

    volume_id: str
    size_gib: int


@dataclass(frozen=True)
class Ticket:
    """The right to read or write one image for a while; hosts hold no credentials."""

    url: str
    ticket: str = field(repr=False)


@dataclass(frozen=True)
class Image:
    """An image to fill a volume with; `digest` by `algorithm` (sha512). The host looks at the format again."""

    image_id: str
    format: str
    algorithm: str
    digest: str
    size: int
    ticket: Ticket


@dataclass(frozen=True)
class Shelf:
    """A container of the object store, a backup's prefix in it, and the right to it for a while: queries of
    temporary URLs. Without `write` it may only be read."""

    url: str
    prefix: str
    read: str = field(repr=False)
    write: str = field(repr=False)


@dataclass(frozen=True)
class Manifest:
    """The list of a complete backup's objects, by the backup's prefix; sha256 of the list."""

    prefix: str
    digest: str


@dataclass(frozen=True)
class Stored:
    """How many objects a backup has added, its manifest included, and the manifest's sha256."""

    objects: int
    digest: str


@dataclass(frozen=True)
class Size:
    """The virtual size that the disk really has now; less than asked for while a guest holds it."""

    size_bytes: int


@dataclass(frozen=True)
class Done:
    """False: a guest on this host holds the disk, and its hypervisor has to do it."""

    done: bool


@dataclass(frozen=True)
class Export:
    """A disk that other hosts may open over NBD under a name that nobody can guess."""

    volume_id: str
    attachment_id: str
    name: str = field(repr=False)
    writable: bool


@dataclass(frozen=True)
class Wanted:
    """Every export of one storage host. A smaller generation is older and is refused."""

    generation: int
    exports: list[Export]


@dataclass(frozen=True)
class Report:
    """What a storage host is and has; sent at its start and then every half minute."""

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


class StorageAgent(Interface, topic="volume.agent", version="1.2"):
    """Every call is idempotent: asked twice it does it once."""

    @call(since="1.0", timeout_s=300)
    def create(self, disk: Disk) -> None:
        """Make a blank disk."""

    @call(since="1.0", timeout_s=7200)
    def create_from_image(self, disk: Disk, image: Image) -> None:
        """Make a disk that begins with the image's content. Refuses an image that isn't what it is said to be."""

    @call(since="1.0", timeout_s=7200)
    def create_from_snapshot(self, disk: Disk, volume_id: str, snapshot_id: str) -> None:
        """Make a disk with the content that the other volume had when the snapshot was taken."""

    @call(since="1.0", timeout_s=7200)
    def create_from_volume(self, disk: Disk, volume_id: str) -> None:
        """Make a disk with the content of another, which nobody has open."""

    @call(since="1.0", timeout_s=300)
    def delete(self, volume_id: str) -> None:
        """Make sure that the disk, its snapshots and what was left of an unfinished creation don't exist."""

    @call(since="1.0", timeout_s=300)
    def extend(self, disk: Disk) -> Size:
        """Grow the disk if nobody has it open; tell the size it has."""

    @call(since="1.0", timeout_s=300)
    def snapshot(self, volume_id: str, snapshot_id: str) -> Done:
        """Keep the disk's content of this moment."""

    @call(since="1.0", timeout_s=300)
    def delete_snapshot(self, volume_id: str, snapshot_id: str) -> Done:
        """Make sure that the snapshot doesn't exist."""

    @call(since="1.1", timeout_s=300)
    def revert(self, disk: Disk, snapshot_id: str) -> None:
        """Give the disk, which nobody has open, the content that it had when the snapshot was taken."""

    @call(since="1.0", timeout_s=7200)
    def upload(self, volume_id: str, snapshot_id: str | None, disk_format: str, ticket: Ticket) -> None:
        """Send the content (of the snapshot, if given) to the image service."""

    @call(since="1.2", timeout_s=86400)
    def back_up(self, volume_id: str, snapshot_id: str, shelf: Shelf, parent: Manifest | None) -> Stored:
        """Put the snapshot's content on the shelf; what the parent has of it already isn't put there again."""

    @call(since="1.2", timeout_s=86400)
    def restore(self, disk: Disk, shelf: Shelf, manifest: Manifest) -> None:
        """Give the disk, which is made if it isn't there and nobody has open, the content of a backup."""

    @call(since="1.0", timeout_s=60)
    def serve(self, wanted: Wanted) -> None:
        """Export just this and nothing else."""


class Registry(Interface, topic="volume.registry", version="1.0"):
    """Answered by every worker."""

    @call(since="1.0", timeout_s=30)
    def hello(self, report: Report) -> Wanted:
        """Note what a storage host has; answer what it should serve."""


def file_name(volume_id: str) -> str:
    """Of a volume's file in its host's directory: what connection_info says without asking the host."""
    return f"volume-{volume_id}"
