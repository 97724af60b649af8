"""What jobs keep for their flows: one frozen dataclass a flow, written by core and read by the flow's steps.

Jobs store it as JSON. Fields that steps add have defaults. `host` is always a pool, `name@backend#pool`; None if the
volume never got one.
"""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pileus_volume.core.backup_addresses import BackupAddress, VolumeFacts
from pileus_volume.core.images import ImageContent

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def as_json(data: "DataclassInstance") -> dict[str, Any]:
    """The data as a job stores it."""
    return asdict(data)


@dataclass(frozen=True)
class CreateVolumeData:
    """Create a volume of `size` GiB on `host`, or fail because of `no_valid_backend`; the other fields name its source.

    `bootable` is added by the step that filled it with an image.
    """

    size: int = 0
    host: str | None = None
    no_valid_backend: str | None = None
    image: ImageContent | None = None
    source_id: str | None = None  # the volume to copy, or the volume of the snapshot to copy
    snapshot_id: str | None = None
    stored_name: str | None = None  # the snapshot's in the disk, if that isn't its id
    backup_id: str | None = None
    backup: BackupAddress | None = None
    bootable: bool = False


@dataclass(frozen=True)
class DeleteVolumeData:
    """`volume_id` is given when the job's subject is another: a deletion by force beside a job that is being undone."""

    host: str | None
    volume_id: str | None = None


@dataclass(frozen=True)
class ExtendVolumeData:
    """Sizes in GiB."""

    old_size: int
    new_size: int


@dataclass(frozen=True)
class UploadVolumeData:
    """Send the volume's content to the image, in its format."""

    host: str
    image_id: str
    disk_format: str


@dataclass(frozen=True)
class RevertVolumeData:
    """Go back to the snapshot, at the volume's present size in GiB."""

    host: str
    size: int
    snapshot_id: str
    stored_name: str | None = None


@dataclass(frozen=True)
class ReimageVolumeData:
    """Replace the content by the image's. `status_after`: reserved or available."""

    host: str
    size: int
    image: ImageContent
    image_properties: dict[str, object]
    status_after: str


@dataclass(frozen=True)
class SnapshotData:
    """Take or delete a snapshot of the volume. `stored_name`: the snapshot's in the disk, if that isn't its id."""

    volume_id: str
    host: str | None
    stored_name: str | None = None


@dataclass(frozen=True)
class BackUpVolumeData:
    """Copy the volume, or its snapshot, to the object store. `digest` and `objects` are added when it is stored."""

    volume_id: str
    snapshot_id: str | None
    host: str
    address: BackupAddress
    parent: BackupAddress | None
    digest: str = ""
    objects: int = 0
    stored_name: str | None = None  # the snapshot's in the disk, if that isn't its id


@dataclass(frozen=True)
class RestoreBackupData:
    """Write the backup over an existing volume of `size` GiB."""

    backup_id: str
    address: BackupAddress
    host: str
    size: int
    facts: VolumeFacts = field(default_factory=VolumeFacts)


@dataclass(frozen=True)
class DeleteBackupData:
    """`opened`: the caller's token has just opened the backup's container to this service."""

    address: BackupAddress
    opened: bool = False


@dataclass(frozen=True)
class ImportBackupData:
    """Where the imported record says that the objects are."""

    address: BackupAddress


@dataclass(frozen=True)
class MigrateVolumeData:
    """Move the volume of `size` GiB from one storage host to another, or fail because of `no_valid_backend`.

    `type_id`: the type that it then gets, if it is retyped.
    """

    size: int
    source: str
    target: str
    target_pool: str
    no_valid_backend: str | None = None
    type_id: str | None = None


@dataclass(frozen=True)
class ManageVolumeData:
    """Make the disk that the storage host has under `name` the volume's. `size` in GiB is added when it is known."""

    host: str
    name: str
    size: int = 0


@dataclass(frozen=True)
class ManageSnapshotData:
    """Make the snapshot that the volume's disk has under `name` one of the service's."""

    volume_id: str
    host: str | None
    name: str


@dataclass(frozen=True)
class DeleteSourceData:
    """The storage host that still has a copy of a volume that was moved."""

    volume_id: str
    host: str


@dataclass(frozen=True)
class ApplyExportsData:
    """The name of the storage host whose exports have changed, and the attachment that changed them."""

    host: str
    attachment_id: str
