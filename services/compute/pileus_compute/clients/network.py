"""Calls of the network service: networks, subnets, ports and floating IPs. Its security groups are in a file of their
own."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from pileus_compute.core.network_data import Subnet
from pileus_kit.auth import Caller
from pileus_kit.json_types import JsonObject
from pileus_kit.peers import PeerRefused, Peers

DEVICE_OWNER = "compute:nova"
BRIEF = ("id", "name")
NETWORK_FIELDS = (
    *BRIEF,
    "mtu",
    "shared",
    "project_id",
    "router:external",
    "status",
    "subnets",
    "port_security_enabled",
)
DEFAULT_MTU = 1500


@dataclass(frozen=True)
class Network:
    id: str
    name: str
    mtu: int = DEFAULT_MTU
    shared: bool = False
    project_id: str | None = None
    external: bool = False
    """Meant for routers' gateways and floating IPs."""
    has_subnets: bool = True
    port_security: bool = True


@dataclass(frozen=True)
class FixedIP:
    ip_address: str
    subnet_id: str


@dataclass(frozen=True)
class Port:
    id: str
    network_id: str
    mac_address: str = ""
    fixed_ips: tuple[FixedIP, ...] = ()
    device_id: str = ""
    """The server that has the port; empty: the port is free."""
    device_owner: str = ""
    host: str = ""
    """The host that the port is bound to; empty: none."""
    vif_type: str = ""
    """`binding_failed`: the network can't serve the port on its host."""
    dns_name: str = ""
    description: str = ""
    security_groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewPort:
    """A port to be made for a server, on the host that the server runs on."""

    network_id: str
    project_id: str
    server_id: str
    host: str
    description: str = ""
    dns_name: str = ""
    fixed_ip: str | None = None
    """None: the network service chooses the addresses."""
    security_groups: tuple[str, ...] | None = None
    """None: the project's default group."""


@dataclass(frozen=True)
class FloatingIP:
    id: str
    address: str
    network_id: str
    port_id: str | None = None
    fixed_address: str | None = None


# -- networks and subnets ------------------------------------------------------------------------------------------


def list_networks(
    peers: Peers,
    *,
    ids: Iterable[str] = (),
    external: bool | None = None,
    brief: bool = False,
    caller: Caller | None = None,
) -> list[Network]:
    """The networks that the caller sees, or those of `ids` among them. `brief`: with their ids and names only."""
    pairs = [("fields", name) for name in (BRIEF if brief else NETWORK_FIELDS)]
    pairs += [("id", network_id) for network_id in ids]
    if external is not None:
        pairs.append(("router:external", str(external)))
    return [_network_of(view) for view in call(peers, "GET", f"/networks?{urlencode(pairs)}", caller)["networks"]]


def show_network(peers: Peers, network_id: str, caller: Caller | None = None) -> Network:
    return _network_of(call(peers, "GET", f"/networks/{quote(network_id, safe='')}", caller)["network"])


def auto_allocate_network(peers: Peers, project_id: str, caller: Caller) -> Network:
    """The project's own network, made with a subnet and a router unless it exists."""
    topology = call(peers, "GET", f"/auto-allocated-topology/{project_id}", caller)["auto_allocated_topology"]
    return show_network(peers, topology["id"], caller)


def list_subnets(peers: Peers, ids: Collection[str]) -> list[Subnet]:
    """The subnets with these ids, as this service's own user sees them."""
    if not ids:
        return []
    query = urlencode([("id", subnet_id) for subnet_id in ids])
    return [_subnet_of(view) for view in call(peers, "GET", f"/subnets?{query}")["subnets"]]


def _network_of(view: JsonObject) -> Network:
    return Network(
        view["id"],
        view["name"],
        view.get("mtu") or DEFAULT_MTU,
        bool(view.get("shared")),
        view.get("project_id"),
        bool(view.get("router:external")),
        view.get("subnets") != [],
        view.get("port_security_enabled", True),
    )


