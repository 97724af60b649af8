"""Extend a volume. A disk that a guest on its storage host has open is grown by the guest's hypervisor, through
compute."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Again, Flow, Local, Remote, Work
from pileus_volume.clients.compute import send_volume_extended
from pileus_volume.core import messages
from pileus_volume.core.job_data import ExtendVolumeData
from pileus_volume.core.states import move
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Volume
from pileus_volume.rpc import GIB, Disk

PATIENCE_S = 120.0
PAUSE_S = 0.5  # until the next look whether the hypervisor has grown the disk


def show_new_size(session: Session, tools: Tools, work: Work) -> None:
    """Set the volume's new size before compute is notified, because compute reads it."""
    session.get_one(Volume, work.subject).size = work.data_as(ExtendVolumeData).new_size


def show_old_size(session: Session, tools: Tools, work: Work) -> None:
    volume = session.get(Volume, work.subject)
    if volume is not None:  # else it was deleted by force meanwhile
        volume.size = volume.claimed = work.data_as(ExtendVolumeData).old_size


def grow_disk(tools: Tools, work: Work) -> None:
    with tools.sessions.read() as session:
        volume = session.get_one(Volume, work.subject)
        instances = [found.instance_id for found in volume.attachments if found.instance_id]
        host = volume.host
    new_size = work.data_as(ExtendVolumeData).new_size
    size = tools.agent_of(host).extend(Disk(work.subject, new_size)).size_bytes
    send_volume_extended(tools.peers, work.subject, instances)  # also if it is grown: its servers must notice
    if size < new_size * GIB:
        raise Again(after=PAUSE_S, why="the server's hypervisor has not grown the disk yet")


def finish(session: Session, tools: Tools, work: Work) -> None:
    move(session, work.subject, "extended")


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Go back to the old size, which the request itself has replaced before any step."""
    show_old_size(session, tools, work)
    session.flush()
    volume = session.get(Volume, work.subject)
    if volume is not None and volume.status == "extending":
        move(session, volume, "fail_extension")
        messages.create(session, volume, "extend volume", work.error or "")


extend_volume = Flow(
    "volume.extend",
    Local(show_new_size, undo=show_old_size),
    Remote(grow_disk, patience_s=PATIENCE_S),
    Local(finish),
    failed=failed,
)
