"""Send a volume's content to an image that the image service has created already."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Again, Flow, Local, Remote, Work
from pileus_volume.clients import image
from pileus_volume.clients.assisted_snapshots import remove_snapshot, take_snapshot
from pileus_volume.core import messages
from pileus_volume.core.job_data import UploadVolumeData
from pileus_volume.core.states import move
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Volume

SAVING_PAUSE_S = 2.0


def take_temporary_snapshot(tools: Tools, work: Work) -> None:
    """The volume may be written to meanwhile, so a snapshot of it, named like the image, is sent."""
    data = work.data_as(UploadVolumeData)
    take_snapshot(tools.peers, tools.agent_of(data.host), work.subject, data.image_id)


def remove_temporary_snapshot(tools: Tools, work: Work) -> None:
    data = work.data_as(UploadVolumeData)
    remove_snapshot(tools.peers, tools.agent_of(data.host), work.subject, data.image_id)


def send(tools: Tools, work: Work) -> None:
    data = work.data_as(UploadVolumeData)
    status = image.get_status(tools.peers, data.image_id)
    if status == "active":  # an earlier attempt succeeded
        return
    if status == "saving":
        raise Again(after=SAVING_PAUSE_S, why="an earlier attempt is still writing the image, or has died doing so")
    ticket = image.create_ticket(tools.peers, data.image_id, "write")
    tools.agent_of(data.host).upload(work.subject, data.image_id, data.disk_format, ticket)


def remove_snapshot_and_image(tools: Tools, work: Work) -> None:
    """Delete the image, too: without content it is useless."""
    remove_temporary_snapshot(tools, work)
    image.delete_image(tools.peers, work.data_as(UploadVolumeData).image_id)


def finish(session: Session, tools: Tools, work: Work) -> None:
    move(session, work.subject, "uploaded")


def failed(session: Session, tools: Tools, work: Work) -> None:
    volume = session.get(Volume, work.subject)
    if volume is not None and volume.status == "uploading":
        move(session, volume, "uploaded")
        messages.create(session, volume, "upload volume", work.error or "")


upload_volume = Flow(
    "volume.upload",
    Remote(take_temporary_snapshot, undo=remove_snapshot_and_image),
    Remote(send),
    Remote(remove_temporary_snapshot),
    Local(finish),
    failed=failed,
)
