"""Snapshots of volumes."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.context import Work
from pileus_kit.db import new_id, now
from pileus_kit.flow import cancel, enqueue, live
from pileus_volume.core import quotas
from pileus_volume.core.states import move_snapshot
from pileus_volume.core.visibility import sees_all
from pileus_volume.db.models import Job, Snapshot, Volume
from pileus_volume.errors import InvalidSnapshot, InvalidVolume, SnapshotNotFound


def find(session: Session, snapshot_id: str, caller: Caller) -> Snapshot:
    """The caller's snapshot; an administrator's are all."""
    stmt = select(Snapshot).where(Snapshot.id == snapshot_id)
    if not sees_all(caller):
        stmt = stmt.where(Snapshot.project_id == caller.project_id)
    snapshot = session.scalar(stmt)
    if snapshot is None:
        raise SnapshotNotFound(snapshot=snapshot_id)
    return snapshot


def create(
    session: Session,
    caller: Caller,
    volume: Volume,
    *,
    name: str | None,
    description: str | None,
    metadata: Mapping[str, str],
    force: bool,
    group_snapshot_id: str | None = None,
) -> tuple[Snapshot, Job]:
    """Record the snapshot and the job that takes it. `force`: of a volume in use too."""
    if volume.status not in ("available", "in-use") or (volume.status == "in-use" and not force):
        raise InvalidVolume(
            why=f"Volume {volume.id} status must be available{' or in-use' if force else ''}, "
            f"but current status is: {volume.status}."
        )
    quotas.check(session, volume.project_id, volume.type, snapshots=1, gigabytes=volume.size)
    snapshot = Snapshot(
        id=new_id(),
        project_id=volume.project_id,
        user_id=caller.user_id,
        name=name,
        description=description,
        volume_id=volume.id,
        volume_size=volume.size,
        type_id=volume.type_id,
        meta=dict(metadata),
        group_snapshot_id=group_snapshot_id,
    )
    session.add(snapshot)
    session.flush()
    job = enqueue(
        session,
        Job,
        flow="snapshot.create",
        subject=snapshot.id,
        caller=caller,
        data={"volume_id": volume.id, "host": volume.host},
    )
    return snapshot, job


def remove(
    session: Session, caller: Caller | Work, snapshot: Snapshot, force: bool = False, with_group: bool = False
) -> Job:
    """Turn it to deleting. A snapshot that is being taken: its job is turned round and removes it. What belongs to a
    group snapshot goes with it only."""
    if snapshot.group_snapshot_id and not with_group:
        raise InvalidSnapshot(
            why=f"Snapshot {snapshot.id} must not be part of a group; it is of group snapshot "
            f"{snapshot.group_snapshot_id}."
        )
    if session.scalar(select(exists().where(Volume.snapshot_id == snapshot.id, Volume.status == "creating"))):
        raise InvalidSnapshot(why=f"Snapshot {snapshot.id} is being copied to a volume.")
    move_snapshot(session, snapshot, "force_delete" if force else "delete")
    running = live(session, Job, snapshot.id)
    if running is not None:
        cancel(session, Job, snapshot.id, "the snapshot was deleted meanwhile")
        return running
    host = session.scalar(select(Volume.host).where(Volume.id == snapshot.volume_id))
    return enqueue(
        session,
        Job,
        flow="snapshot.delete",
        subject=snapshot.id,
        caller=caller,
        data={"volume_id": snapshot.volume_id, "host": host},
    )


def change(snapshot: Snapshot, values: Mapping[str, Any]) -> Snapshot:
    for name, value in values.items():
        setattr(snapshot, name, value)
    snapshot.updated_at = now()
    return snapshot
