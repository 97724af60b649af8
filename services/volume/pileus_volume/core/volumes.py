"""Volumes: what may be asked for, and what happens to the record. The work itself is done by flows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from pileus_kit.auth import Caller
from pileus_kit.context import Work
from pileus_kit.db import new_id, now
from pileus_kit.flow import cancel, enqueue, live
from pileus_volume.core import capabilities, hosts, quotas, types
from pileus_volume.core.states import REMOVABLE, move, move_backup, move_snapshot
from pileus_volume.core.visibility import sees_all
from pileus_volume.db.models import Attachment, Backup, Group, Job, Snapshot, StorageHost, Volume, VolumeType
from pileus_volume.errors import (
    Invalid,
    InvalidImage,
    InvalidVolume,
    NoBackend,
    NotOffered,
    SnapshotNotFound,
    VolumeNotFound,
)
from pileus_volume.rpc import GIB

IMAGE_TYPE = "cinder_img_volume_type"


@dataclass(frozen=True)
class ImageFacts:
    """What the image service told about an image that the caller may use."""

    id: str
    format: str
    algorithm: str
    digest: str
    size: int
    virtual_size: int
    min_disk: int
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wish:
    """A volume as the caller asked for it."""

    size: int | None = None
    name: str | None = None
    description: str | None = None
    type: str | None = None
    zone: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    image: ImageFacts | None = None
    snapshot_id: str | None = None
    source_volid: str | None = None
    backup: Backup | None = None
    group: Group | None = None

    @property
    def image_type(self) -> str | None:
        """The type that the image asks for, unless the caller does."""
        named = self.image.meta.get(IMAGE_TYPE) if self.image else None
        return named if isinstance(named, str) else None


@dataclass(frozen=True)
class Origin:
    """Where the content comes from: at least how big, on which host, in which type, and what is known of it."""

    flow: str = "volume.create"
    size: int | None = None
    pool: str | None = None
    kind: VolumeType | None = None
    bootable: bool = False
    image_meta: Mapping[str, Any] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def find(session: Session, volume_id: str, caller: Caller) -> Volume:
    """The caller's volume; an administrator's are all."""
    stmt = select(Volume).where(Volume.id == volume_id)
    if not sees_all(caller):
        stmt = stmt.where(Volume.project_id == caller.project_id)
    volume = session.scalar(stmt)
    if volume is None:
        raise VolumeNotFound(volume=volume_id)
    return volume


def create(session: Session, caller: Caller, wish: Wish) -> tuple[Volume, Job]:
    """Record the volume and the job that makes it. It is placed here; without a place the job tells why and fails."""
    origin = _origin(session, caller, wish)
    size = wish.size or origin.size
    if not size:
        raise Invalid(
            why="Invalid volume size provided for create request: None (size argument must be an integer "
            "(or string representation of an integer) and greater than zero)."
        )
    if origin.size and size < origin.size:
        raise Invalid(why=f"Volume size {size}GB cannot be smaller than its source's size {origin.size}GB.")
    kind = origin.kind if origin.kind and not wish.type else types.choose(session, caller, wish.type, wish.image_type)
    if wish.group:
        _joins(wish.group, wish, kind)
    quotas.check(session, str(caller.project_id), kind, volumes=1, gigabytes=size, volume_size=size)
    volume = Volume(
        id=new_id(),
        project_id=str(caller.project_id),
        user_id=caller.user_id,
        name=wish.name,
        description=wish.description,
        size=size,
        claimed=size,
        type_id=kind.id,
        availability_zone=wish.zone or (wish.group.availability_zone if wish.group else "nova"),
        multiattach=kind.extra_specs.get("multiattach") == "<is> True",
        meta=dict(wish.backup.facts.get("meta", {}) if wish.backup else {}) | dict(wish.metadata),
        bootable=origin.bootable,
        image_meta=dict(origin.image_meta) if origin.image_meta else None,
        snapshot_id=wish.snapshot_id,
        source_volid=wish.source_volid,
        group_id=wish.group.id if wish.group else None,
    )
    data = {**origin.data, "size": size}
    try:
        volume.host = hosts.pick(
            session, *(hosts.Need(size, kind.extra_specs, wish.zone, only) for only in _tied(origin, wish.group))
        )
        data["host"] = volume.host
    except NoBackend as err:
        data["unplaced"] = str(err.facts["why"])
    session.add(volume)
    session.flush()
    job = enqueue(session, Job, flow=origin.flow, subject=volume.id, data=data, caller=caller)
    _fresh(volume, kind)
    return volume, job


def _joins(group: Group, wish: Wish, kind: VolumeType) -> None:
    if not wish.type:
        raise Invalid(why="volume_type must be provided when creating a volume in a group.")
    if kind.id not in [known.id for known in group.volume_types]:
        raise Invalid(why=f"Invalid volume_type provided: {kind.id} (requested type must be supported by this group).")


def _tied(origin: Origin, group: Group | None) -> set[str | None]:
    """The pools where it has to be: its source's and its group's."""
    return {pool for pool in (origin.pool, group.host if group else None) if pool} or {None}


def _fresh(volume: Volume, kind: VolumeType) -> None:
    """A new volume's relations are known; don't ask the database for them."""
    set_committed_value(volume, "attachments", [])
    set_committed_value(volume, "type", kind)


def _origin(session: Session, caller: Caller, wish: Wish) -> Origin:
    if wish.snapshot_id:
        return _from_snapshot(session, caller, wish.snapshot_id)
    if wish.source_volid:
        return _from_volume(session, caller, wish.source_volid)
    if wish.backup:
        return _from_backup(session, wish.backup)
    if wish.image:
        return _from_image(wish.image)
    return Origin()


def _from_snapshot(session: Session, caller: Caller, snapshot_id: str) -> Origin:
    found = session.execute(
        select(Snapshot, Volume).join(Volume, Volume.id == Snapshot.volume_id).where(Snapshot.id == snapshot_id)
    ).one_or_none()
    if found is None or (found[0].project_id != caller.project_id and not sees_all(caller)):
        raise SnapshotNotFound(snapshot=snapshot_id)
    snapshot, volume = found
    if snapshot.status != "available":
        raise Invalid(why=f"Originating snapshot status must be one of 'available' values, not {snapshot.status}")
    return Origin(
        "volume.create_from_snapshot",
        snapshot.volume_size,
        volume.host,
        volume.type,
        volume.bootable,
        volume.image_meta,
        {"snapshot_id": snapshot.id, "source_id": volume.id},
    )


def _from_volume(session: Session, caller: Caller, volume_id: str) -> Origin:
    source = find(session, volume_id, caller)
    if source.status not in ("available", "in-use"):
        raise InvalidVolume(
            why=f"Source volume {source.id} status must be available or in-use, but current status is: {source.status}."
        )
    return Origin(
        "volume.create_from_volume",
        source.size,
        source.host,
        source.type,
        source.bootable,
        source.image_meta,
        {"source_id": source.id},
    )


def _from_backup(session: Session, backup: Backup) -> Origin:
    """Its volume needn't be there any more, so it may come to any host and be of any type."""
    move_backup(session, backup, "restore")
    facts = backup.facts
    return Origin(
        "volume.create_from_backup",
        backup.size,
        None,
        None,
        bool(facts.get("bootable")),
        facts.get("image_meta"),
        {"backup_id": backup.id, "where": backup.where},
    )


