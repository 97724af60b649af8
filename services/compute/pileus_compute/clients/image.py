"""Calls of the image service: images, their data, and tickets with which a host transfers it."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

import msgspec

from pileus_compute.core.guests import ImageTicket
from pileus_kit.auth import Caller
from pileus_kit.json_types import JsonObject
from pileus_kit.peers import PeerRefused, Peers

TICKET_S = 3600
PATCH, OCTETS = (
    {"Content-Type": f"application/{kind}"} for kind in ("openstack-images-v2.1-json-patch", "octet-stream")
)


def show_image(peers: Peers, image_id: str, caller: Caller | None = None) -> JsonObject:
    """The image as the image service shows it: users give images properties of any name."""
    image: JsonObject = peers.call("image", "GET", f"/v2/images/{quote(image_id, safe='')}", caller=caller)
    return image


def list_images(peers: Peers, filters: Iterable[tuple[str, str]], caller: Caller | None = None) -> list[JsonObject]:
    """One page of images. `filters`: in the image service's words."""
    listed: list[JsonObject] = peers.call("image", "GET", f"/v2/images?{urlencode(list(filters))}", caller=caller)[
        "images"
    ]
    return listed


def create_image(peers: Peers, view: Mapping[str, object], caller: Caller) -> str:
    """Make an image without data. Returns its id."""
    return str(peers.call("image", "POST", "/v2/images", caller=caller, json=view)["id"])


def delete_image(peers: Peers, image_id: str, caller: Caller) -> None:
    peers.call("image", "DELETE", f"/v2/images/{quote(image_id, safe='')}", caller=caller)


def ensure_image_deleted(peers: Peers, image_id: str) -> None:
    """Make sure that an image is gone."""
    try:
        peers.call("image", "DELETE", f"/v2/images/{image_id}")
    except PeerRefused as err:
        if err.status != 404:
            raise


def is_active(peers: Peers, image_id: str) -> bool:
    """Whether the image has all its data: the answer of an upload may have been lost."""
    return bool(show_image(peers, image_id)["status"] == "active")


def patch_image(peers: Peers, image_id: str, changes: Iterable[JsonObject], caller: Caller | None = None) -> None:
    """Apply a JSON patch to the image's properties."""
    path = f"/v2/images/{quote(image_id, safe='')}"
    peers.send("image", "PATCH", path, caller=caller, data=msgspec.json.encode(list(changes)), headers=PATCH)


def set_property(peers: Peers, image_id: str, name: str, value: str) -> None:
    patch_image(peers, image_id, [{"op": "add", "path": f"/{name}", "value": value}])


def upload_nothing(peers: Peers, image_id: str) -> bool:
    """Make an image active that has no data. False while an earlier upload, whose sender died, still holds it."""
    try:
        peers.send("image", "PUT", f"/v2/images/{image_id}/file", data=b"", headers=OCTETS)
    except PeerRefused as err:
        if err.status == 409:
            return False
        raise
    return True


def public_url(peers: Peers, image_id: str) -> str:
    """Where a client finds the image."""
    return f"{peers.endpoint('image')}/v2/images/{image_id}"


def bookmark_url(peers: Peers, image_id: str) -> str:
    """The image's address without a version."""
    return f"{peers.endpoint('image')}/images/{image_id}"


def create_ticket(peers: Peers, image_id: str, action: str) -> ImageTicket:
    """A right to `read` or `write` the data of one image, for a host, which holds no credentials."""
    body = {"image_id": image_id, "action": action, "seconds": TICKET_S}
    view: JsonObject = peers.call("image", "POST", "/v2/tickets", json=body)
    return ImageTicket(
        view["url"],
        view["ticket"],
        view.get("format"),
        view.get("size"),
        view.get("virtual_size"),
        view.get("sha256"),
    )


def create_read_tickets(peers: Peers, image_ids: Iterable[str]) -> dict[str, ImageTicket]:
    """A ticket for reading each image: one nearly always, at most three with a kernel and a ramdisk."""
    return {image_id: create_ticket(peers, image_id, "read") for image_id in image_ids}
