"""Backups of volumes: which may be created, restored and deleted, and what happens to their rows. Flows do the work."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from pileus_kit.auth import Caller
from pileus_kit.db import new_id, now
from pileus_kit.flow import cancel, enqueue, live
from pileus_volume.core import hosts, quotas, volumes
from pileus_volume.core.backup_addresses import VolumeFacts, address_of, facts_of
from pileus_volume.core.job_data import BackUpVolumeData, DeleteBackupData, RestoreBackupData, as_json
from pileus_volume.core.states import move, move_backup, move_snapshot
from pileus_volume.db.models import Backup, Job, Snapshot, Volume
from pileus_volume.errors import BackupNotFound, Invalid, InvalidBackup, InvalidVolume, SnapshotNotFound

DEFAULT_CONTAINER = "volumebackups"


@dataclass(frozen=True)
class BackupRequest:
    """A backup as the caller asked for it."""

    name: str | None = None
    description: str | None = None
    container: str | None = None
    snapshot_id: str | None = None
    availability_zone: str | None = None
    incremental: bool = False
    force: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)


def find(session: Session, backup_id: str, caller: Caller) -> Backup:
    """The backup if the caller may see it: their project's, or any for administrators. Raises BackupNotFound."""
    stmt = select(Backup).where(Backup.id == backup_id)
    if not caller.is_admin:
        stmt = stmt.where(Backup.project_id == caller.project_id)
    backup = session.scalar(stmt)
    if backup is None:
        raise BackupNotFound(backup=backup_id)
    return backup


def container_for(session: Session, caller: Caller, volume: Volume, request: BackupRequest) -> str:
    """The container of the backup, so that it can be opened before. Raises what `create` would."""
    snapshot = _find_snapshot(session, volume, request.snapshot_id) if request.snapshot_id else None
    parent = _find_parent(session, caller, volume, snapshot, request) if request.incremental else None
    return _choose_container(request, parent)


def _choose_container(request: BackupRequest, parent: Backup | None) -> str:
    container = request.container or (parent.container if parent else DEFAULT_CONTAINER)
    if "/" in container or container in (".", ".."):
        raise Invalid(why=f"A container's name can't be {container[:80]}.")
    return container


def create(session: Session, caller: Caller, volume: Volume, request: BackupRequest) -> tuple[Backup, Job]:
    """Write the backup's row and the job that fills it. The volume, or its snapshot, is backing-up meanwhile."""
    zone = request.availability_zone
    if zone and zone not in hosts.list_zones(session):
        raise Invalid(why=f"There is no availability zone {zone[:80]}.")
    snapshot = _find_snapshot(session, volume, request.snapshot_id) if request.snapshot_id else None
    if snapshot is None and volume.status == "in-use" and not request.force:
        raise InvalidVolume(why=f"Backing up an in-use volume must use the force flag; volume {volume.id} is in use.")
    parent = _find_parent(session, caller, volume, snapshot, request) if request.incremental else None
    container = _choose_container(request, parent)
    quotas.check_backup(session, str(caller.project_id), volume.size)
    backup_id, at = new_id(), now()
    backup = Backup(
        id=backup_id,
        project_id=str(caller.project_id),
        user_id=caller.user_id,
        name=request.name,
        description=request.description,
        volume_id=volume.id,
        snapshot_id=request.snapshot_id,
        size=volume.size,
        parent_id=parent.id if parent else None,
        container=container,
        meta=dict(request.metadata),
        location={"account": str(caller.project_id), "prefix": f"volume_{volume.id}/backup_{backup_id}/"},
        availability_zone=zone or volume.availability_zone,
        created_at=at,
        data_timestamp=snapshot.created_at if snapshot else at,
        volume_facts=asdict(VolumeFacts(volume.bootable, volume.image_meta, dict(volume.meta))),
    )
    if snapshot:
        move_snapshot(session, snapshot, "back_up")
    else:
        move(session, volume, "back_up")
    session.add(backup)
    session.flush()
    set_committed_value(backup, "has_increments", False)
    data = BackUpVolumeData(
        volume.id,
        request.snapshot_id,
        str(volume.host),
        address_of(backup),
        address_of(parent) if parent else None,
        stored_name=snapshot.stored_name if snapshot else None,
    )
    return backup, enqueue(session, Job, flow="backup.create", subject=backup.id, caller=caller, data=as_json(data))


def _find_snapshot(session: Session, volume: Volume, snapshot_id: str) -> Snapshot:
    snapshot = session.scalar(select(Snapshot).where(Snapshot.id == snapshot_id, Snapshot.volume_id == volume.id))
    if snapshot is None:
        raise SnapshotNotFound(snapshot=snapshot_id)
    return snapshot


def _find_parent(
    session: Session, caller: Caller, volume: Volume, snapshot: Snapshot | None, request: BackupRequest
) -> Backup:
    """The caller's newest complete backup of the same volume that is older than the content to be backed up.

    A backup of another project can't be the parent: its owner could no longer delete it, nor the caller read its
    objects.
    """
    stmt = select(Backup).where(
        Backup.volume_id == volume.id, Backup.project_id == caller.project_id, Backup.status == "available"
    )
    if snapshot is not None:
        stmt = stmt.where(Backup.data_timestamp < snapshot.created_at)
    parent = session.scalar(stmt.order_by(Backup.data_timestamp.desc(), Backup.id.desc()).limit(1))
    if parent is None:
        raise InvalidBackup(why="No backups available to do an incremental backup.")
    if request.container and request.container != parent.container:
        raise InvalidBackup(
            why=f"An incremental backup goes to the container of the one that it builds upon: {parent.container}."
        )
    return parent


def restore(
    session: Session, caller: Caller, backup: Backup, volume: Volume | None, name: str | None
) -> tuple[Volume, Job]:
    """Begin to write the backup over the volume, or to a new volume with that name if none is given."""
    if volume is None:
        request = volumes.VolumeRequest(name=name or f"restore_backup_{backup.id}", backup=backup)
        return volumes.create(session, caller, request)
    if volume.size < backup.size:
        raise InvalidVolume(why=f"volume size {volume.size} is too small to restore backup of size {backup.size}.")
    move_backup(session, backup, "restore")
    move(session, volume, "restore")
    data = RestoreBackupData(backup.id, address_of(backup), str(volume.host), volume.size, facts_of(backup))
    job = enqueue(session, Job, flow="volume.restore", subject=volume.id, caller=caller, data=as_json(data))
    return volume, job


def delete(session: Session, caller: Caller, backup: Backup, *, force: bool, opened: bool) -> Job:
    """Set the backup to deleting. With force, the job of a backup that is being created is cancelled and removes it.

    `opened`: the caller's token has just opened the backup's container to this service.
    """
    if session.scalar(select(exists().where(Backup.parent_id == backup.id))):
        raise InvalidBackup(why="Incremental backups exist for this backup.")
    move_backup(session, backup, "force_delete" if force else "delete")
    running = live(session, Job, backup.id)
    if running is not None:
        cancel(session, Job, backup.id, "the backup was deleted meanwhile")
        return running
    data = as_json(DeleteBackupData(address_of(backup), opened))
    return enqueue(session, Job, flow="backup.delete", subject=backup.id, caller=caller, data=data)


def update(backup: Backup, values: Mapping[str, object]) -> Backup:
    """Set columns of the row, with the time of the change."""
    for name, value in values.items():
        setattr(backup, name, value)
    backup.updated_at = now()
    return backup
