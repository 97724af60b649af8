"""What administrators do with a server's record: set its status, read its addresses again."""

from pileus_compute.api.schemas.types import body, obj
from pileus_compute.api.server_actions import READS, AfterCommit, action
from pileus_compute.api.tools import tools
from pileus_compute.core import server_ports, servers
from pileus_compute.db.models import Server
from pileus_compute.flows.refresh_addresses import current_ports
from pileus_kit.db import Session
from pileus_kit.json_types import Answer, JsonObject

RESET = {(2, 1): body("os-resetState", obj({"state": {"type": "string", "enum": ["active", "error"]}}, ("state",)))}


@action("os-resetState", policy="os_compute_api:os-admin-actions:reset_state", schemas=RESET)
def reset_state(session: Session, server: Server, value: JsonObject) -> Answer:
    """Set the status to what the administrator says. Jobs of the server go on."""
    servers.reset_status(session, server, {"active": "ACTIVE", "error": "ERROR"}[value["state"]])
    return "", 202


def refresh_addresses(server_id: str) -> None:
    """Record what the network service says now, before we answer: clients read it right after."""
    current = current_ports(tools(), server_id)
    with tools().sessions.begin() as session:
        server_ports.update(session, server_id, current)


@action("injectNetworkInfo", policy="os_compute_api:os-admin-actions:inject_network_info", options=READS)
def inject_network_info(session: Session, server: Server, value: object) -> AfterCommit:
    """Read the server's addresses again, in case an event of the network service was lost."""
    server_id = server.id

    def answer() -> Answer:
        refresh_addresses(server_id)
        return "", 202

    return answer
