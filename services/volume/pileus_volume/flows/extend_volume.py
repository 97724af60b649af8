"""Grow a volume. One that a guest has open on the same host is grown by the guest's hypervisor: compute is told."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Again, Flow, Local, Remote, Work
from pileus_volume.core import hosts, messages
from pileus_volume.core.states import move
from pileus_volume.db.models import Volume
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import GIB, Disk

PATIENCE_S = 120.0


def announce(session: Session, tools: Tools, work: Work) -> None:
    """The new size stands in the record before compute is told, for there it is read."""
    session.get_one(Volume, work.subject).size = work.data["new"]


def unannounce(session: Session, tools: Tools, work: Work) -> None:
    volume = session.get(Volume, work.subject)
    if volume is not None:  # else it was deleted by force meanwhile
        volume.size = volume.claimed = work.data["old"]


def grow(tools: Tools, work: Work) -> None:
    with tools.sessions.read() as session:
        volume = session.get_one(Volume, work.subject)
        instances = [a.instance_id for a in volume.attachments if a.instance_id]
        host = hosts.name_of(str(volume.host))
    wanted = work.data["new"]
    if tools.agent(host).extend(Disk(work.subject, wanted)).size_bytes >= wanted * GIB:
        if instances:  # grown while nobody had it open: the guest is to notice
            _tell(tools, work.subject, instances)
        return
    _tell(tools, work.subject, instances)
    raise Again(after=0.5, why="the server's hypervisor has not grown the disk yet")


def _tell(tools: Tools, volume_id: str, instances: list[str]) -> None:
    events = [{"name": "volume-extended", "server_uuid": instance, "tag": volume_id} for instance in instances]
    if events:
        tools.peers.call(
            "compute", "POST", "/v2.1/os-server-external-events", json={"events": events}, microversion="2.51"
        )


def finish(session: Session, tools: Tools, work: Work) -> None:
    move(session, work.subject, "extended")


def failed(session: Session, tools: Tools, work: Work) -> None:
    unannounce(session, tools, work)  # the request itself claimed the new size, before any step
    session.flush()
    volume = session.get(Volume, work.subject)
    if volume is not None and volume.status == "extending":
        move(session, volume, "fail_extension")
        messages.tell(session, volume, "extend", work.error or "")


extend_volume = Flow(
    "volume.extend", Local(announce, undo=unannounce), Remote(grow, patience_s=PATIENCE_S), Local(finish), failed=failed
)
