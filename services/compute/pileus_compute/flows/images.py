"""Images for hosts: they hold no credentials, so each transfer gets a ticket."""

from typing import Any

import msgspec

from pileus_compute.core.tools import Tools
from pileus_kit.flow import Again
from pileus_kit.peers import PeerRefused

TICKET_SECONDS = 3600
PATCH, OCTETS = (
    {"Content-Type": f"application/{kind}"} for kind in ("openstack-images-v2.1-json-patch", "octet-stream")
)


def ticket(tools: Tools, image_id: str, action: str) -> dict[str, Any]:
    """A right to `read` or `write` the bytes of one image: {"url", "ticket"}, and what the bytes are."""
    wish = {"image_id": image_id, "action": action, "seconds": TICKET_SECONDS}
    answer: dict[str, Any] = tools.peers.call("image", "POST", "/v2/tickets", json=wish)
    return answer


def tickets(tools: Tools, image_ids: list[str]) -> dict[str, dict[str, Any]]:
    """A reading ticket for each: one image nearly always, at most three with kernel and ramdisk."""
    return {image_id: ticket(tools, image_id, "read") for image_id in image_ids}


def is_whole(tools: Tools, image_id: str) -> bool:
    """Whether an upload got through: its answer may have been lost."""
    status: str = tools.peers.call("image", "GET", f"/v2/images/{image_id}")["status"]
    return status == "active"


def remove(tools: Tools, image_id: str) -> None:
    """Make sure that an image of ours is gone."""
    try:
        tools.peers.call("image", "DELETE", f"/v2/images/{image_id}")
    except PeerRefused as err:
        if err.status != 404:
            raise


def set_property(tools: Tools, image_id: str, name: str, value: str) -> None:
    change = [{"op": "add", "path": f"/{name}", "value": value}]
    tools.peers.send("image", "PATCH", f"/v2/images/{image_id}", data=msgspec.json.encode(change), headers=PATCH)


def fill_with_nothing(tools: Tools, image_id: str) -> None:
    """Make an image active that has no data. An upload that died has its lease a while: then again."""
    try:
        tools.peers.send("image", "PUT", f"/v2/images/{image_id}/file", data=b"", headers=OCTETS)
    except PeerRefused as err:
        if err.status == 409:
            raise Again(why=f"image {image_id}: {err}") from None
        raise
