"""Create a blank volume. The other flows that create a volume share its steps."""

from sqlalchemy.orm import Session

from pileus_kit.db import now
from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import messages
from pileus_volume.core.job_data import CreateVolumeData
from pileus_volume.core.states import MOVES, move
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Volume
from pileus_volume.errors import NoValidBackend
from pileus_volume.rpc import Disk, StorageAgent


def disk_and_agent(tools: Tools, work: Work) -> tuple[Disk, StorageAgent]:
    """The disk to create, and the agent of its storage host. Raises NoValidBackend if no host takes it."""
    data = work.data_as(CreateVolumeData)
    if data.no_valid_backend is not None:
        raise NoValidBackend(why=data.no_valid_backend)
    return Disk(work.subject, data.size), tools.agent_of(data.host)


def create_disk(tools: Tools, work: Work) -> None:
    disk, agent = disk_and_agent(tools, work)
    agent.create(disk)


def delete_disk(tools: Tools, work: Work) -> None:
    """Delete whatever the steps before have left of the disk."""
    data = work.data_as(CreateVolumeData)
    if data.no_valid_backend is None:
        tools.agent_of(data.host).delete(work.subject)


def finish(session: Session, tools: Tools, work: Work) -> None:
    if work.data_as(CreateVolumeData).bootable:
        move(session, work.subject, "created", launched_at=now(), bootable=True)
    else:
        move(session, work.subject, "created", launched_at=now())


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Delete the row if the volume was deleted meanwhile; else set it to error and leave a message."""
    volume = session.get_one(Volume, work.subject)
    if work.cancelled or volume.status == "deleting":
        session.delete(volume)
        return
    if volume.status in MOVES["fail_creation"]:  # else an administrator has set another status
        move(session, volume, "fail_creation")
    messages.create(session, volume, "create volume", work.error or "")


create_volume = Flow("volume.create", Remote(create_disk, undo=delete_disk), Local(finish), failed=failed)
