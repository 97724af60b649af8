"""Images for hosts: they hold no credentials, so each transfer gets a ticket."""

from pileus_compute.clients import image
from pileus_compute.core.guests import ImageTicket
from pileus_compute.core.tools import Tools
from pileus_kit.flow import Again


def ticket(tools: Tools, image_id: str, action: str) -> ImageTicket:
    return image.create_ticket(tools.peers, image_id, action)


def tickets(tools: Tools, image_ids: list[str]) -> dict[str, ImageTicket]:
    return image.create_read_tickets(tools.peers, image_ids)


def is_whole(tools: Tools, image_id: str) -> bool:
    return image.is_active(tools.peers, image_id)


def remove(tools: Tools, image_id: str) -> None:
    image.ensure_image_deleted(tools.peers, image_id)


def set_property(tools: Tools, image_id: str, name: str, value: str) -> None:
    image.set_property(tools.peers, image_id, name, value)


def fill_with_nothing(tools: Tools, image_id: str) -> None:
    if not image.upload_nothing(tools.peers, image_id):
        raise Again(why=f"image {image_id} is held by an earlier upload")
