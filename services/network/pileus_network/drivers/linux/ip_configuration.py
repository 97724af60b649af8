"""Addresses and routes of a namespace: all functions work on the namespace that the calling thread is in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from pileus_network.drivers.base import HostUnfit

STATIC = 4  # RTPROT_STATIC: routes that we set; those that follow from addresses have another protocol
MAIN = 254
NO_DETECTION = 0x02  # IFA_F_NODAD: the control plane knows that no other port has the address
GONE_ERRNOS = (2, 3, 19, 99)  # ENOENT, ESRCH, ENODEV, EADDRNOTAVAIL


@dataclass(frozen=True)
class NamespaceRoute:
    """A route. `via` is "" if the destination is directly connected to `interface`."""

    destination: str
    via: str
    interface: str


@dataclass(frozen=True)
class Interface:
    """An interface inside the namespace, with its addresses (`10.0.0.1/24`)."""

    name: str
    mac: str
    mtu: int
    addresses: tuple[str, ...]


def apply(interfaces: Iterable[Interface], routes: Iterable[NamespaceRoute]) -> str:
    """Give the namespace exactly these addresses and routes, and bring the interfaces up.

    Return a text that changes when one of the interfaces was created again, whatever its name. Raises HostUnfit if an
    interface is missing.
    """
    interfaces = list(interfaces)
    with IPRoute() as netlink:
        links = {link.get_attr("IFLA_IFNAME"): link for link in netlink.get_links()}
        index = {name: link["index"] for name, link in links.items()}
        _configure(netlink, links["lo"])
        for one in interfaces:
            if one.name not in links:
                raise HostUnfit(why=f"The interface {one.name} is missing")
            _configure(netlink, links[one.name], mtu=one.mtu, address=one.mac)
            _apply_addresses(netlink, index[one.name], set(one.addresses))
        _apply_routes(netlink, {route for route in routes if route.interface in index}, index)
        return ",".join(str(index[one.name]) for one in interfaces)


def _configure(netlink: IPRoute, link: Any, **desired: Any) -> None:
    """Bring a link up, and change those of `desired` that differ."""
    change = {key: value for key, value in desired.items() if link.get_attr(f"IFLA_{key.upper()}") != value}
    if not link["flags"] & 1:
        change["state"] = "up"
    if change:
        netlink.link("set", index=link["index"], **change)


def _apply_addresses(netlink: IPRoute, index: int, desired: set[str]) -> None:
    existing = {
        f"{message.get_attr('IFA_ADDRESS')}/{message['prefixlen']}" for message in netlink.get_addr(index=index)
    }
    existing = {text for text in existing if not ip_interface(text).is_link_local or text in desired}
    for text in sorted(desired - existing):
        address = ip_interface(text)
        extra = {"flags": NO_DETECTION} if address.version == 6 else {}
        netlink.addr("add", index=index, address=str(address.ip), prefixlen=address.network.prefixlen, **extra)
    for text in sorted(existing - desired):
        address = ip_interface(text)
        try:
            netlink.addr("del", index=index, address=str(address.ip), prefixlen=address.network.prefixlen)
        except NetlinkError as err:
            if err.code not in GONE_ERRNOS:  # the kernel deletes secondary addresses together with their primary one
                raise


def _apply_routes(netlink: IPRoute, desired: set[NamespaceRoute], index: Mapping[str, int]) -> None:
    by_index = {number: name for name, number in index.items()}
    existing = {
        _parse_route(message, by_index)
        for family in (2, 10)
        for message in netlink.get_routes(family=family, table=MAIN, proto=STATIC)
    }
    for route in sorted(existing - desired, key=str):
        _route(netlink, "del", route, index)
    # Directly connected destinations come first: a gateway outside of the subnet is reached through one.
    for route in sorted(desired - existing, key=lambda route: (bool(route.via), str(route))):
        _route(netlink, "add", route, index)


def _parse_route(message: Any, by_index: Mapping[int, str]) -> NamespaceRoute:
    anywhere = "0.0.0.0" if message["family"] == 2 else "::"
    destination = f"{message.get_attr('RTA_DST') or anywhere}/{message['dst_len']}"
    return NamespaceRoute(
        destination, message.get_attr("RTA_GATEWAY") or "", by_index.get(message.get_attr("RTA_OIF"), "")
    )


def _route(netlink: IPRoute, verb: str, route: NamespaceRoute, index: Mapping[str, int]) -> None:
    destination = ip_network(route.destination)
    fields: dict[str, Any] = {
        "dst": str(destination),
        "family": 2 if destination.version == 4 else 10,
        "proto": STATIC,
        "oif": index[route.interface],
    }
    if route.via:
        fields["gateway"] = str(ip_address(route.via))
    else:
        fields["scope"] = 253  # RT_SCOPE_LINK
    try:
        netlink.route(verb, **fields)
    except NetlinkError as err:
        if verb == "add" or err.code not in GONE_ERRNOS:
            raise
