"""`network_data.json`: how a guest configures its interfaces, in the words that Nova has for it.

What DHCP or router advertisements tell is left to them, so that a guest follows when it changes, and an image that is
made of the guest carries nothing of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from pileus_compute.db.models import ServerPort

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


def network_data(ports: Sequence[ServerPort], subnets: Sequence[Subnet]) -> dict[str, Any]:
    """Links, networks and DNS servers. `subnets`: those of the ports' addresses."""
    known = {s.id: s for s in subnets}
    links: list[dict[str, Any]] = []
    networks: list[dict[str, Any]] = []
    servers: list[dict[str, str]] = []
    for port in ports:
        told = list(_told(port, known))
        links.append(_link(port, [known[a["subnet_id"]] for a in port.fixed_ips if a.get("subnet_id") in known]))
        for address, subnet in told:
            networks.append(_network(len(networks), links[-1]["id"], port, address, subnet))
            servers += _dns(subnet)
    unique = [s for i, s in enumerate(servers) if s not in servers[:i]]
    return {"links": links, "networks": networks, "services": unique}


def _told(port: ServerPort, known: Mapping[str, Subnet]) -> list[tuple[str, Subnet]]:
    """The port's first address of each version, as in Nova."""
    found: dict[int, tuple[str, Subnet]] = {}
    for fixed in port.fixed_ips:
        subnet = known.get(fixed.get("subnet_id") or "")
        if subnet is not None:
            found.setdefault(subnet.ip_version, (fixed["ip_address"], subnet))
    return [found[version] for version in sorted(found)]


def _link(port: ServerPort, subnets: Sequence[Subnet]) -> dict[str, Any]:
    """The MTU is told once: by DHCP, where there is any."""
    dhcp = any(s.enable_dhcp for s in subnets)
    return {
        "id": f"tap{port.id[:11]}",
        "vif_id": port.id,
        "type": "bridge",
        "mtu": None if dhcp else port.mtu,
        "ethernet_mac_address": port.mac,
    }


def _network(number: int, link: str, port: ServerPort, address: str, subnet: Subnet) -> dict[str, Any]:
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
