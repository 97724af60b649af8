"""What requests to move a server have in common."""

from pileus_compute.api.tools import tools
from pileus_compute.clients import image as image_client
from pileus_compute.core import hosts
from pileus_compute.db.models import Server
from pileus_compute.errors import SourceIsDown
from pileus_kit import hosts as host_rows
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest
from pileus_kit.peers import PeerRefused
from pileus_kit.web import caller


def is_up(session: Session, host: str) -> bool:
    """Whether the host reports and wasn't declared down."""
    return host_rows.is_up(hosts.find(session, host), tools().config.host_silence_s)


def require_source(session: Session, server: Server) -> None:
    """Raise SourceIsDown unless the server's host is up: it has to stop the guest and give its disks away."""
    if server.host and not is_up(session, server.host):
        raise SourceIsDown()


def new_disk_images(server: Server) -> dict[str, str]:
    """Make an image without data, with the user's own rights, for each local disk that has to travel to another host.
    The flow fills them, and deletes them when the server is there. They are hidden from lists."""
    disks = ["root"] if server.image_id else []
    disks += ["0"] if server.flavor["ephemeral_gib"] else []
    return {disk: _new_image(server, disk) for disk in disks}


def _new_image(server: Server, disk: str) -> str:
    view = {
        "name": f"disk {disk} of server {server.id} on its way to another host",
        "disk_format": "qcow2",
        "container_format": "bare",
        "visibility": "private",
        "os_hidden": True,
        "instance_uuid": server.id,
    }
    try:
        return image_client.create_image(tools().peers, view, caller())
    except PeerRefused as err:
        if err.status in (400, 403, 413):
            raise BadRequest(why=str(err)) from None
        raise
