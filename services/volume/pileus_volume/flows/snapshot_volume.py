"""Take a snapshot."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import hosts, messages
from pileus_volume.core.states import move_snapshot
from pileus_volume.db.models import Snapshot
from pileus_volume.flows.freezing import freeze, melt
from pileus_volume.flows.tools import Tools


def take(tools: Tools, work: Work) -> None:
    freeze(tools, tools.agent(hosts.name_of(work.data["host"])), work.data["volume_id"], work.subject)


def untake(tools: Tools, work: Work) -> None:
    melt(tools, tools.agent(hosts.name_of(work.data["host"])), work.data["volume_id"], work.subject)


def finish(session: Session, tools: Tools, work: Work) -> None:
    move_snapshot(session, session.get_one(Snapshot, work.subject), "created", progress="100%")


def failed(session: Session, tools: Tools, work: Work) -> None:
    snapshot = session.get(Snapshot, work.subject)
    if snapshot is None:
        return
    if work.cancelled or snapshot.status == "deleting":
        session.delete(snapshot)
        return
    if snapshot.status == "creating":  # else an administrator has decided otherwise
        move_snapshot(session, snapshot, "fail_creation")
    messages.tell(session, snapshot, "snapshot", work.error or "")


snapshot_volume = Flow("snapshot.create", Remote(take, undo=untake), Local(finish), failed=failed)
