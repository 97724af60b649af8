"""Delete a group snapshot after its snapshots. One that can't be deleted is in error_deleting and may be deleted
again."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import messages
from pileus_volume.core.group_members import PATIENCE_S, check_all_deleted
from pileus_volume.core.states import move_group_snapshot
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import GroupSnapshot, Snapshot


def wait_for_snapshots(tools: Tools, work: Work) -> None:
    """The jobs of the snapshots delete them."""
    with tools.sessions.read() as session:
        check_all_deleted(session, Snapshot.group_snapshot_id, work.subject)


def delete_row(session: Session, tools: Tools, work: Work) -> None:
    session.execute(delete(GroupSnapshot).where(GroupSnapshot.id == work.subject))


def failed(session: Session, tools: Tools, work: Work) -> None:
    group_snapshot = session.get(GroupSnapshot, work.subject)
    if group_snapshot is not None and group_snapshot.status == "deleting":
        move_group_snapshot(session, group_snapshot, "fail_deletion")
        messages.create(session, group_snapshot, "delete group snapshot", work.error or "")


delete_group_snapshot = Flow(
    "group_snapshot.delete", Remote(wait_for_snapshots, patience_s=PATIENCE_S), Local(delete_row), failed=failed
)
