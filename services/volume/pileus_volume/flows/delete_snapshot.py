"""Delete a snapshot. One that can't be deleted is in error_deleting and may be deleted again."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.clients import assisted_snapshots
from pileus_volume.core import messages
from pileus_volume.core.job_data import SnapshotData
from pileus_volume.core.states import move_snapshot
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Snapshot


def remove_snapshot(tools: Tools, work: Work) -> None:
    data = work.data_as(SnapshotData)
    if data.host:
        agent = tools.agent_of(data.host)
        name = data.stored_name or work.subject
        assisted_snapshots.remove_snapshot(tools.peers, agent, data.volume_id, name)


def delete_row(session: Session, tools: Tools, work: Work) -> None:
    session.execute(delete(Snapshot).where(Snapshot.id == work.subject))


def failed(session: Session, tools: Tools, work: Work) -> None:
    snapshot = session.get(Snapshot, work.subject)
    if snapshot is not None and snapshot.status == "deleting":
        move_snapshot(session, snapshot, "fail_deletion")
        messages.create(session, snapshot, "delete snapshot", work.error or "")


delete_snapshot = Flow("snapshot.delete", Remote(remove_snapshot), Local(delete_row), failed=failed, ends=True)
