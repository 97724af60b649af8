"""`/os-floating-ips` and their pools until microversion 2.35: the network service's floating IPs."""

from collections.abc import Iterable

from pileus_compute.api.tools import tools
from pileus_compute.clients import network
from pileus_compute.clients.network import FloatingIP
from pileus_compute.core import server_ports
from pileus_kit.errors import NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

resource = Resource("floating_ip_proxy", __name__, url_prefix="/v2.1")
RULE = "os_compute_api:os-floating-ips:"
LAST = (2, 35)

CREATE = {
    (2, 1): {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {"pool": {"type": ["string", "null"], "maxLength": 255}},
    }
}


def _pools() -> dict[str, str]:
    """Return the names of the external networks, by id."""
    return {n.id: n.name for n in network.list_networks(tools().peers, external=True, brief=True, caller=caller())}


def _servers(ips: Iterable[FloatingIP]) -> dict[str, str]:
    """Return the servers that the floating IPs lead to, by port."""
    with tools().sessions.read() as session:
        return server_ports.servers_by_port(session, [ip.port_id for ip in ips if ip.port_id])


def floating_ip_view(ip: FloatingIP, pools: dict[str, str], servers: dict[str, str]) -> JsonObject:
    return {
        "id": ip.id,
        "ip": ip.address,
        "fixed_ip": ip.fixed_address,
        "pool": pools.get(ip.network_id, ip.network_id),
        "instance_id": servers.get(ip.port_id or ""),
    }


@resource.endpoint("GET", "/os-floating-ip-pools", policy="os_compute_api:os-floating-ip-pools", until=LAST)
def index_pools() -> Answer:
    return {"floating_ip_pools": [{"name": name} for name in sorted(_pools().values())]}


@resource.endpoint("GET", "/os-floating-ips", policy=RULE + "list", until=LAST)
def index() -> Answer:
    ips = network.list_floating_ips(tools().peers, project_id=caller().project_id, caller=caller())
    pools, servers = _pools(), _servers(ips)
    return {"floating_ips": [floating_ip_view(ip, pools, servers) for ip in ips]}


@resource.endpoint("GET", "/os-floating-ips/<ip_id>", policy=RULE + "show", until=LAST)
def show(ip_id: str) -> Answer:
    ip = network.show_floating_ip(tools().peers, ip_id, caller())
    return {"floating_ip": floating_ip_view(ip, _pools(), _servers([ip]))}


@resource.endpoint("POST", "/os-floating-ips", policy=RULE + "create", body=CREATE, until=LAST)
def create(body: JsonObject | None) -> Answer:
    asked, pools = (body or {}).get("pool"), _pools()
    network_id = next((i for i, name in pools.items() if asked in (None, i, name)), None)
    if network_id is None:
        raise NotFound(why=f"Floating IP pool {asked} not found.")
    ip = network.create_floating_ip(tools().peers, network_id, caller())
    return {"floating_ip": floating_ip_view(ip, pools, {})}


@resource.endpoint("DELETE", "/os-floating-ips/<ip_id>", policy=RULE + "delete", until=LAST)
def delete(ip_id: str) -> Answer:
    network.delete_floating_ip(tools().peers, ip_id, caller())
    return "", 202
