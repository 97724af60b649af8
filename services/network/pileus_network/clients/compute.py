"""Calls of the compute service: events about the ports of its servers."""

from pileus_kit.peers import PeerRefused, Peers

UNKNOWN_SERVER = (400, 404, 422)
"""Answers of compute about an event whose server it doesn't know: it was deleted meanwhile."""


def send_network_changed(peers: Peers, server_id: str, port_id: str) -> str | None:
    """Tell compute that a port's addresses or security groups changed; return why it refused, None if it took note.

    Compute reads the port itself, so a repeated or late event does no harm.
    """
    event = {"name": "network-changed", "server_uuid": server_id, "tag": port_id}
    try:
        peers.call("compute", "POST", "/v2.1/os-server-external-events", json={"events": [event]})
    except PeerRefused as err:
        if err.status not in UNKNOWN_SERVER:
            raise
        return str(err)
    return None
