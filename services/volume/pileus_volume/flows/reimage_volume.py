"""Replace a volume's content by an image's. It can't be undone: what fails is in error, and may be tried again."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import messages
from pileus_volume.core.states import move
from pileus_volume.db.models import Volume
from pileus_volume.flows.creations import place_of
from pileus_volume.flows.tickets import ticket
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import Image


def wipe(tools: Tools, work: Work) -> None:
    disk, agent = place_of(tools, work)
    agent.delete(disk.volume_id)


def refill(tools: Tools, work: Work) -> None:
    image = work.data["image"]
    disk, agent = place_of(tools, work)
    agent.create_from_image(disk, Image(ticket=ticket(tools, image["image_id"], "read"), **image))


def finish(session: Session, tools: Tools, work: Work) -> None:
    move(session, work.subject, "created", bootable=True, image_meta=work.data["known"])
    if work.data["after"] == "reserved":
        move(session, work.subject, "reserve")


def failed(session: Session, tools: Tools, work: Work) -> None:
    volume = session.get(Volume, work.subject)
    if volume is not None and volume.status == "downloading":
        move(session, volume, "fail_creation")
        messages.tell(session, volume, "reimage", work.error or "")


reimage_volume = Flow("volume.reimage", Remote(wipe), Remote(refill), Local(finish), failed=failed)
