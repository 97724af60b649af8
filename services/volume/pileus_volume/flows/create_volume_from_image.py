"""Create a volume that begins with an image: its storage host fetches the image with a ticket."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core.states import move
from pileus_volume.errors import NoBackend
from pileus_volume.flows.creations import failed, finish, place_of, unmake
from pileus_volume.flows.tickets import ticket
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import Image


def begin(session: Session, tools: Tools, work: Work) -> None:
    if "unplaced" in work.data:
        raise NoBackend(why=work.data["unplaced"])
    move(session, work.subject, "download")


def fill(tools: Tools, work: Work) -> dict[str, object]:
    image = work.data["image"]
    right = ticket(tools, image["image_id"], "read")
    disk, agent = place_of(tools, work)
    agent.create_from_image(disk, Image(ticket=right, **image))
    return {"known": {"bootable": True}}


create_volume_from_image = Flow(
    "volume.create_from_image", Local(begin), Remote(fill, undo=unmake), Local(finish), failed=failed
)