def _subnet_of(view: JsonObject) -> Subnet:
    return Subnet(
        view["id"],
        view["ip_version"],
        view["cidr"],
        view.get("gateway_ip"),
        bool(view.get("enable_dhcp")),
        view.get("ipv6_address_mode"),
        tuple((route["destination"], route["nexthop"]) for route in view.get("host_routes", ())),
        tuple(view.get("dns_nameservers", ())),
    )


# -- ports ---------------------------------------------------------------------------------------------------------


def list_ports(peers: Peers, server_id: str, caller: Caller | None = None) -> list[Port]:
    """The ports that the server has."""
    return [_port_of(view) for view in call(peers, "GET", f"/ports?device_id={server_id}", caller)["ports"]]


def find_ports(peers: Peers, ids: Collection[str], caller: Caller) -> dict[str, Port]:
    """Those of these ports that the caller sees, by id."""
    if not ids:
        return {}
    query = urlencode([("id", port_id) for port_id in ids])
    return {view["id"]: _port_of(view) for view in call(peers, "GET", f"/ports?{query}", caller)["ports"]}


def serves_dhcp(peers: Peers, host: str, network_ids: Collection[str]) -> bool:
    """Whether the host serves DHCP in one of these networks."""
    if not network_ids:
        return False
    pairs = [("device_owner", "network:dhcp"), ("binding:host_id", host), ("fields", "id")]
    pairs += [("network_id", network_id) for network_id in sorted(network_ids)]
    return bool(call(peers, "GET", f"/ports?{urlencode(pairs)}")["ports"])


def show_port(peers: Peers, port_id: str) -> Port:
    return _port_of(call(peers, "GET", f"/ports/{port_id}")["port"])


def create_ports(peers: Peers, ports: Iterable[NewPort]) -> list[Port]:
    """Make all of these ports, in their order, or none."""
    body = {"ports": [_new_port(port) for port in ports]}
    return [_port_of(view) for view in call(peers, "POST", "/ports", json=body)["ports"]]


def bind_port(peers: Peers, port: Port, server_id: str, host: str, hostname: str = "") -> Port:
    """Give a user's port to the server, on this host; `hostname` becomes its DNS name unless it is empty."""
    dns_name = hostname or port.dns_name
    if (port.device_id, port.device_owner, port.host, port.dns_name) == (server_id, DEVICE_OWNER, host, dns_name):
        return port
    change = {"device_id": server_id, "device_owner": DEVICE_OWNER, "binding:host_id": host}
    return _update_port(peers, port.id, change | ({"dns_name": hostname} if hostname else {}))


def unbind_port(peers: Peers, port_id: str) -> None:
    """Free a user's port; it is all right if it is gone."""
    free = {"device_id": "", "device_owner": "", "binding:host_id": "", "dns_name": ""}
    with _may_be_gone():
        _update_port(peers, port_id, free)


def move_port(peers: Peers, port_id: str, host: str) -> Port:
    """Bind a server's port to another host, or to none ("")."""
    return _update_port(peers, port_id, {"binding:host_id": host})


def set_security_groups(peers: Peers, port_id: str, group_ids: list[str], caller: Caller) -> None:
    _update_port(peers, port_id, {"security_groups": group_ids}, caller)


def delete_port(peers: Peers, port_id: str) -> None:
    """Make sure that the port is gone."""
    with _may_be_gone():
        call(peers, "DELETE", f"/ports/{port_id}")


def _update_port(peers: Peers, port_id: str, change: Mapping[str, object], caller: Caller | None = None) -> Port:
    return _port_of(call(peers, "PUT", f"/ports/{port_id}", caller, {"port": change})["port"])


def _new_port(port: NewPort) -> JsonObject:
    view: JsonObject = {
        "network_id": port.network_id,
        "project_id": port.project_id,
        "tenant_id": port.project_id,
        "device_id": port.server_id,
        "device_owner": DEVICE_OWNER,
        "binding:host_id": port.host,
        "admin_state_up": True,
        "description": port.description,
        "dns_name": port.dns_name,
    }
    if port.fixed_ip:
        view["fixed_ips"] = [{"ip_address": port.fixed_ip}]
    if port.security_groups is not None:
        view["security_groups"] = list(port.security_groups)
    return view


