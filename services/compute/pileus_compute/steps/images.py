"""Images of servers' disks."""

from pileus_compute.clients import image
from pileus_compute.core.tools import Tools
from pileus_compute.rpc import Upload
from pileus_compute.steps.guests import agent_of


def upload_root_disk(tools: Tools, server_id: str, image_id: str, format: str = "qcow2") -> None:
    """Have the host fill an image with the server's root disk, unless it has its data already."""
    if image.is_active(tools.peers, image_id):
        return
    ticket = image.create_ticket(tools.peers, image_id, "write")
    agent_of(tools, server_id).snapshot(server_id, Upload(image_id, ticket.url, ticket.ticket, format))
