"""Group snapshots: one snapshot of each volume of a group."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.context import Work
from pileus_kit.db import new_id, now
from pileus_kit.flow import enqueue
from pileus_volume.core import groups, snapshots
from pileus_volume.core.groups import snapshots_of
from pileus_volume.core.states import move_group_snapshot
from pileus_volume.db.models import Group, GroupSnapshot, Job
from pileus_volume.errors import GroupSnapshotNotFound, InvalidGroupSnapshot, InvalidSnapshot


def find(session: Session, group_snapshot_id: str, caller: Caller) -> GroupSnapshot:
    """The caller's group snapshot; an administrator's are all."""
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
    """Record it with a snapshot of each volume, and the jobs that take them; its own, which waits for the others, is
    the last."""
    group = groups.usable(session, group_id, caller)
    shot = GroupSnapshot(
        id=new_id(),
        project_id=group.project_id,
        user_id=caller.user_id,
        name=name,
        description=description,
        group_id=group.id,
        group_type_id=group.type_id,
    )
    session.add(shot)
    session.flush()
    jobs = [
        snapshots.create(
            session,
            caller,
            volume,
            name=name,
            description=description,
            metadata={},
            force=True,
            group_snapshot_id=shot.id,
        )[1]
        for volume in groups.members(session, group.id)
    ]
    return shot, [*jobs, enqueue(session, Job, flow="group_snapshot.create", subject=shot.id, caller=caller)]


def remove(session: Session, caller: Caller, shot: GroupSnapshot) -> list[Job]:
    """Turn it and its snapshots to deleting; its own job, which waits for the others, is the last."""
    if session.scalar(select(exists().where(Group.group_snapshot_id == shot.id, Group.status == "creating"))):
        raise InvalidGroupSnapshot(
            why="GroupSnapshot status must be available or error, and no Group can be currently "
            "using it as source for its creation."
        )
    move_group_snapshot(session, shot, "delete")
    jobs = [
        snapshots.remove(session, caller, snapshot, with_group=True)
        for snapshot in snapshots_of(session, shot.id)
        if snapshot.status != "deleting"
    ]
    return [*jobs, enqueue(session, Job, flow="group_snapshot.delete", subject=shot.id, caller=caller)]


def clear(session: Session, work: Work, group_snapshot_id: str) -> list[Job]:
    """Turn every snapshot to deleting that nobody has begun to use. What failed to be deleted waits for its owner."""
    jobs = []
    for snapshot in snapshots_of(session, group_snapshot_id):
        if snapshot.status in ("deleting", "error_deleting"):
            continue
        try:
            jobs.append(snapshots.remove(session, work, snapshot, with_group=True))
        except InvalidSnapshot:
            continue
    return jobs


def reset(shot: GroupSnapshot, status: str) -> None:
    """An administrator knows better."""
    shot.status, shot.updated_at = status, now()