def _port_of(view: JsonObject) -> Port:
    return Port(
        view["id"],
        view["network_id"],
        view.get("mac_address", ""),
        tuple(FixedIP(a["ip_address"], a.get("subnet_id", "")) for a in view.get("fixed_ips", ())),
        view.get("device_id") or "",
        view.get("device_owner") or "",
        view.get("binding:host_id") or "",
        view.get("binding:vif_type") or "",
        view.get("dns_name") or "",
        view.get("description") or "",
        tuple(view.get("security_groups", ())),
    )


# -- floating IPs --------------------------------------------------------------------------------------------------


def list_floating_ips(
    peers: Peers,
    *,
    port_ids: Collection[str] = (),
    address: str | None = None,
    project_id: str | None = None,
    caller: Caller | None = None,
) -> list[FloatingIP]:
    """The floating IPs that lead to these ports, have this address, or belong to this project."""
    pairs = [("port_id", port_id) for port_id in port_ids]
    pairs += [("floating_ip_address", address)] if address else []
    pairs += [("project_id", project_id)] if project_id else []
    listed = call(peers, "GET", f"/floatingips?{urlencode(pairs)}", caller)["floatingips"]
    return [_floating_ip_of(view) for view in listed]


def floating_addresses(peers: Peers, port_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Port id -> fixed address -> the floating address that leads to it. A user's port may have floating IPs before a
    server has the port."""
    found: dict[str, dict[str, str]] = {}
    for ip in list_floating_ips(peers, port_ids=port_ids) if port_ids else ():
        if ip.port_id and ip.fixed_address:
            found.setdefault(ip.port_id, {})[ip.fixed_address] = ip.address
    return found


def show_floating_ip(peers: Peers, ip_id: str, caller: Caller) -> FloatingIP:
    return _floating_ip_of(call(peers, "GET", f"/floatingips/{quote(ip_id, safe='')}", caller)["floatingip"])


def create_floating_ip(peers: Peers, network_id: str, caller: Caller) -> FloatingIP:
    body = {"floatingip": {"floating_network_id": network_id}}
    return _floating_ip_of(call(peers, "POST", "/floatingips", caller, body)["floatingip"])


def associate_floating_ip(peers: Peers, ip_id: str, port_id: str, fixed_address: str, caller: Caller) -> None:
    change = {"port_id": port_id, "fixed_ip_address": fixed_address}
    call(peers, "PUT", f"/floatingips/{ip_id}", caller, {"floatingip": change})


def disassociate_floating_ip(peers: Peers, ip_id: str, caller: Caller) -> None:
    call(peers, "PUT", f"/floatingips/{ip_id}", caller, {"floatingip": {"port_id": None}})


def delete_floating_ip(peers: Peers, ip_id: str, caller: Caller) -> None:
    call(peers, "DELETE", f"/floatingips/{quote(ip_id, safe='')}", caller)


def _floating_ip_of(view: JsonObject) -> FloatingIP:
    return FloatingIP(
        view["id"],
        view["floating_ip_address"],
        view.get("floating_network_id", ""),
        view.get("port_id"),
        view.get("fixed_ip_address"),
    )


# -- the calls -----------------------------------------------------------------------------------------------------


def call(
    peers: Peers, method: str, path: str, caller: Caller | None = None, json: JsonObject | None = None
) -> JsonObject:
    """A call of the network service, for the files here."""
    return peers.call("network", method, f"/v2.0{path}", caller=caller, json=json)


@contextmanager
def _may_be_gone() -> Iterator[None]:
    """Accept the network service's 404 as what was asked for."""
    try:
        yield
    except PeerRefused as err:
        if err.status != 404:
            raise
