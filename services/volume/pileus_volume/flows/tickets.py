"""The right to one image for a while, for hosts that hold no credentials."""

from typing import Literal

from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import Ticket

SECONDS = 3600


def ticket(tools: Tools, image_id: str, action: Literal["read", "write"]) -> Ticket:
    answer = tools.peers.call(
        "image", "POST", "/v2/tickets", json={"image_id": image_id, "action": action, "seconds": SECONDS}
    )
    return Ticket(answer["url"], answer["ticket"])
