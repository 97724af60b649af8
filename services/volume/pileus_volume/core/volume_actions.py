"""Actions on volumes: extend, upload to an image, revert to a snapshot, reimage; metadata of their images."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.db import now
from pileus_kit.flow import enqueue
from pileus_volume.core import images, quotas
from pileus_volume.core.images import SourceImage, content_of
from pileus_volume.core.job_data import (
    ExtendVolumeData,
    ReimageVolumeData,
    RevertVolumeData,
    UploadVolumeData,
    as_json,
)
from pileus_volume.core.states import move, move_snapshot
from pileus_volume.db.models import Job, Snapshot, Volume
from pileus_volume.errors import Invalid, InvalidVolume, MetadataNotFound


def extend(session: Session, caller: Caller, volume: Volume, size: int, attached: bool) -> Job:
    """Begin to grow the volume to `size` GiB, which quotas and the scheduler count from now on.

    `attached`: a volume in use may be extended, too.
    """
    if volume.status == "in-use" and not attached:
        raise InvalidVolume(
            why=f"Volume {volume.id} status must be 'available' to extend, but current status is: {volume.status}."
        )
    if size <= volume.size:
        raise Invalid(
            why=f"New size for extend must be greater than current size. (current: {volume.size}, extended: {size})."
        )
    if any(found.connection and found.connection["driver_volume_type"] == "nbd" for found in volume.attachments):
        raise InvalidVolume(
            why=f"Volume {volume.id} is attached over the network, where it can't grow; detach it first."
        )
    quotas.check(session, volume.project_id, volume.type, gigabytes=size - volume.size, volume_size=size)
    move(session, volume, "extend", claimed=size)
    data = as_json(ExtendVolumeData(volume.size, size))
    return enqueue(session, Job, flow="volume.extend", subject=volume.id, data=data, caller=caller)


def check_uploadable(volume: Volume, force: bool) -> None:
    """Raise InvalidVolume unless the content may be sent to an image now. `force`: in use will do, too."""
    if volume.status != "available" and not (force and volume.status == "in-use"):
        raise InvalidVolume(
            why=f"Volume {volume.id} status must be available{' or in-use' if force else ''}, "
            f"but current status is: {volume.status}."
        )


def upload(session: Session, caller: Caller, volume: Volume, *, image_id: str, disk_format: str, force: bool) -> Job:
    """Begin to send the content to an image that the image service has created already."""
    check_uploadable(volume, force)
    move(session, volume, "upload")
    data = as_json(UploadVolumeData(str(volume.host), image_id, disk_format))
    return enqueue(session, Job, flow="volume.upload", subject=volume.id, caller=caller, data=data)


def revert(session: Session, caller: Caller, volume: Volume, snapshot: Snapshot) -> Job:
    """Begin to go back to the volume's newest snapshot."""
    newest = session.scalar(
        select(Snapshot.id)
        .where(Snapshot.volume_id == volume.id)
        .order_by(Snapshot.created_at.desc(), Snapshot.id.desc())
        .limit(1)
    )
    if snapshot.volume_id != volume.id or snapshot.id != newest:
        raise Invalid(why=f"Snapshot {snapshot.id} isn't the latest one of volume {volume.id}.")
    if volume.size != snapshot.volume_size:
        raise Invalid(
            why=f"Can't revert volume {volume.id} to its latest snapshot {snapshot.id}. The volume size must "
            "be equal to the snapshot size."
        )
    move(session, volume, "revert")
    move_snapshot(session, snapshot, "restore")
    data = as_json(RevertVolumeData(str(volume.host), volume.size, snapshot.id, snapshot.stored_name))
    return enqueue(session, Job, flow="volume.revert", subject=volume.id, caller=caller, data=data)


def reimage(session: Session, caller: Caller, volume: Volume, image: SourceImage, reserved: bool) -> Job:
    """Begin to replace the content by an image's. `reserved`: a reserved volume may be reimaged, too."""
    images.check_fits(image, volume.size)
    if session.scalar(select(Snapshot.id).where(Snapshot.volume_id == volume.id).limit(1)):
        raise InvalidVolume(why=f"Volume {volume.id} has snapshots, which would be lost.")
    if volume.host is None:
        raise InvalidVolume(why=f"Volume {volume.id} has no storage host.")
    after = "reserved" if volume.status == "reserved" else "available"
    move(session, volume, "reimage_reserved" if reserved else "reimage")
    data = ReimageVolumeData(volume.host, volume.size, content_of(image), dict(image.properties), after)
    return enqueue(session, Job, flow="volume.reimage", subject=volume.id, caller=caller, data=as_json(data))


def set_image_metadata(volume: Volume, metadata: Mapping[str, str]) -> dict[str, object]:
    """Add to what the volume keeps of its image; returns all of it."""
    volume.image_meta, volume.updated_at = {**(volume.image_meta or {}), **metadata}, now()
    return volume.image_meta


def unset_image_metadata(volume: Volume, key: str) -> None:
    """Remove one key of what the volume keeps of its image. Raises MetadataNotFound."""
    metadata = volume.image_meta or {}
    if key not in metadata:
        raise MetadataNotFound(kind="Volume image", id=volume.id, key=key)
    volume.image_meta = {name: value for name, value in metadata.items() if name != key}
    volume.updated_at = now()
