"""Take a snapshot of each volume of a group: all of them, or none stays."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import group_snapshots, messages
from pileus_volume.core.states import move_group_snapshot
from pileus_volume.db.models import GroupSnapshot, Snapshot
from pileus_volume.flows.members import PATIENCE_S, all_made, any_left, none_goes
from pileus_volume.flows.tools import Tools


def gather(tools: Tools, work: Work) -> None:
    with tools.sessions.read() as session:
        all_made(session, Snapshot.group_snapshot_id, work.subject)


def scatter(tools: Tools, work: Work) -> None:
    """The jobs of the snapshots do it. It is asked again until they have."""
    with tools.sessions.begin() as session:
        jobs = group_snapshots.clear(session, work, work.subject)
    for job in jobs:
        tools.ring(job.id)
    with tools.sessions.read() as session:
        none_goes(session, Snapshot.group_snapshot_id, work.subject)


def finish(session: Session, tools: Tools, work: Work) -> None:
    shot = session.get_one(GroupSnapshot, work.subject)
    if shot.status == "creating":  # else an administrator has decided otherwise
        move_group_snapshot(session, shot, "created")


def failed(session: Session, tools: Tools, work: Work) -> None:
    """The record stays, in error, and its owner is told why."""
    shot = session.get(GroupSnapshot, work.subject)
    if shot is None:
        return
    if work.cancelled and not any_left(session, Snapshot.group_snapshot_id, shot.id):
        session.execute(delete(GroupSnapshot).where(GroupSnapshot.id == shot.id))
        return
    if shot.status == "creating":
        move_group_snapshot(session, shot, "fail_creation")
    messages.tell(session, shot, "snapshot group", work.error or "")


snapshot_group = Flow(
    "group_snapshot.create", Remote(gather, undo=scatter, patience_s=PATIENCE_S), Local(finish), failed=failed
)
