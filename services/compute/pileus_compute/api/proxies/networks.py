"""Floating IPs and networks as compute showed them till 2.35, and the actions on addresses till 2.43."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.api.schemas import IP, body, obj
from pileus_compute.api.server_actions import action
from pileus_compute.api.server_external_events import follow
from pileus_compute.clients import network as network_client
from pileus_compute.clients.network import FloatingIP, Network
from pileus_compute.db.models import Server, ServerPort
from pileus_kit.errors import BadRequest, Conflict, NotFound
from pileus_kit.json_types import JsonObject
from pileus_kit.peers import PeerRefused
from pileus_kit.web import Resource, caller, tools

resource = Resource("network_proxy", __name__, url_prefix="/v2.1")
FIPS = "os_compute_api:os-floating-ips:"
LAST, LAST_ACTION = (2, 35), (2, 43)

POOL = {
    (2, 1): {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {"pool": {"type": ["string", "null"], "maxLength": 255}},
    }
}
ADD = {(2, 1): body("addFloatingIp", obj({"address": IP, "fixed_address": IP}, ("address",)))}
REMOVE = {(2, 1): body("removeFloatingIp", obj({"address": IP}, ("address",)))}


@contextmanager
def _finding() -> Iterator[None]:
    """Answer the network service's 404 with ours."""
    try:
        yield
    except PeerRefused as err:
        if err.status == 404:
            raise NotFound(why=str(err)) from None
        raise


def _pools() -> dict[str, str]:
    """External networks: id -> name."""
    with _finding():
        listed = network_client.list_networks(tools().peers, external=True, brief=True, caller=caller())
    return {network.id: network.name for network in listed}


def _floating_ip_view(ip: FloatingIP, pools: dict[str, str], servers: dict[str, str]) -> JsonObject:
    return {
        "id": ip.id,
        "ip": ip.address,
        "fixed_ip": ip.fixed_address,
        "pool": pools.get(ip.network_id, ip.network_id),
        "instance_id": servers.get(ip.port_id or ""),
    }


def _servers(ips: Sequence[FloatingIP]) -> dict[str, str]:
    """Port id -> server, of the ports that these floating IPs lead to."""
    ids = [ip.port_id for ip in ips if ip.port_id]
    with tools().sessions.read() as session:
        rows = session.execute(select(ServerPort.id, ServerPort.server_id).where(ServerPort.id.in_(ids)))
        return {row.id: row.server_id for row in rows}


@resource.endpoint("GET", "/os-floating-ip-pools", policy="os_compute_api:os-floating-ip-pools", until=LAST)
def pools() -> Any:
    return {"floating_ip_pools": [{"name": name} for name in sorted(_pools().values())]}


@resource.endpoint("GET", "/os-floating-ips", policy=FIPS + "list", until=LAST)
def index() -> Any:
    with _finding():
        ips = network_client.list_floating_ips(tools().peers, project_id=caller().project_id, caller=caller())
    known, servers = _pools(), _servers(ips)
    return {"floating_ips": [_floating_ip_view(ip, known, servers) for ip in ips]}


@resource.endpoint("GET", "/os-floating-ips/<ip_id>", policy=FIPS + "show", until=LAST)
def show(ip_id: str) -> Any:
    with _finding():
        ip = network_client.show_floating_ip(tools().peers, ip_id, caller())
    return {"floating_ip": _floating_ip_view(ip, _pools(), _servers([ip]))}


@resource.endpoint("POST", "/os-floating-ips", policy=FIPS + "create", body=POOL, until=LAST)
def create(body: dict[str, Any] | None) -> Any:
    wanted, known = (body or {}).get("pool"), _pools()
    chosen = next((i for i, name in known.items() if wanted in (None, i, name)), None)
    if chosen is None:
        raise NotFound(why=f"Floating IP pool {wanted} not found.")
    with _finding():
        made = network_client.create_floating_ip(tools().peers, chosen, caller())
    return {"floating_ip": _floating_ip_view(made, known, {})}


@resource.endpoint("DELETE", "/os-floating-ips/<ip_id>", policy=FIPS + "delete", until=LAST)
def delete(ip_id: str) -> Any:
    with _finding():
        network_client.delete_floating_ip(tools().peers, ip_id, caller())
    return "", 202


def _find_floating_ip(address: str) -> FloatingIP:
    with _finding():
        found = network_client.list_floating_ips(
            tools().peers, address=address, project_id=caller().project_id, caller=caller()
        )
    if not found:
        raise NotFound(why=f"floating IP not found: {address}")
    return found[0]


@action("addFloatingIp", policy="os-floating-ips:add", schemas=ADD, until=LAST_ACTION, writes=False)
def add_floating(session: Session, server: Server, value: Any) -> Any:
    ports = list(
        session.scalars(select(ServerPort).where(ServerPort.server_id == server.id).order_by(ServerPort.position))
    )
    fixed = [(p.id, a["ip_address"]) for p in ports for a in p.fixed_ips if ":" not in a["ip_address"]]
    if value.get("fixed_address"):
        fixed = [f for f in fixed if f[1] == value["fixed_address"]]
    if not fixed:
        raise BadRequest(why="No fixed IPs associated to instance")

    def answer() -> Any:
        ip = _find_floating_ip(value["address"])
        port_id, fixed_address = fixed[0]
        try:
            with _finding():
                network_client.associate_floating_ip(tools().peers, ip.id, port_id, fixed_address, caller())
        except PeerRefused as err:
            raise BadRequest(why=f"Unable to associate floating IP {value['address']}: {err}") from None
        for server_id in {server.id, *_servers([ip]).values()}:  # it may have led to another server before
            follow(server_id)
        return "", 202

    return answer


@action("removeFloatingIp", policy="os-floating-ips:remove", schemas=REMOVE, until=LAST_ACTION, writes=False)
def delete_floating(session: Session, server: Server, value: Any) -> Any:
    mine = set(session.scalars(select(ServerPort.id).where(ServerPort.server_id == server.id)))

    def answer() -> Any:
        ip = _find_floating_ip(value["address"])
        if ip.port_id not in mine:
            raise Conflict(why=f"Floating IP {value['address']} is not associated with instance {server.id}.")
        with _finding():
            network_client.disassociate_floating_ip(tools().peers, ip.id, caller())
        follow(server.id)
        return "", 202

    return answer


def _network_view(network: Network) -> JsonObject:
    return {"id": network.id, "label": network.name, "cidr": None}


def _index_networks() -> JsonObject:
    with _finding():
        listed = network_client.list_networks(tools().peers, brief=True, caller=caller())
    return {"networks": [_network_view(network) for network in listed]}


def _show_network(network_id: str) -> JsonObject:
    with _finding():
        return {"network": _network_view(network_client.show_network(tools().peers, network_id, caller()))}


@resource.endpoint("GET", "/os-tenant-networks", policy="os_compute_api:os-tenant-networks:list", until=LAST)
def tenant_networks() -> Any:
    return _index_networks()


@resource.endpoint(
    "GET", "/os-tenant-networks/<network_id>", until=LAST, policy="os_compute_api:os-tenant-networks:show"
)
def tenant_network(network_id: str) -> Any:
    return _show_network(network_id)


@resource.endpoint("GET", "/os-networks", policy="os_compute_api:os-networks:list", until=LAST)
def networks() -> Any:
    return _index_networks()


@resource.endpoint("GET", "/os-networks/<network_id>", policy="os_compute_api:os-networks:show", until=LAST)
def network(network_id: str) -> Any:
    return _show_network(network_id)
