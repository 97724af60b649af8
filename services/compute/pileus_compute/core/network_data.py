"""`network_data.json`: how a guest configures its interfaces, in Nova's format.

What DHCP or router advertisements announce is left to them: so a guest follows changes, and an image made of the guest
keeps none of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from pileus_compute.db.models import ServerPort
from pileus_kit.json_types import JsonObject

ANYWHERE = {4: "0.0.0.0", 6: "::"}


@dataclass(frozen=True)
class Subnet:
    """What a guest is told of a subnet."""

    id: str
    ip_version: int
    cidr: str
    gateway_ip: str | None = None
    enable_dhcp: bool = False
    ipv6_address_mode: str | None = None
    host_routes: tuple[tuple[str, str], ...] = ()
    """(destination, next hop)"""
    dns_nameservers: tuple[str, ...] = ()


def network_data(ports: Sequence[ServerPort], subnets: Sequence[Subnet]) -> JsonObject:
    """Return links, networks and DNS servers. `subnets` are those of the ports' addresses."""
    known = {s.id: s for s in subnets}
    links: list[JsonObject] = []
    networks: list[JsonObject] = []
    servers: list[dict[str, str]] = []
    for port in ports:
        addresses = list(_addresses(port, known))
        links.append(_link(port, [known[a["subnet_id"]] for a in port.fixed_ips if a.get("subnet_id") in known]))
        for address, subnet in addresses:
            networks.append(_network(len(networks), links[-1]["id"], port, address, subnet))
            servers += _dns(subnet)
    unique = [s for i, s in enumerate(servers) if s not in servers[:i]]
    return {"links": links, "networks": networks, "services": unique}


def _addresses(port: ServerPort, known: Mapping[str, Subnet]) -> list[tuple[str, Subnet]]:
    """Return the port's first address of each IP version with its subnet, as Nova does."""
    found: dict[int, tuple[str, Subnet]] = {}
    for fixed in port.fixed_ips:
        subnet = known.get(fixed.get("subnet_id") or "")
        if subnet is not None:
            found.setdefault(subnet.ip_version, (fixed["ip_address"], subnet))
    return [found[version] for version in sorted(found)]


def _link(port: ServerPort, subnets: Sequence[Subnet]) -> JsonObject:
    """Return the link of a port. Where there is DHCP, that alone announces the MTU."""
    dhcp = any(s.enable_dhcp for s in subnets)
    return {
        "id": f"tap{port.id[:11]}",
        "vif_id": port.id,
        "type": "bridge",
        "mtu": None if dhcp else port.mtu,
        "ethernet_mac_address": port.mac,
    }


def _network(number: int, link: str, port: ServerPort, address: str, subnet: Subnet) -> JsonObject:
    version, mode = subnet.ip_version, subnet.ipv6_address_mode
    about = {"id": f"network{number}", "network_id": port.network_id, "link": link}
    if mode is None and subnet.enable_dhcp:
        return about | {"type": f"ipv{version}_dhcp"}
    return about | {
        "type": f"ipv{version}_{mode}" if mode else f"ipv{version}",
        "ip_address": address,
        "netmask": str(ip_network(subnet.cidr).netmask),
        "routes": _routes(subnet),
        "services": _dns(subnet),
    }


def _routes(subnet: Subnet) -> list[dict[str, str]]:
    routes = [
        {"network": str(r.network_address), "netmask": str(r.netmask), "gateway": hop}
        for r, hop in ((ip_network(destination), hop) for destination, hop in subnet.host_routes)
    ]
    if subnet.gateway_ip:
        anywhere = ANYWHERE[subnet.ip_version]
        routes.insert(0, {"network": anywhere, "netmask": anywhere, "gateway": subnet.gateway_ip})
    return routes


def _dns(subnet: Subnet) -> list[dict[str, str]]:
    return [{"type": "dns", "address": address} for address in subnet.dns_nameservers]
