"""Make a disk that a backend has already a volume's. If that fails, the disk has the name that it had before."""

from sqlalchemy.orm import Session

from pileus_kit.db import now
from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import managed_volumes, messages, quotas
from pileus_volume.core.job_data import ManageVolumeData
from pileus_volume.core.states import MOVES, move
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Volume


def adopt(tools: Tools, work: Work) -> dict[str, object]:
    data = work.data_as(ManageVolumeData)
    with tools.sessions.read() as session:
        managed_volumes.check_unmanaged(session, data.name)
    return {"size": tools.agent_named(data.host).adopt(work.subject, data.name).size_gib}


def disown(tools: Tools, work: Work) -> None:
    data = work.data_as(ManageVolumeData)
    tools.agent_named(data.host).disown(work.subject, data.name)


def finish(session: Session, tools: Tools, work: Work) -> None:
    """The volume counts from now on, if the quota admits it."""
    size, volume = work.data_as(ManageVolumeData).size, session.get_one(Volume, work.subject)
    quotas.check(session, volume.project_id, volume.type, gigabytes=size, volume_size=size)
    move(session, volume, "managed", size=size, claimed=size, launched_at=now())


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Delete the row if the volume was deleted meanwhile; else set it to error_managing and leave a message."""
    volume = session.get(Volume, work.subject)
    if volume is None:
        return
    if work.cancelled or volume.status == "deleting":
        session.delete(volume)
        return
    if volume.status in MOVES["fail_managing"]:  # else an administrator has set another status
        move(session, volume, "fail_managing")
    messages.create(session, volume, "manage volume", work.error or "")


manage_volume = Flow("volume.manage", Remote(adopt, undo=disown), Local(finish), failed=failed)
