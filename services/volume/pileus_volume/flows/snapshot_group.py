"""Take a snapshot of each volume of a group: all of them are taken, or none stays."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import group_snapshots, messages
from pileus_volume.core.group_members import PATIENCE_S, check_all_created, has_members, wait_for_deletions
from pileus_volume.core.states import move_group_snapshot
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import GroupSnapshot, Snapshot


def wait_for_snapshots(tools: Tools, work: Work) -> None:
    """The jobs of the snapshots take them."""
    with tools.sessions.read() as session:
        check_all_created(session, Snapshot.group_snapshot_id, work.subject)


def delete_snapshots(tools: Tools, work: Work) -> None:
    """Have the jobs of the snapshots delete them. The step is tried again until they have."""
    with tools.sessions.begin() as session:
        jobs = group_snapshots.delete_snapshots(session, work, work.subject)
    for job in jobs:
        tools.ring(job.id)
    with tools.sessions.read() as session:
        wait_for_deletions(session, Snapshot.group_snapshot_id, work.subject)


def finish(session: Session, tools: Tools, work: Work) -> None:
    group_snapshot = session.get_one(GroupSnapshot, work.subject)
    if group_snapshot.status == "creating":  # else an administrator has set another status
        move_group_snapshot(session, group_snapshot, "created")


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Set the group snapshot to error and leave a message; delete the row if it was deleted meanwhile."""
    group_snapshot = session.get(GroupSnapshot, work.subject)
    if group_snapshot is None:
        return
    if work.cancelled and not has_members(session, Snapshot.group_snapshot_id, group_snapshot.id):
        session.execute(delete(GroupSnapshot).where(GroupSnapshot.id == group_snapshot.id))
        return
    if group_snapshot.status == "creating":
        move_group_snapshot(session, group_snapshot, "fail_creation")
    messages.create(session, group_snapshot, "create group snapshot", work.error or "")


snapshot_group = Flow(
    "group_snapshot.create",
    Remote(wait_for_snapshots, undo=delete_snapshots, patience_s=PATIENCE_S),
    Local(finish),
    failed=failed,
)
