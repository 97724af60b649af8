"""Backups of volumes: what may be asked for, and what happens to the record. The work itself is done by flows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from pileus_kit.auth import Caller
from pileus_kit.db import new_id, now
from pileus_kit.flow import cancel, enqueue, live
from pileus_volume.core import quotas, volumes
from pileus_volume.core.states import move, move_backup, move_snapshot
from pileus_volume.db.models import Backup, Job, Snapshot, Volume
from pileus_volume.errors import BackupNotFound, Invalid, InvalidBackup, InvalidVolume, SnapshotNotFound

CONTAINER = "volumebackups"


@dataclass(frozen=True)
class Wish:
    """A backup as the caller asked for it."""

    name: str | None = None
    description: str | None = None
    container: str | None = None
    snapshot_id: str | None = None
    zone: str | None = None
    incremental: bool = False
    force: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)


def find(session: Session, backup_id: str, caller: Caller) -> Backup:
    """The caller's backup; an administrator's are all."""
    stmt = select(Backup).where(Backup.id == backup_id)
    if not caller.is_admin:
        stmt = stmt.where(Backup.project_id == caller.project_id)
    backup = session.scalar(stmt)
    if backup is None:
        raise BackupNotFound(backup=backup_id)
    return backup


def container_for(session: Session, caller: Caller, volume: Volume, wish: Wish) -> str:
    """Where it will be, so that the container can be got ready. Raises what `create` would."""
    snapshot = _snapshot(session, volume, wish.snapshot_id) if wish.snapshot_id else None
    return _container(wish, _parent(session, caller, volume, snapshot, wish) if wish.incremental else None)


def _container(wish: Wish, parent: Backup | None) -> str:
    container = wish.container or (parent.container if parent else CONTAINER)
    if "/" in container or container in (".", ".."):
        raise Invalid(why=f"A container's name can't be {container[:80]}.")
    return container


def create(session: Session, caller: Caller, volume: Volume, wish: Wish) -> tuple[Backup, Job]:
    """Record the backup and the job that fills it. The volume, or its snapshot, is held meanwhile."""
    snapshot = _snapshot(session, volume, wish.snapshot_id) if wish.snapshot_id else None
    if snapshot is None and volume.status == "in-use" and not wish.force:
        raise InvalidVolume(why=f"Backing up an in-use volume must use the force flag; volume {volume.id} is in use.")
    parent = _parent(session, caller, volume, snapshot, wish) if wish.incremental else None
    container = _container(wish, parent)
    quotas.check_backup(session, str(caller.project_id), volume.size)
    backup_id = new_id()
    backup = Backup(
        id=backup_id,
        project_id=str(caller.project_id),
        user_id=caller.user_id,
        name=wish.name,
        description=wish.description,
        volume_id=volume.id,
        snapshot_id=wish.snapshot_id,
        size=volume.size,
        parent_id=parent.id if parent else None,
        container=container,
        meta=dict(wish.metadata),
        place={"account": str(caller.project_id), "prefix": f"volume_{volume.id}/backup_{backup_id}/"},
        availability_zone=wish.zone or volume.availability_zone,
        created_at=now(),
        facts={"bootable": volume.bootable, "image_meta": volume.image_meta, "meta": dict(volume.meta)},
    )
    backup.data_timestamp = snapshot.created_at if snapshot else backup.created_at
    if snapshot:
        move_snapshot(session, snapshot, "back_up")
    else:
        move(session, volume, "back_up")
    session.add(backup)
    session.flush()
    set_committed_value(backup, "has_increments", False)
    job = enqueue(
        session,
        Job,
        flow="backup.create",
        subject=backup.id,
        caller=caller,
        data={
            "volume_id": volume.id,
            "snapshot_id": wish.snapshot_id,
            "host": volume.host,
            "where": backup.where,
            "parent": parent.where if parent else None,
        },
    )
    return backup, job


def _snapshot(session: Session, volume: Volume, snapshot_id: str) -> Snapshot:
    snapshot = session.scalar(select(Snapshot).where(Snapshot.id == snapshot_id, Snapshot.volume_id == volume.id))
    if snapshot is None:
        raise SnapshotNotFound(snapshot=snapshot_id)
    return snapshot


def _parent(session: Session, caller: Caller, volume: Volume, snapshot: Snapshot | None, wish: Wish) -> Backup:
    """The caller's newest complete backup of the same volume that is older than what is to be kept now.

    A backup of another project's can't be: its owner couldn't delete it any more, nor the caller read its objects.
    """
    stmt = select(Backup).where(
        Backup.volume_id == volume.id, Backup.project_id == caller.project_id, Backup.status == "available"
    )
    if snapshot is not None:
        stmt = stmt.where(Backup.data_timestamp < snapshot.created_at)
    parent = session.scalar(stmt.order_by(Backup.data_timestamp.desc(), Backup.id.desc()).limit(1))
    if parent is None:
        raise InvalidBackup(why="No backups available to do an incremental backup.")
    if wish.container and wish.container != parent.container:
        raise InvalidBackup(
            why=f"An incremental backup goes to the container of the one that it builds upon: {parent.container}."
        )
    return parent


def restore(
    session: Session, caller: Caller, backup: Backup, volume: Volume | None, name: str | None
) -> tuple[Volume, Job]:
    """Begin to write it to a volume, or to a new one."""
    if volume is None:
        return volumes.create(session, caller, volumes.Wish(name=name or f"restore_backup_{backup.id}", backup=backup))
    if volume.size < backup.size:
        raise InvalidVolume(why=f"volume size {volume.size} is too small to restore backup of size {backup.size}.")
    move_backup(session, backup, "restore")
    move(session, volume, "restore")
    job = enqueue(
        session,
        Job,
        flow="volume.restore",
        subject=volume.id,
        caller=caller,
        data={
            "backup_id": backup.id,
            "where": backup.where,
            "known": backup.facts,
            "host": volume.host,
            "size": volume.size,
        },
    )
    return volume, job


def remove(session: Session, caller: Caller, backup: Backup, force: bool, opened: bool) -> Job:
    """Turn it to deleting. One that is being made, with force: its job is turned round and removes it.

    `opened`: the caller has just opened the backup's container to this service.
    """
    if session.scalar(select(exists().where(Backup.parent_id == backup.id))):
        raise InvalidBackup(why="Incremental backups exist for this backup.")
    move_backup(session, backup, "force_delete" if force else "delete")
    running = live(session, Job, backup.id)
    if running is not None:
        cancel(session, Job, backup.id, "the backup was deleted meanwhile")
        return running
    return enqueue(
        session,
        Job,
        flow="backup.delete",
        subject=backup.id,
        caller=caller,
        data={"where": backup.where, "opened": opened},
    )


def change(backup: Backup, values: Mapping[str, Any]) -> Backup:
    for name, value in values.items():
        setattr(backup, name, value)
    backup.updated_at = now()
    return backup
