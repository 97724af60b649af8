"""Go back to the newest snapshot. It can't be undone: what fails is in error, and the snapshot is still there."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import hosts, messages
from pileus_volume.core.states import move, move_snapshot
from pileus_volume.db.models import Snapshot, Volume
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import Disk


def rewind(tools: Tools, work: Work) -> None:
    agent = tools.agent(hosts.name_of(work.data["host"]))
    agent.revert(Disk(work.subject, work.data["size"]), work.data["snapshot_id"])


def finish(session: Session, tools: Tools, work: Work) -> None:
    move(session, work.subject, "reverted")
    _give_back(session, work)


def failed(session: Session, tools: Tools, work: Work) -> None:
    volume = session.get(Volume, work.subject)
    if volume is not None and volume.status == "reverting":
        move(session, volume, "fail_reversion")
        messages.tell(session, volume, "revert", work.error or "")
    _give_back(session, work)


def _give_back(session: Session, work: Work) -> None:
    snapshot = session.get(Snapshot, work.data["snapshot_id"])
    if snapshot is not None and snapshot.status == "restoring":
        move_snapshot(session, snapshot, "restored")


revert_volume = Flow("volume.revert", Remote(rewind), Local(finish), failed=failed)
