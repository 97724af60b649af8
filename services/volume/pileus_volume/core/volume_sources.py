"""What a volume is created from: a snapshot, another volume, a backup, an image, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_volume.core.backup_addresses import address_of, facts_of
from pileus_volume.core.images import SourceImage, content_of
from pileus_volume.core.job_data import CreateVolumeData
from pileus_volume.core.states import check_not_migrating, move_backup
from pileus_volume.core.visibility import sees_all_projects
from pileus_volume.db.models import Backup, Snapshot, Volume, VolumeType
from pileus_volume.errors import Invalid, InvalidVolume, SnapshotNotFound


@dataclass(frozen=True)
class VolumeSource:
    """The flow that fills the volume and what its job needs to know; what the volume takes over from its source.

    `size`: the least size in GiB; `pool`: where the volume has to be, next to its source.
    """

    flow: str = "volume.create"
    size: int | None = None
    pool: str | None = None
    type: VolumeType | None = None
    bootable: bool = False
    image_meta: Mapping[str, object] | None = None
    data: CreateVolumeData = field(default_factory=CreateVolumeData)


def snapshot_source(session: Session, caller: Caller, snapshot_id: str) -> VolumeSource:
    """A snapshot that the caller may see. Raises SnapshotNotFound, or Invalid if it isn't available."""
    found = session.execute(
        select(Snapshot, Volume).join(Volume, Volume.id == Snapshot.volume_id).where(Snapshot.id == snapshot_id)
    ).one_or_none()
    if found is None or (found[0].project_id != caller.project_id and not sees_all_projects(caller)):
        raise SnapshotNotFound(snapshot=snapshot_id)
    snapshot, volume = found
    if snapshot.status != "available":
        raise Invalid(why=f"Originating snapshot status must be one of 'available' values, not {snapshot.status}")
    return VolumeSource(
        "volume.create_from_snapshot",
        snapshot.volume_size,
        volume.host,
        volume.type,
        volume.bootable,
        volume.image_meta,
        CreateVolumeData(snapshot_id=snapshot.id, stored_name=snapshot.stored_name, source_id=volume.id),
    )


def volume_source(source: Volume) -> VolumeSource:
    """Another volume. Raises InvalidVolume if it can't be copied now."""
    check_not_migrating(source)
    if source.status not in ("available", "in-use"):
        raise InvalidVolume(
            why=f"Source volume {source.id} status must be available or in-use, but current status is: {source.status}."
        )
    return VolumeSource(
        "volume.create_from_volume",
        source.size,
        source.host,
        source.type,
        source.bootable,
        source.image_meta,
        CreateVolumeData(source_id=source.id),
    )


def backup_source(session: Session, backup: Backup) -> VolumeSource:
    """A backup, which is set to restoring. Its volume may have been deleted, so any host and any type will do."""
    move_backup(session, backup, "restore")
    facts = facts_of(backup)
    return VolumeSource(
        "volume.create_from_backup",
        backup.size,
        bootable=facts.bootable,
        image_meta=facts.image_meta,
        data=CreateVolumeData(backup_id=backup.id, backup=address_of(backup)),
    )


def image_source(image: SourceImage) -> VolumeSource:
    """An image, whose fit into the volume `images.check_fits` has checked."""
    return VolumeSource(
        "volume.create_from_image", image_meta=image.properties, data=CreateVolumeData(image=content_of(image))
    )
