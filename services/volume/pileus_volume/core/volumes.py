"""Volumes: which may be created and deleted, and what happens to their rows. Flows do the work on storage hosts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import delete as delete_rows_of
from sqlalchemy import exists, select
from sqlalchemy import update as update_rows_of
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from pileus_kit.auth import Caller
from pileus_kit.context import Work
from pileus_kit.db import new_id, now
from pileus_kit.flow import cancel, enqueue, live
from pileus_volume.core import quotas, types
from pileus_volume.core.backup_addresses import facts_of
from pileus_volume.core.hosts import DEFAULT_ZONE
from pileus_volume.core.images import SourceImage
from pileus_volume.core.job_data import DeleteVolumeData, as_json
from pileus_volume.core.scheduler import RequestSpec, pick_pool
from pileus_volume.core.states import DELETABLE, MIGRATING, move
from pileus_volume.core.visibility import sees_all_projects
from pileus_volume.core.volume_sources import VolumeSource, backup_source, image_source, snapshot_source, volume_source
from pileus_volume.db.models import Attachment, Backup, Group, Job, Snapshot, Volume, VolumeType
from pileus_volume.errors import Invalid, InvalidVolume, NoValidBackend, VolumeNotFound


@dataclass(frozen=True)
class VolumeRequest:
    """A volume as the caller asked for it; at most one of image, snapshot, source volume and backup is given."""

    size: int | None = None  # GiB
    name: str | None = None
    description: str | None = None
    type: str | None = None  # id or name
    availability_zone: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    image: SourceImage | None = None
    snapshot_id: str | None = None
    source_volid: str | None = None
    backup: Backup | None = None
    group: Group | None = None


def find(session: Session, volume_id: str, caller: Caller) -> Volume:
    """The volume if the caller may see it: their project's, or any for administrators. Raises VolumeNotFound."""
    stmt = select(Volume).where(Volume.id == volume_id)
    if not sees_all_projects(caller):
        stmt = stmt.where(Volume.project_id == caller.project_id)
    volume = session.scalar(stmt)
    if volume is None:
        raise VolumeNotFound(volume=volume_id)
    return volume


def create(session: Session, caller: Caller, request: VolumeRequest) -> tuple[Volume, Job]:
    """Write the volume's row and the job that creates it. The scheduler picks its storage host here; if none takes it,
    the job fails and leaves a message that says why."""
    source = _find_source(session, caller, request)
    size = _check_size(request.size, source)
    volume_type = _choose_type(session, caller, request, source)
    if request.group:
        _check_group(request.group, request, volume_type)
    quotas.check(session, str(caller.project_id), volume_type, volumes=1, gigabytes=size, volume_size=size)
    facts = facts_of(request.backup) if request.backup else None
    volume = Volume(
        id=new_id(),
        project_id=str(caller.project_id),
        user_id=caller.user_id,
        name=request.name,
        description=request.description,
        size=size,
        claimed=size,
        type_id=volume_type.id,
        availability_zone=request.availability_zone
        or (request.group.availability_zone if request.group else DEFAULT_ZONE),
        multiattach=volume_type.extra_specs.get("multiattach") == "<is> True",
        meta=(facts.meta if facts else {}) | dict(request.metadata),
        bootable=source.bootable,
        image_meta=dict(source.image_meta) if source.image_meta else None,
        snapshot_id=request.snapshot_id,
        source_volid=request.source_volid,
        group_id=request.group.id if request.group else None,
    )
    data = replace(source.data, size=size)
    specs = [
        RequestSpec(size, volume_type.extra_specs, request.availability_zone, pool)
        for pool in _required_pools(source, request.group)
    ]
    try:
        volume.host = pick_pool(session, *specs)
        data = replace(data, host=volume.host)
    except NoValidBackend as err:
        data = replace(data, no_valid_backend=str(err.facts["why"]))
    session.add(volume)
    session.flush()
    job = enqueue(session, Job, flow=source.flow, subject=volume.id, data=as_json(data), caller=caller)
    # The relations of a new volume are known, so the database needn't be asked for them.
    set_committed_value(volume, "attachments", [])
    set_committed_value(volume, "type", volume_type)
    return volume, job


def _find_source(session: Session, caller: Caller, request: VolumeRequest) -> VolumeSource:
    if request.snapshot_id:
        return snapshot_source(session, caller, request.snapshot_id)
    if request.source_volid:
        return volume_source(find(session, request.source_volid, caller))
    if request.backup:
        return backup_source(session, request.backup)
    if request.image:
        return image_source(request.image)
    return VolumeSource()


def _check_size(asked: int | None, source: VolumeSource) -> int:
    size = asked or source.size
    if not size:
        raise Invalid(
            why="Invalid volume size provided for create request: None (size argument must be an integer "
            "(or string representation of an integer) and greater than zero)."
        )
    if source.size and size < source.size:
        raise Invalid(why=f"Volume size {size}GB cannot be smaller than its source's size {source.size}GB.")
    return size


def _choose_type(session: Session, caller: Caller, request: VolumeRequest, source: VolumeSource) -> VolumeType:
    if source.type and not request.type:
        return source.type
    return types.choose(session, caller, request.type, request.image.volume_type if request.image else None)


