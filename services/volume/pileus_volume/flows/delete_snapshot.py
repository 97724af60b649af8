"""Delete a snapshot. What fails is in error_deleting and may be deleted again."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import hosts, messages
from pileus_volume.core.states import move_snapshot
from pileus_volume.db.models import Snapshot
from pileus_volume.flows.freezing import melt
from pileus_volume.flows.tools import Tools


def drop(tools: Tools, work: Work) -> None:
    if work.data["host"]:
        melt(tools, tools.agent(hosts.name_of(work.data["host"])), work.data["volume_id"], work.subject)


def forget(session: Session, tools: Tools, work: Work) -> None:
    session.execute(delete(Snapshot).where(Snapshot.id == work.subject))


def failed(session: Session, tools: Tools, work: Work) -> None:
    snapshot = session.get(Snapshot, work.subject)
    if snapshot is not None and snapshot.status == "deleting":
        move_snapshot(session, snapshot, "fail_deletion")
        messages.tell(session, snapshot, "unsnapshot", work.error or "")


delete_snapshot = Flow("snapshot.delete", Remote(drop), Local(forget), failed=failed, ends=True)
