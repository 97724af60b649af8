"""Take a snapshot of a volume."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.clients import assisted_snapshots
from pileus_volume.core import messages
from pileus_volume.core.job_data import SnapshotData
from pileus_volume.core.states import move_snapshot
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Snapshot


def take_snapshot(tools: Tools, work: Work) -> None:
    data = work.data_as(SnapshotData)
    assisted_snapshots.take_snapshot(tools.peers, tools.agent_of(data.host), data.volume_id, work.subject)


def remove_snapshot(tools: Tools, work: Work) -> None:
    data = work.data_as(SnapshotData)
    assisted_snapshots.remove_snapshot(tools.peers, tools.agent_of(data.host), data.volume_id, work.subject)


def finish(session: Session, tools: Tools, work: Work) -> None:
    move_snapshot(session, session.get_one(Snapshot, work.subject), "created", progress="100%")


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Delete the row if the snapshot was deleted meanwhile; else set it to error and leave a message."""
    snapshot = session.get(Snapshot, work.subject)
    if snapshot is None:
        return
    if work.cancelled or snapshot.status == "deleting":
        session.delete(snapshot)
        return
    if snapshot.status == "creating":  # else an administrator has set another status
        move_snapshot(session, snapshot, "fail_creation")
    messages.create(session, snapshot, "create snapshot", work.error or "")


snapshot_volume = Flow("snapshot.create", Remote(take_snapshot, undo=remove_snapshot), Local(finish), failed=failed)
