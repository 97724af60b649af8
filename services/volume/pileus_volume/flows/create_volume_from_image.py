"""Create a volume with the content of an image, which its storage host fetches with a ticket."""

from dataclasses import asdict

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.clients.image import create_ticket
from pileus_volume.core.images import ImageContent
from pileus_volume.core.job_data import CreateVolumeData
from pileus_volume.core.states import move
from pileus_volume.core.tools import Tools
from pileus_volume.errors import NoValidBackend
from pileus_volume.flows.create_volume import delete_disk, disk_and_agent, failed, finish
from pileus_volume.rpc import Image


def image_with_ticket(tools: Tools, image: ImageContent) -> Image:
    """The image as a storage host needs it."""
    return Image(ticket=create_ticket(tools.peers, image.image_id, "read"), **asdict(image))


def begin(session: Session, tools: Tools, work: Work) -> None:
    why = work.data_as(CreateVolumeData).no_valid_backend
    if why is not None:
        raise NoValidBackend(why=why)
    move(session, work.subject, "download")


def fill(tools: Tools, work: Work) -> dict[str, object]:
    image = work.data_as(CreateVolumeData).image
    assert image is not None
    disk, agent = disk_and_agent(tools, work)
    agent.create_from_image(disk, image_with_ticket(tools, image))
    return {"bootable": True}


create_volume_from_image = Flow(
    "volume.create_from_image", Local(begin), Remote(fill, undo=delete_disk), Local(finish), failed=failed
)
