"""What the flows that create a volume have in common."""

from sqlalchemy.orm import Session

from pileus_kit.db import now
from pileus_kit.flow import Work
from pileus_volume.core import hosts, messages
from pileus_volume.core.states import MOVES, move
from pileus_volume.db.models import Volume
from pileus_volume.errors import NoBackend
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import Disk, StorageAgent


def place_of(tools: Tools, work: Work) -> tuple[Disk, StorageAgent]:
    """The disk to make and the host to make it on. Raises NoBackend if none would take it."""
    if "unplaced" in work.data:
        raise NoBackend(why=work.data["unplaced"])
    return Disk(work.subject, work.data["size"]), tools.agent(hosts.name_of(work.data["host"]))


def unmake(tools: Tools, work: Work) -> None:
    """Remove what there may be of it."""
    if "unplaced" not in work.data:
        disk, agent = place_of(tools, work)
        agent.delete(disk.volume_id)


def finish(session: Session, tools: Tools, work: Work) -> None:
    move(session, work.subject, "created", launched_at=now(), **work.data.get("known", {}))


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Deleted meanwhile: gone. Else the record stays, in error, and its owner is told why."""
    volume = session.get_one(Volume, work.subject)
    if work.cancelled or volume.status == "deleting":
        session.delete(volume)
        return
    if volume.status in MOVES["fail_creation"]:  # else an administrator has decided otherwise
        move(session, volume, "fail_creation")
    messages.tell(session, volume, "create", work.error or "")
