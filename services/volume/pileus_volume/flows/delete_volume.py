"""Delete a volume. It can't be undone: one that can't be deleted is in error_deleting and may be deleted again."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import messages, volumes
from pileus_volume.core.job_data import DeleteVolumeData
from pileus_volume.core.states import move
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Volume


def _volume_id(work: Work) -> str:
    return work.data_as(DeleteVolumeData).volume_id or work.subject


def delete_disk(tools: Tools, work: Work) -> None:
    host = work.data_as(DeleteVolumeData).host
    if host:
        tools.agent_of(host).delete(_volume_id(work))


def delete_rows(session: Session, tools: Tools, work: Work) -> None:
    volumes.delete_rows(session, _volume_id(work))


def failed(session: Session, tools: Tools, work: Work) -> None:
    volume = session.get(Volume, _volume_id(work))
    if volume is not None and volume.status == "deleting":
        move(session, volume, "fail_deletion")
        messages.create(session, volume, "delete volume", work.error or "")


delete_volume = Flow("volume.delete", Remote(delete_disk), Local(delete_rows), failed=failed, ends=True)
