"""The image service: images as a caller sees them, and tickets with which storage hosts read and write them."""

from dataclasses import dataclass
from typing import Any, Literal

from pileus_kit.auth import Caller
from pileus_kit.peers import PeerRefused, Peers
from pileus_volume.core.images import SourceImage
from pileus_volume.core.visibility import is_service
from pileus_volume.errors import ImageNotFound, InvalidImage
from pileus_volume.rpc import Ticket

ImageJson = dict[str, Any]
"""An image as the image service shows it: any property may be among its own."""
TICKET_S = 3600
TICKET_TO_LOOK_S = 1
NOT_FOUND = 404
NOT_KEPT = frozenset(
    {  # properties of an image that its volumes don't keep
        "self",
        "file",
        "schema",
        "locations",
        "direct_url",
        "owner",
        "visibility",
        "protected",
        "tags",
        "created_at",
        "updated_at",
        "status",
        "id",
        "name",
        "os_hidden",
        "stores",
        "virtual_size",
        "os_hash_algo",
        "os_hash_value",
    }
)


@dataclass(frozen=True)
class NewImage:
    """An image that the image service has just created; it has no content yet."""

    id: str
    name: str
    disk_format: str
    container_format: str
    protected: bool


def get_image(peers: Peers, image_id: str, caller: Caller) -> SourceImage:
    """An active image, read with the caller's own token, so that the image service checks their rights.

    A service that creates a volume for a server has no token of the server's user, but has checked their rights before.
    Raises ImageNotFound, or InvalidImage if the image isn't active.
    """
    if "/" in image_id or "?" in image_id:
        raise ImageNotFound()
    try:
        image: ImageJson = (
            _get_as_service(peers, image_id)
            if is_service(caller)
            else peers.call("image", "GET", f"/v2/images/{image_id}", caller=caller)
        )
    except PeerRefused as err:
        raise ImageNotFound() from err
    if image["status"] != "active":
        raise InvalidImage(image=image_id, why=f"it must be active, not {image['status']}")
    kept = {name: value for name, value in image.items() if name not in NOT_KEPT and value is not None}
    return SourceImage(
        image_id,
        image["disk_format"],
        image.get("os_hash_algo") or "",
        image.get("os_hash_value") or "",
        image.get("size") or 0,
        image.get("virtual_size") or 0,
        image.get("min_disk") or 0,
        {"image_id": image_id, "image_name": image.get("name") or "", **kept},
    )


def _get_as_service(peers: Peers, image_id: str) -> ImageJson:
    """The image as it comes with a ticket, which the image service gives to services only."""
    request = {"image_id": image_id, "action": "read", "seconds": TICKET_TO_LOOK_S}
    image: ImageJson = peers.call("image", "POST", "/v2/tickets", json=request)["image"]
    return image


def get_status(peers: Peers, image_id: str) -> str:
    """The image's status, read as this service."""
    return str(peers.call("image", "GET", f"/v2/images/{image_id}")["status"])


def create_image(peers: Peers, caller: Caller, properties: ImageJson) -> NewImage:
    """Create the caller's image, without content. Raises InvalidImage if the image service refuses it."""
    try:
        image = peers.call("image", "POST", "/v2/images", caller=caller, json=properties)
    except PeerRefused as err:
        raise InvalidImage(image=properties["name"], why=str(err)) from err
    return NewImage(
        image["id"], image["name"], image["disk_format"], image["container_format"], image.get("protected", False)
    )


def delete_image(peers: Peers, image_id: str) -> None:
    """Delete the image as this service; an image that is gone is no error."""
    try:
        peers.call("image", "DELETE", f"/v2/images/{image_id}")
    except PeerRefused as err:
        if err.status != NOT_FOUND:
            raise


def create_ticket(peers: Peers, image_id: str, action: Literal["read", "write"]) -> Ticket:
    """The right to read or write one image for an hour, for a storage host, which holds no credentials."""
    request = {"image_id": image_id, "action": action, "seconds": TICKET_S}
    answer = peers.call("image", "POST", "/v2/tickets", json=request)
    return Ticket(answer["url"], answer["ticket"])
