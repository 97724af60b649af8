"""Group snapshots: one snapshot of each volume of a group."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.context import Work
from pileus_kit.db import new_id, now
from pileus_kit.flow import enqueue
from pileus_volume.core import groups, snapshots
from pileus_volume.core.group_volumes import list_snapshots, list_volumes
from pileus_volume.core.snapshots import SnapshotRequest
from pileus_volume.core.states import move_group_snapshot
from pileus_volume.db.models import Group, GroupSnapshot, Job
from pileus_volume.errors import GroupSnapshotNotFound, InvalidGroupSnapshot, InvalidSnapshot


def find(session: Session, group_snapshot_id: str, caller: Caller) -> GroupSnapshot:
    """The group snapshot if the caller may see it: their project's, or any for administrators.

    Raises GroupSnapshotNotFound.
    """
    stmt = select(GroupSnapshot).where(GroupSnapshot.id == group_snapshot_id)
    if not caller.is_admin:
        stmt = stmt.where(GroupSnapshot.project_id == caller.project_id)
    found = session.scalar(stmt)
    if found is None:
        raise GroupSnapshotNotFound(group_snapshot=group_snapshot_id)
    return found


def create(
    session: Session, caller: Caller, group_id: str, name: str | None, description: str | None
) -> tuple[GroupSnapshot, list[Job]]:
    """Write the row and a snapshot of each volume of the group.

    Each snapshot has a job of its own. The group snapshot's job, which waits for them, is the last one.
    """
    group = groups.find_available(session, group_id, caller)
    group_snapshot = GroupSnapshot(
        id=new_id(),
        project_id=group.project_id,
        user_id=caller.user_id,
        name=name,
        description=description,
        group_id=group.id,
        group_type_id=group.type_id,
    )
    session.add(group_snapshot)
    session.flush()
    request = SnapshotRequest(name, description, force=True, group_snapshot_id=group_snapshot.id)
    jobs = [snapshots.create(session, caller, volume, request)[1] for volume in list_volumes(session, group.id)]
    jobs.append(enqueue(session, Job, flow="group_snapshot.create", subject=group_snapshot.id, caller=caller))
    return group_snapshot, jobs


def delete(session: Session, caller: Caller, group_snapshot: GroupSnapshot) -> list[Job]:
    """Set it and its snapshots to deleting; its own job, which waits for those of the snapshots, is the last one."""
    being_copied = exists().where(Group.group_snapshot_id == group_snapshot.id, Group.status == "creating")
    if session.scalar(select(being_copied)):
        raise InvalidGroupSnapshot(
            why="GroupSnapshot status must be available or error, and no Group can be currently "
            "using it as source for its creation."
        )
    move_group_snapshot(session, group_snapshot, "delete")
    jobs = [
        snapshots.delete(session, caller, snapshot, with_group=True)
        for snapshot in list_snapshots(session, group_snapshot.id)
        if snapshot.status != "deleting"
    ]
    return [*jobs, enqueue(session, Job, flow="group_snapshot.delete", subject=group_snapshot.id, caller=caller)]


def delete_snapshots(session: Session, work: Work, group_snapshot_id: str) -> list[Job]:
    """Set every snapshot to deleting that isn't in use yet; one whose deletion failed waits for its owner."""
    jobs = []
    for snapshot in list_snapshots(session, group_snapshot_id):
        if snapshot.status in ("deleting", "error_deleting"):
            continue
        try:
            jobs.append(snapshots.delete(session, work, snapshot, with_group=True))
        except InvalidSnapshot:
            continue
    return jobs


def reset_status(group_snapshot: GroupSnapshot, status: str) -> None:
    """Set the status as an administrator asks, whatever it was."""
    group_snapshot.status, group_snapshot.updated_at = status, now()
