"""Make a snapshot that a volume's disk has already one of the service's. Nothing on the storage host changes."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import managed_snapshots, messages
from pileus_volume.core.job_data import ManageSnapshotData
from pileus_volume.core.states import move_snapshot
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Snapshot
from pileus_volume.errors import DiskRefused


def look(tools: Tools, work: Work) -> None:
    data = work.data_as(ManageSnapshotData)
    found = tools.agent_of(data.host).list_snapshots(data.volume_id)
    if data.name not in {snapshot.name for snapshot in found}:
        raise DiskRefused(name=data.name, why="the disk has no such snapshot")


def finish(session: Session, tools: Tools, work: Work) -> None:
    """Another request may have asked for the same one meanwhile."""
    data, snapshot = work.data_as(ManageSnapshotData), session.get_one(Snapshot, work.subject)
    managed_snapshots.check_unmanaged(session, data.volume_id, data.name)
    move_snapshot(session, snapshot, "created", progress="100%", stored_name=data.name)


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Set the snapshot to error and leave a message, or delete its row if it was deleted meanwhile."""
    snapshot = session.get(Snapshot, work.subject)
    if snapshot is None:
        return
    if work.cancelled or snapshot.status == "deleting":
        session.delete(snapshot)
        return
    if snapshot.status == "creating":  # else an administrator has set another status
        move_snapshot(session, snapshot, "fail_creation")
    messages.create(session, snapshot, "manage snapshot", work.error or "")


manage_snapshot = Flow("snapshot.manage", Remote(look), Local(finish), failed=failed)
