"""Delete a group snapshot when its snapshots have gone. What fails is in error_deleting and may be deleted again."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import messages
from pileus_volume.core.states import move_group_snapshot
from pileus_volume.db.models import GroupSnapshot, Snapshot
from pileus_volume.flows.members import PATIENCE_S, none_left
from pileus_volume.flows.tools import Tools


def wait(tools: Tools, work: Work) -> None:
    with tools.sessions.read() as session:
        none_left(session, Snapshot.group_snapshot_id, work.subject)


def forget(session: Session, tools: Tools, work: Work) -> None:
    session.execute(delete(GroupSnapshot).where(GroupSnapshot.id == work.subject))


def failed(session: Session, tools: Tools, work: Work) -> None:
    shot = session.get(GroupSnapshot, work.subject)
    if shot is not None and shot.status == "deleting":
        move_group_snapshot(session, shot, "fail_deletion")
        messages.tell(session, shot, "unsnapshot group", work.error or "")


delete_group_snapshot = Flow("group_snapshot.delete", Remote(wait, patience_s=PATIENCE_S), Local(forget), failed=failed)
