"""Where a backup's objects are, and what a backup keeps of its volume beside the content."""

from dataclasses import dataclass, field

from pileus_kit import decoding
from pileus_volume.db.models import Backup
from pileus_volume.rpc import Manifest


@dataclass(frozen=True)
class BackupAddress:
    """The prefix of the objects' names, in a container of a project's account.

    `digest`: sha256 of the manifest, once the backup is complete.
    """

    account: str
    container: str
    prefix: str
    digest: str = ""

    @property
    def manifest(self) -> Manifest:
        """The list of the objects of a complete backup."""
        return Manifest(self.prefix, self.digest)


@dataclass(frozen=True)
class VolumeFacts:
    """What a restored volume gets beside its content: columns of `volumes`."""

    bootable: bool = False
    image_meta: dict[str, object] | None = None
    meta: dict[str, str] = field(default_factory=dict)


def address_of(backup: Backup) -> BackupAddress:
    """Where the backup's objects are."""
    return decoding.convert({"container": backup.container, **backup.location}, BackupAddress)


def facts_of(backup: Backup) -> VolumeFacts:
    """What the backup keeps of its volume."""
    return decoding.convert(backup.volume_facts, VolumeFacts)
