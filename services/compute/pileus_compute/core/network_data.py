"""`network_data.json`: how a guest configures its interfaces, in the words that Nova has for it.

What DHCP or router advertisements tell is left to them, so that a guest follows when it changes, and an image that is
made of the guest carries nothing of it.
"""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from pileus_compute.db.models import ServerPort

ANYWHERE = {4: "0.0.0.0", 6: "::"}


def network_data(ports: Sequence[ServerPort], subnets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Links, networks and DNS servers. `subnets`: as the network service shows them."""
    known = {s["id"]: s for s in subnets}
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


def _told(port: ServerPort, known: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """The port's first address of each version, as in Nova."""
    found: dict[int, tuple[str, dict[str, Any]]] = {}
    for fixed in port.fixed_ips:
        subnet = known.get(fixed.get("subnet_id"))
        if subnet is not None:
            found.setdefault(subnet["ip_version"], (fixed["ip_address"], subnet))
    return [found[version] for version in sorted(found)]


def _link(port: ServerPort, subnets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The MTU is told once: by DHCP, where there is any."""
    dhcp = any(s.get("enable_dhcp") for s in subnets)
    return {
        "id": f"tap{port.id[:11]}",
        "vif_id": port.id,
        "type": "bridge",
        "mtu": None if dhcp else port.mtu,
        "ethernet_mac_address": port.mac,
    }


def _network(number: int, link: str, port: ServerPort, address: str, subnet: dict[str, Any]) -> dict[str, Any]:
    version, mode = subnet["ip_version"], subnet.get("ipv6_address_mode")
    about = {"id": f"network{number}", "network_id": port.network_id, "link": link}
    if mode is None and subnet.get("enable_dhcp"):
        return about | {"type": f"ipv{version}_dhcp"}
    return about | {
        "type": f"ipv{version}_{mode}" if mode else f"ipv{version}",
        "ip_address": address,
        "netmask": str(ip_network(subnet["cidr"]).netmask),
        "routes": _routes(subnet),
        "services": _dns(subnet),
    }


def _routes(subnet: dict[str, Any]) -> list[dict[str, str]]:
    routes = [
        {"network": str(r.network_address), "netmask": str(r.netmask), "gateway": hop}
        for r, hop in ((ip_network(h["destination"]), h["nexthop"]) for h in subnet.get("host_routes", []))
    ]
    if subnet.get("gateway_ip"):
        anywhere = ANYWHERE[subnet["ip_version"]]
        routes.insert(0, {"network": anywhere, "netmask": anywhere, "gateway": subnet["gateway_ip"]})
    return routes


def _dns(subnet: dict[str, Any]) -> list[dict[str, str]]:
    return [{"type": "dns", "address": address} for address in subnet.get("dns_nameservers", [])]
