"""Tell compute that the addresses or groups of a server changed: it shows them from its own record."""

from dataclasses import dataclass
from typing import Any

from pileus_kit.context import Work
from pileus_kit.flow import Flow, Remote
from pileus_kit.peers import PeerRefused, Peers
from pileus_network.core.compute_events import FLOW

PATIENCE_S = 3600.0


@dataclass(frozen=True)
class Tools:
    """What the worker's flows work with."""

    peers: Peers


def send_event(tools: Tools, work: Work) -> dict[str, Any] | None:
    """Compute looks them up itself, so a repeated or late event does no harm."""
    event = {"name": "network-changed", "server_uuid": work.data["server"], "tag": work.data["port"]}
    try:
        tools.peers.call("compute", "POST", "/v2.1/os-server-external-events", json={"events": [event]})
    except PeerRefused as err:
        if err.status not in (400, 404, 422):  # the server is gone: there is nobody left to tell
            raise
        return {"refused": str(err)}
    return None


notify_compute = Flow(FLOW, Remote(send_event, patience_s=PATIENCE_S))
