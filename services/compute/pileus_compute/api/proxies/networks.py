"""Floating IPs and networks as compute showed them till 2.35, and the actions on addresses till 2.43."""

from typing import Any
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.api.schemas import IP, body, obj
from pileus_compute.api.server_actions import action
from pileus_compute.api.server_external_events import follow
from pileus_compute.db.models import Server, ServerPort
from pileus_kit.errors import BadRequest, Conflict, NotFound
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


def _call(method: str, path: str, json: Any = None) -> Any:
    try:
        return tools().peers.call("network", method, f"/v2.0{path}", caller=caller(), json=json)
    except PeerRefused as err:
        if err.status == 404:
            raise NotFound(why=str(err)) from None
        raise


def _pools() -> dict[str, str]:
    """External networks: id -> name."""
    listed = _call("GET", "/networks?router:external=True&fields=id&fields=name")["networks"]
    return {n["id"]: n["name"] for n in listed}


def _show(ip: dict[str, Any], pools: dict[str, str], servers: dict[str, str]) -> dict[str, Any]:
    return {
        "id": ip["id"],
        "ip": ip["floating_ip_address"],
        "fixed_ip": ip.get("fixed_ip_address"),
        "pool": pools.get(ip["floating_network_id"], ip["floating_network_id"]),
        "instance_id": servers.get(ip.get("port_id") or ""),
    }


def _servers(ips: list[dict[str, Any]]) -> dict[str, str]:
    ids = [ip["port_id"] for ip in ips if ip.get("port_id")]
    with tools().sessions.read() as session:
        rows = session.execute(select(ServerPort.id, ServerPort.server_id).where(ServerPort.id.in_(ids)))
        return {row.id: row.server_id for row in rows}


@resource.endpoint("GET", "/os-floating-ip-pools", policy="os_compute_api:os-floating-ip-pools", until=LAST)
def pools() -> Any:
    return {"floating_ip_pools": [{"name": name} for name in sorted(_pools().values())]}


@resource.endpoint("GET", "/os-floating-ips", policy=FIPS + "list", until=LAST)
def index() -> Any:
    ips = _call("GET", f"/floatingips?project_id={caller().project_id}")["floatingips"]
    known, servers = _pools(), _servers(ips)
    return {"floating_ips": [_show(ip, known, servers) for ip in ips]}


@resource.endpoint("GET", "/os-floating-ips/<ip_id>", policy=FIPS + "show", until=LAST)
def show(ip_id: str) -> Any:
    ip = _call("GET", f"/floatingips/{quote(ip_id, safe='')}")["floatingip"]
    return {"floating_ip": _show(ip, _pools(), _servers([ip]))}


@resource.endpoint("POST", "/os-floating-ips", policy=FIPS + "create", body=POOL, until=LAST)
def create(body: dict[str, Any] | None) -> Any:
    wanted, known = (body or {}).get("pool"), _pools()
    chosen = next((i for i, name in known.items() if wanted in (None, i, name)), None)
    if chosen is None:
        raise NotFound(why=f"Floating IP pool {wanted} not found.")
    made = _call("POST", "/floatingips", {"floatingip": {"floating_network_id": chosen}})["floatingip"]
    return {"floating_ip": _show(made, known, {})}


@resource.endpoint("DELETE", "/os-floating-ips/<ip_id>", policy=FIPS + "delete", until=LAST)
def delete(ip_id: str) -> Any:
    _call("DELETE", f"/floatingips/{quote(ip_id, safe='')}")
    return "", 202


def _floating(address: str) -> dict[str, Any]:
    found = _call("GET", f"/floatingips?floating_ip_address={address}&project_id={caller().project_id}")["floatingips"]
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
        ip = _floating(value["address"])
        change = {"port_id": fixed[0][0], "fixed_ip_address": fixed[0][1]}
        try:
            _call("PUT", f"/floatingips/{ip['id']}", {"floatingip": change})
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
        ip = _floating(value["address"])
        if ip.get("port_id") not in mine:
            raise Conflict(why=f"Floating IP {value['address']} is not associated with instance {server.id}.")
        _call("PUT", f"/floatingips/{ip['id']}", {"floatingip": {"port_id": None}})
        follow(server.id)
        return "", 202

    return answer


def _network_view(network: dict[str, Any]) -> dict[str, Any]:
    return {"id": network["id"], "label": network["name"], "cidr": None}


@resource.endpoint("GET", "/os-tenant-networks", policy="os_compute_api:os-tenant-networks:list", until=LAST)
def tenant_networks() -> Any:
    return {"networks": [_network_view(n) for n in _call("GET", "/networks?fields=id&fields=name")["networks"]]}


@resource.endpoint(
    "GET", "/os-tenant-networks/<network_id>", until=LAST, policy="os_compute_api:os-tenant-networks:show"
)
def tenant_network(network_id: str) -> Any:
    return {"network": _network_view(_call("GET", f"/networks/{quote(network_id, safe='')}")["network"])}


@resource.endpoint("GET", "/os-networks", policy="os_compute_api:os-networks:list", until=LAST)
def networks() -> Any:
    return {"networks": [_network_view(n) for n in _call("GET", "/networks?fields=id&fields=name")["networks"]]}


@resource.endpoint("GET", "/os-networks/<network_id>", policy="os_compute_api:os-networks:show", until=LAST)
def network(network_id: str) -> Any:
    return {"network": _network_view(_call("GET", f"/networks/{quote(network_id, safe='')}")["network"])}
