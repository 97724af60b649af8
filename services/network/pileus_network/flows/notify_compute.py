"""Tells compute that the addresses or security groups of a server's port changed: compute keeps a record of them."""

from pileus_kit.context import Work
from pileus_kit.flow import Flow, Remote
from pileus_network.clients import compute
from pileus_network.clients.tools import Tools
from pileus_network.core.compute_events import FLOW, PortChanged

PATIENCE_S = 3600.0


def send_event(tools: Tools, work: Work) -> dict[str, object] | None:
    changed = work.data_as(PortChanged)
    refused = compute.send_network_changed(tools.peers, changed.server, changed.port)
    return {"refused": refused} if refused else None


notify_compute = Flow(FLOW, Remote(send_event, patience_s=PATIENCE_S))
