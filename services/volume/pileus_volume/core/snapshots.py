"""Snapshots of volumes: which may be created and deleted, and what happens to their rows. Flows do the work."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.context import Work
from pileus_kit.db import new_id, now
from pileus_kit.flow import cancel, enqueue, live
from pileus_volume.core import quotas
from pileus_volume.core.job_data import SnapshotData, as_json
from pileus_volume.core.states import check_not_migrating, move_snapshot
from pileus_volume.core.visibility import sees_all_projects
from pileus_volume.db.models import Job, Snapshot, Volume
from pileus_volume.errors import InvalidSnapshot, InvalidVolume, SnapshotNotFound

FOLLOWING_STATUSES = {"creating": ("creating", "available", "error"), "deleting": ("deleting", "error_deleting")}
"""What compute may set the status of a snapshot to that a hypervisor takes or removes."""


def find(session: Session, snapshot_id: str, caller: Caller) -> Snapshot:
    """The snapshot if the caller may see it: their project's, or any for administrators. Raises SnapshotNotFound."""
    stmt = select(Snapshot).where(Snapshot.id == snapshot_id)
    if not sees_all_projects(caller):
        stmt = stmt.where(Snapshot.project_id == caller.project_id)
    snapshot = session.scalar(stmt)
    if snapshot is None:
        raise SnapshotNotFound(snapshot=snapshot_id)
    return snapshot


@dataclass(frozen=True)
class SnapshotRequest:
    """A snapshot as the caller asked for it. `force`: the volume may be in use."""

    name: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    group_snapshot_id: str | None = None


def create(session: Session, caller: Caller, volume: Volume, request: SnapshotRequest) -> tuple[Snapshot, Job]:
    """Write the snapshot's row and the job that takes it."""
    force = request.force
    check_not_migrating(volume)
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
        name=request.name,
        description=request.description,
        volume_id=volume.id,
        volume_size=volume.size,
        type_id=volume.type_id,
        meta=dict(request.metadata),
        group_snapshot_id=request.group_snapshot_id,
    )
    session.add(snapshot)
    session.flush()
    data = as_json(SnapshotData(volume.id, volume.host))
    return snapshot, enqueue(session, Job, flow="snapshot.create", subject=snapshot.id, caller=caller, data=data)


def delete(
    session: Session, requester: Caller | Work, snapshot: Snapshot, *, force: bool = False, with_group: bool = False
) -> Job:
    """Set the snapshot to deleting, and return the job that deletes it.

    The job of a snapshot that is being taken is cancelled and removes it. A snapshot of a group snapshot is deleted
    together with that only.
    """
    check_deletable(session, snapshot, with_group=with_group)
    move_snapshot(session, snapshot, "force_delete" if force else "delete")
    running = live(session, Job, snapshot.id)
    if running is not None:
        cancel(session, Job, snapshot.id, "the snapshot was deleted meanwhile")
        return running
    host = session.scalar(select(Volume.host).where(Volume.id == snapshot.volume_id))
    data = as_json(SnapshotData(snapshot.volume_id, host, snapshot.stored_name))
    return enqueue(session, Job, flow="snapshot.delete", subject=snapshot.id, caller=requester, data=data)


def check_deletable(session: Session, snapshot: Snapshot, *, with_group: bool = False) -> None:
    """Raise InvalidSnapshot if something else needs the snapshot, whatever its status is."""
    if snapshot.group_snapshot_id and not with_group:
        raise InvalidSnapshot(
            why=f"Snapshot {snapshot.id} must not be part of a group; it is of group snapshot "
            f"{snapshot.group_snapshot_id}."
        )
    if session.scalar(select(exists().where(Volume.snapshot_id == snapshot.id, Volume.status == "creating"))):
        raise InvalidSnapshot(why=f"Snapshot {snapshot.id} is being copied to a volume.")


def update_status(snapshot: Snapshot, status: str, progress: str | None) -> None:
    """Record how far compute's hypervisor is with the snapshot. Raises InvalidSnapshot if the status can't follow."""
    if status not in FOLLOWING_STATUSES.get(snapshot.status, ()):
        raise InvalidSnapshot(
            why=f"Provided snapshot status {status} not allowed for snapshot with status {snapshot.status}."
        )
    update(snapshot, {"status": status} | ({"progress": progress} if progress is not None else {}))


def update(snapshot: Snapshot, values: Mapping[str, object]) -> Snapshot:
    """Set columns of the row, with the time of the change."""
    for name, value in values.items():
        setattr(snapshot, name, value)
    snapshot.updated_at = now()
    return snapshot
