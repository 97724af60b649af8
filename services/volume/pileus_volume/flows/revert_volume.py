"""Revert a volume to its newest snapshot. It can't be undone: a volume that failed is in error, and its snapshot still
exists."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import messages
from pileus_volume.core.job_data import RevertVolumeData
from pileus_volume.core.states import move, move_snapshot
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Snapshot, Volume
from pileus_volume.rpc import Disk


def revert_disk(tools: Tools, work: Work) -> None:
    data = work.data_as(RevertVolumeData)
    name = data.stored_name or data.snapshot_id
    tools.agent_of(data.host).revert(Disk(work.subject, data.size), name)


def finish(session: Session, tools: Tools, work: Work) -> None:
    move(session, work.subject, "reverted")
    _end_restoring(session, work)


def failed(session: Session, tools: Tools, work: Work) -> None:
    volume = session.get(Volume, work.subject)
    if volume is not None and volume.status == "reverting":
        move(session, volume, "fail_reversion")
        messages.create(session, volume, "revert volume", work.error or "")
    _end_restoring(session, work)


def _end_restoring(session: Session, work: Work) -> None:
    """Let the snapshot be available again."""
    snapshot = session.get(Snapshot, work.data_as(RevertVolumeData).snapshot_id)
    if snapshot is not None and snapshot.status == "restoring":
        move_snapshot(session, snapshot, "restored")


revert_volume = Flow("volume.revert", Remote(revert_disk), Local(finish), failed=failed)
