"""Replace a volume's content by an image's. It can't be undone: a volume that failed is in error and may be reimaged
again."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import messages
from pileus_volume.core.job_data import ReimageVolumeData
from pileus_volume.core.states import move
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Volume
from pileus_volume.flows.create_volume_from_image import image_with_ticket
from pileus_volume.rpc import Disk


def delete_disk(tools: Tools, work: Work) -> None:
    tools.agent_of(work.data_as(ReimageVolumeData).host).delete(work.subject)


def fill(tools: Tools, work: Work) -> None:
    data = work.data_as(ReimageVolumeData)
    image = image_with_ticket(tools, data.image)
    tools.agent_of(data.host).create_from_image(Disk(work.subject, data.size), image)


def finish(session: Session, tools: Tools, work: Work) -> None:
    data = work.data_as(ReimageVolumeData)
    move(session, work.subject, "created", bootable=True, image_meta=data.image_properties)
    if data.status_after == "reserved":
        move(session, work.subject, "reserve")


def failed(session: Session, tools: Tools, work: Work) -> None:
    volume = session.get(Volume, work.subject)
    if volume is not None and volume.status == "downloading":
        move(session, volume, "fail_creation")
        messages.create(session, volume, "reimage volume", work.error or "")


reimage_volume = Flow("volume.reimage", Remote(delete_disk), Remote(fill), Local(finish), failed=failed)