def _from_image(image: ImageFacts) -> Origin:
    least = max(-(-image.virtual_size // GIB), -(-image.size // GIB) if image.format == "raw" else 1, image.min_disk)
    data = {"image": _image_data(image)}
    return Origin("volume.create_from_image", None, bootable=False, image_meta=image.meta, data=data | {"least": least})


def fits_image(size: int | None, image: ImageFacts) -> None:
    """Raise unless the image fits into so many GiB."""
    if size is None:
        return
    if size < image.min_disk:
        raise InvalidImage(
            image=image.id,
            why=f"Volume size {size}GB cannot be smaller than the image minDisk size {image.min_disk}GB.",
        )
    if size * GIB < max(image.virtual_size, image.size if image.format == "raw" else 0):
        raise InvalidImage(
            image=image.id,
            why=f"Size of specified image {max(image.virtual_size, image.size)} bytes "
            f"is larger than volume size {size}GB.",
        )


def remove(
    session: Session,
    caller: Caller | Work,
    volume: Volume,
    *,
    cascade: bool = False,
    force: bool = False,
    with_group: bool = False,
) -> Job | None:
    """Turn the volume to deleting. A volume that is being built: its job is turned round and removes it. What belongs
    to a group goes with it only. One that never got a host has nothing to wait for: it is gone, and there is no job."""
    if volume.group_id and not with_group:
        raise _not_removable(volume, f"it belongs to group {volume.group_id}")
    _removable(session, volume, cascade, force)
    move(session, volume, "force_delete" if force else "delete")
    if cascade:
        session.execute(update(Snapshot).where(Snapshot.volume_id == volume.id).values(status="deleting"))
    running = live(session, Job, volume.id)
    if running is None and volume.host is None:
        forget(session, volume.id)
        return None
    if running is None:
        return enqueue(session, Job, flow="volume.delete", subject=volume.id, caller=caller, data={"host": volume.host})
    cancel(session, Job, volume.id, "the volume was deleted meanwhile")
    if running.flow.startswith("volume.create"):
        return running
    return enqueue(
        session,
        Job,
        flow="volume.delete",
        subject=f"force-{volume.id}",
        caller=caller,
        data={"host": volume.host, "volume_id": volume.id},
    )


def forget(session: Session, volume_id: str) -> None:
    session.execute(delete(Snapshot).where(Snapshot.volume_id == volume_id))
    session.execute(delete(Volume).where(Volume.id == volume_id))


def _removable(session: Session, volume: Volume, cascade: bool, force: bool) -> None:
    if not force and volume.status not in REMOVABLE:
        raise _not_removable(volume, f"it is {volume.status}")
    if volume.attachments:
        raise InvalidVolume(why=f"Volume {volume.id} is still attached, detach volume first.")
    snapshots = session.execute(
        select(Snapshot.status, Snapshot.group_snapshot_id).where(Snapshot.volume_id == volume.id).limit(10_000)
    ).all()
    if snapshots and not cascade:
        raise InvalidVolume(why=f"Volume {volume.id} still has {len(snapshots)} dependent snapshots.")
    if shared := next((group for _, group in snapshots if group), None):
        raise _not_removable(volume, f"a snapshot of it belongs to group snapshot {shared}")
    if any(status in ("creating", "deleting") for status, _ in snapshots):
        raise InvalidVolume(why=f"Snapshots of volume {volume.id} are being created or deleted.")
    source_busy = exists().where(Volume.source_volid == volume.id, Volume.status == "creating")
    if session.scalar(select(source_busy)):
        raise InvalidVolume(why=f"Volume {volume.id} is being copied.")


def _not_removable(volume: Volume, why: str) -> InvalidVolume:
    return InvalidVolume(
        why="Volume status must be available or error or error_restoring or error_extending or "
        "error_managing and must not be migrating, attached, belong to a group, have snapshots, "
        "awaiting a transfer, or be disassociated from snapshots after volume transfer; "
        f"volume {volume.id}: {why}."
    )


def extend(session: Session, caller: Caller, volume: Volume, size: int, attached: bool) -> Job:
    """Begin to grow; quota and placement count the new size from now on."""
    if volume.status == "in-use" and not attached:
        raise InvalidVolume(
            why=f"Volume {volume.id} status must be 'available' to extend, but current status is: {volume.status}."
        )
    if size <= volume.size:
        raise Invalid(
            why=f"New size for extend must be greater than current size. (current: {volume.size}, extended: {size})."
        )
    if any((a.connection or {}).get("driver_volume_type") == "nbd" for a in volume.attachments):
        raise InvalidVolume(
            why=f"Volume {volume.id} is attached over the network, where it can't grow; detach it first."
        )
    quotas.check(session, volume.project_id, volume.type, gigabytes=size - volume.size, volume_size=size)
    move(session, volume, "extend", claimed=size)
    return enqueue(
        session, Job, flow="volume.extend", subject=volume.id, data={"old": volume.size, "new": size}, caller=caller
    )


def uploadable(volume: Volume, force: bool) -> None:
    """Raise unless its content may be sent to an image now."""
    if volume.status != "available" and not (force and volume.status == "in-use"):
        raise InvalidVolume(
            why=f"Volume {volume.id} status must be available{' or in-use' if force else ''}, "
            f"but current status is: {volume.status}."
        )


def upload(session: Session, caller: Caller, volume: Volume, image: Mapping[str, Any], force: bool) -> Job:
    """Begin to send the content to an image that the image service has made already."""
    uploadable(volume, force)
    move(session, volume, "upload")
    return enqueue(
        session,
        Job,
        flow="volume.upload",
        subject=volume.id,
        caller=caller,
        data={"image": dict(image), "host": volume.host},
    )


def revert(session: Session, caller: Caller, volume: Volume, snapshot: Snapshot) -> Job:
    """Begin to go back to the newest snapshot."""
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
    return enqueue(
        session,
        Job,
        flow="volume.revert",
        subject=volume.id,
        caller=caller,
        data={"snapshot_id": snapshot.id, "host": volume.host, "size": volume.size},
    )


def reimage(session: Session, caller: Caller, volume: Volume, image: ImageFacts, reserved: bool) -> Job:
    """Begin to replace the content by an image's."""
    fits_image(volume.size, image)
    if session.scalar(select(Snapshot.id).where(Snapshot.volume_id == volume.id).limit(1)):
        raise InvalidVolume(why=f"Volume {volume.id} has snapshots, which would be lost.")
    if volume.host is None:
        raise InvalidVolume(why=f"Volume {volume.id} is nowhere.")
    after = "reserved" if volume.status == "reserved" else "available"
    move(session, volume, "reimage_reserved" if reserved else "reimage")
    return enqueue(
        session,
        Job,
        flow="volume.reimage",
        subject=volume.id,
        caller=caller,
        data={
            "image": _image_data(image),
            "known": dict(image.meta),
            "after": after,
            "host": volume.host,
            "size": volume.size,
        },
    )


def _image_data(image: ImageFacts) -> dict[str, Any]:
    return {
        "image_id": image.id,
        "format": image.format,
        "algorithm": image.algorithm,
        "digest": image.digest,
        "size": image.size,
    }


def retype(session: Session, volume: Volume, kind: VolumeType) -> None:
    """Change the type, where the volume may stay where it is: moving it to another host comes later."""
    if volume.status not in ("available", "in-use"):
        raise InvalidVolume(
            why=f"Volume {volume.id} status must be available or in-use, but current status is: {volume.status}."
        )
    if volume.group_id:
        raise InvalidVolume(why=f"Volume {volume.id} belongs to group {volume.group_id}, where it can't be retyped.")
    if kind.id == volume.type_id:
        raise Invalid(why=f"Volume {volume.id} already is of type {kind.name}.")
    host = session.get(StorageHost, hosts.name_of(volume.host or ""))
    if host is None or capabilities.missing(host, kind.extra_specs):
        raise NotOffered(what="Moving a volume to another storage host")
    multiattach = kind.extra_specs.get("multiattach") == "<is> True"
    if multiattach != volume.multiattach and volume.attachments:
        raise InvalidVolume(why="An attached volume can't change whether it may be attached more than once.")
    quotas.check(session, volume.project_id, kind, moved=volume.size)
    volume.type_id, volume.multiattach, volume.updated_at = kind.id, multiattach, now()


def change(volume: Volume, values: Mapping[str, Any]) -> Volume:
    for name, value in values.items():
        setattr(volume, name, value)
    volume.updated_at = now()
    return volume


def reset(session: Session, volume: Volume, status: str | None, attach_status: str | None) -> None:
    """An administrator knows better."""
    if status:
        volume.status = status
    if attach_status:
        volume.attach_status = attach_status
        if attach_status == "detached":
            session.query(Attachment).filter(Attachment.volume_id == volume.id).delete()
            volume.status = status or "available"
    volume.updated_at = now()