def _check_group(group: Group, request: VolumeRequest, volume_type: VolumeType) -> None:
    if not request.type:
        raise Invalid(why="volume_type must be provided when creating a volume in a group.")
    if volume_type.id not in [allowed.id for allowed in group.volume_types]:
        why = f"Invalid volume_type provided: {volume_type.id} (requested type must be supported by this group)."
        raise Invalid(why=why)


def _required_pools(source: VolumeSource, group: Group | None) -> set[str | None]:
    """The pools that the volume must be in, its source's and its group's; {None} if any will do."""
    return {pool for pool in (source.pool, group.host if group else None) if pool} or {None}


def delete(
    session: Session,
    requester: Caller | Work,
    volume: Volume,
    *,
    cascade: bool = False,
    force: bool = False,
    with_group: bool = False,
) -> Job | None:
    """Set the volume to deleting; the job, if any, deletes it.

    The job of a volume that is being created is cancelled and removes it. A volume in a group is deleted with its group
    only. A volume that never got a host is gone at once, without a job.
    """
    check_deletable(session, volume, cascade=cascade, force=force, with_group=with_group)
    move(session, volume, "force_delete" if force else "delete")
    if cascade:
        session.execute(update_rows_of(Snapshot).where(Snapshot.volume_id == volume.id).values(status="deleting"))
    running = live(session, Job, volume.id)
    if running is None and volume.host is None:
        delete_rows(session, volume.id)
        return None
    subject, data = volume.id, DeleteVolumeData(volume.host)
    if running is not None:
        cancel(session, Job, volume.id, "the volume was deleted meanwhile")
        if running.flow.startswith(("volume.create", "volume.manage")):
            return running
        subject, data = f"force-{volume.id}", DeleteVolumeData(volume.host, volume.id)
    return enqueue(session, Job, flow="volume.delete", subject=subject, caller=requester, data=as_json(data))


def delete_rows(session: Session, volume_id: str) -> None:
    """Delete the rows of the volume and its snapshots."""
    session.execute(delete_rows_of(Snapshot).where(Snapshot.volume_id == volume_id))
    session.execute(delete_rows_of(Volume).where(Volume.id == volume_id))


def check_deletable(
    session: Session, volume: Volume, *, cascade: bool = False, force: bool = False, with_group: bool = False
) -> None:
    """Raise InvalidVolume unless the volume may be deleted."""
    if volume.group_id and not with_group:
        raise _not_deletable(volume, f"it belongs to group {volume.group_id}")
    if not force and volume.migration_status in MIGRATING:
        raise _not_deletable(volume, "it is being migrated")
    if not force and volume.status not in DELETABLE:
        raise _not_deletable(volume, f"it is {volume.status}")
    if volume.attachments:
        raise InvalidVolume(why=f"Volume {volume.id} is still attached, detach volume first.")
    snapshots = session.execute(
        select(Snapshot.status, Snapshot.group_snapshot_id).where(Snapshot.volume_id == volume.id).limit(10_000)
    ).all()
    if snapshots and not cascade:
        raise InvalidVolume(why=f"Volume {volume.id} still has {len(snapshots)} dependent snapshots.")
    if group_snapshot := next((found for _, found in snapshots if found), None):
        raise _not_deletable(volume, f"a snapshot of it belongs to group snapshot {group_snapshot}")
    if any(status in ("creating", "deleting") for status, _ in snapshots):
        raise InvalidVolume(why=f"Snapshots of volume {volume.id} are being created or deleted.")
    if is_being_copied(session, volume.id):
        raise InvalidVolume(why=f"Volume {volume.id} is being copied.")


def is_being_copied(session: Session, volume_id: str) -> bool:
    """Whether a new volume is being created from this one."""
    return bool(session.scalar(select(exists().where(Volume.source_volid == volume_id, Volume.status == "creating"))))


def _not_deletable(volume: Volume, why: str) -> InvalidVolume:
    return InvalidVolume(
        why="Volume status must be available or error or error_restoring or error_extending or "
        "error_managing and must not be migrating, attached, belong to a group, have snapshots, "
        "awaiting a transfer, or be disassociated from snapshots after volume transfer; "
        f"volume {volume.id}: {why}."
    )


def update(volume: Volume, values: Mapping[str, object]) -> Volume:
    """Set columns of the row, with the time of the change."""
    for name, value in values.items():
        setattr(volume, name, value)
    volume.updated_at = now()
    return volume


def reset_status(
    session: Session, volume: Volume, status: str | None, attach_status: str | None, migration_status: str | None = None
) -> None:
    """Set the statuses as an administrator asks, whatever they were; `detached` drops all attachments, and a migration
    status `none` is no status."""
    if migration_status:
        volume.migration_status = None if migration_status == "none" else migration_status
    if status:
        volume.status = status
    if attach_status:
        volume.attach_status = attach_status
        if attach_status == "detached":
            session.execute(delete_rows_of(Attachment).where(Attachment.volume_id == volume.id))
            volume.status = status or "available"
    volume.updated_at = now()
