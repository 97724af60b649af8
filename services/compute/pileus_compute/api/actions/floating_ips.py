"""Associate a floating IP with a server, until microversion 2.43."""

from pileus_compute.api.actions.admin import refresh_addresses
from pileus_compute.api.schemas.types import IP, body, obj
from pileus_compute.api.server_actions import READS, AfterCommit, action
from pileus_compute.api.tools import tools
from pileus_compute.clients import network
from pileus_compute.clients.network import FloatingIP
from pileus_compute.core import server_ports
from pileus_compute.db.models import Server
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest, Conflict, NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.peers import PeerRefused
from pileus_kit.web import caller

RULE = "os_compute_api:os-floating-ips:"
LAST = (2, 43)
ADD = {(2, 1): body("addFloatingIp", obj({"address": IP, "fixed_address": IP}, ("address",)))}
REMOVE = {(2, 1): body("removeFloatingIp", obj({"address": IP}, ("address",)))}


@action("addFloatingIp", policy=RULE + "add", schemas=ADD, until=LAST, options=READS)
def add_floating_ip(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    """Let the floating IP lead to the given fixed address of the server, or else to its first IPv4 address."""
    ports = server_ports.list_ports(session, server.id)
    fixed = [(p.id, a["ip_address"]) for p in ports for a in p.fixed_ips if ":" not in a["ip_address"]]
    if value.get("fixed_address"):
        fixed = [pair for pair in fixed if pair[1] == value["fixed_address"]]
    if not fixed:
        raise BadRequest(why="No fixed IPs associated to instance")
    (port_id, fixed_address), server_id = fixed[0], server.id

    def answer() -> Answer:
        ip = _find(value["address"])
        try:
            network.associate_floating_ip(tools().peers, ip.id, port_id, fixed_address, caller())
        except PeerRefused as err:
            raise BadRequest(why=f"Unable to associate floating IP {value['address']}: {err}") from None
        with tools().sessions.read() as session:
            before = server_ports.servers_by_port(session, [ip.port_id] if ip.port_id else [])
        for changed in {server_id, *before.values()}:
            refresh_addresses(changed)
        return "", 202

    return answer


@action("removeFloatingIp", policy=RULE + "remove", schemas=REMOVE, until=LAST, options=READS)
def remove_floating_ip(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    server_id, own = server.id, server_ports.port_ids(session, server.id)

    def answer() -> Answer:
        ip = _find(value["address"])
        if ip.port_id not in own:
            raise Conflict(why=f"Floating IP {value['address']} is not associated with instance {server_id}.")
        network.disassociate_floating_ip(tools().peers, ip.id, caller())
        refresh_addresses(server_id)
        return "", 202

    return answer


def _find(address: str) -> FloatingIP:
    """Return the project's floating IP with this address. Raises NotFound."""
    found = network.list_floating_ips(tools().peers, address=address, project_id=caller().project_id, caller=caller())
    if not found:
        raise NotFound(why=f"floating IP not found: {address}")
    return found[0]
