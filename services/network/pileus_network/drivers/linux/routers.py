"""One router on this host: a namespace that forwards, translates addresses and announces prefixes."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

from pileus_kit.file_modes import make_traversable
from pileus_network.drivers.linux import (
    conntrack,
    dnsmasq,
    gratuitous_arp,
    ip_configuration,
    namespaces,
    nat,
    nft,
    processes,
    radvd,
)
from pileus_network.rpc import Network, Port, Route, Router, Subnet

SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/all/accept_ra": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/dad_transmits": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    # Every router has the metadata address inside, but must not answer ARP requests for it on any network.
    "net/ipv4/conf/all/arp_ignore": "1",
    "net/ipv4/conf/default/arp_ignore": "1",
}
LOOPBACK = ip_configuration.Interface(
    "lo", "00:00:00:00:00:00", 65536, ("127.0.0.1/8", "::1/128", f"{dnsmasq.METADATA}/32")
)
"""Guests that configured themselves without DHCP send requests to the metadata address to their router."""


@dataclass(frozen=True)
class RouterPort:
    """A port of a router with its network. `interface` is the name of the interface inside the namespace."""

    port: Port
    network: Network
    interface: str

    def addresses(self) -> list[str]:
        """Return the port's addresses with the prefix lengths of their subnets."""
        subnets = {subnet.id: subnet for subnet in self.network.subnets}
        return [
            f"{fixed.address}/{ip_network(subnets[fixed.subnet_id].cidr).prefixlen}"
            for fixed in self.port.fixed_ips
            if fixed.subnet_id in subnets
        ]

    def subnets(self) -> list[Subnet]:
        """Return the subnets that the port has addresses in."""
        mine = {fixed.subnet_id for fixed in self.port.fixed_ips}
        return [subnet for subnet in self.network.subnets if subnet.id in mine]


@dataclass(frozen=True)
class RouterNamespace:
    """A router as it is desired on this host. `gateway` is the port on the external network, if there is one."""

    namespace: str
    router: Router
    ports: tuple[RouterPort, ...]
    gateway: RouterPort | None


def ensure(desired: RouterNamespace, old: RouterNamespace | None, folder: Path, thorough: bool) -> None:
    """Create or change the router. `old` is what the last call made of it, None if that isn't known.

    With `thorough` the call doesn't rely on `old`.
    """
    interface_ids = namespaces.inside(desired.namespace, lambda: _configure(desired, old, thorough))
    _advertise(desired, folder, interface_ids)


def announce(desired: RouterNamespace, old: RouterNamespace | None) -> None:
    """Announce addresses that are new here on the external network, which the router must be connected to."""
    router_port = desired.gateway
    fresh = set(_external(desired)) - set(_external(old) if old else ())
    if router_port and fresh:
        namespaces.inside(
            desired.namespace,
            lambda: gratuitous_arp.announce(router_port.interface, router_port.port.mac, sorted(fresh)),
        )


def remove(folder: Path) -> None:
    """Stop the router's radvd and delete its files. The caller deletes the namespace."""
    processes.stop(folder / "pid")
    if folder.is_dir():
        shutil.rmtree(folder)


def translation(desired: RouterNamespace) -> nat.Translation:
    """Return what the router translates."""
    if desired.gateway is None:
        return nat.Translation()
    mine = [fixed.address for fixed in desired.gateway.port.fixed_ips if ip_address(fixed.address).version == 4]
    usable = tuple(one for one in desired.router.floating_ips if nat.is_usable(one))
    return nat.Translation(desired.gateway.interface, mine[0] if mine else "", desired.router.snat, usable)


def routes(desired: RouterNamespace) -> list[ip_configuration.NamespaceRoute]:
    """Return the routes: a default route by each external subnet's gateway, and the tenant's own."""
    found = []
    for subnet in desired.gateway.subnets() if desired.gateway else ():
        found += list(_default_routes(subnet, desired.gateway.interface)) if desired.gateway else []
    ports = [*desired.ports, *([desired.gateway] if desired.gateway else [])]
    return found + [static_route for route in desired.router.routes for static_route in _static_routes(route, ports)]


def _configure(desired: RouterNamespace, old: RouterNamespace | None, thorough: bool) -> str:
    namespaces.write_sysctls(SYSCTLS)
    inner = [
        ip_configuration.Interface(
            router_port.interface, router_port.port.mac, router_port.network.mtu, tuple(router_port.addresses())
        )
        for router_port in desired.ports
    ]
    if desired.gateway:
        router_port = desired.gateway
        floating = [f"{one.floating}/32" for one in desired.router.floating_ips if nat.is_usable(one)]
        inner.append(
            ip_configuration.Interface(
                router_port.interface,
                router_port.port.mac,
                router_port.network.mtu,
                (*router_port.addresses(), *floating),
            )
        )
    desired_table = nat.table(translation(desired))
    nft.run(
        nft.difference(nat.table(translation(old)), desired_table)
        if old and not thorough
        else nft.replacement(desired_table)
    )
    interface_ids = ip_configuration.apply([*inner, LOOPBACK], routes(desired))
    gone = _translated(old) - _translated(desired) if old else set()
    if gone:
        conntrack.delete_translated({external for external, _ in gone})
    return interface_ids


def _translated(desired: RouterNamespace) -> set[tuple[str, str]]:
    """Return the external addresses with the fixed ones that they stand for; "" stands for all guests."""
    nat_rules = translation(desired)
    return {(one.floating, one.fixed) for one in nat_rules.floating} | (
        {(nat_rules.external, "")} if nat_rules.external and nat_rules.snat else set()
    )


def _external(desired: RouterNamespace) -> Iterable[str]:
    if desired.gateway is None:
        return []
    return [
        *(fixed.address for fixed in desired.gateway.port.fixed_ips),
        *(one.floating for one in desired.router.floating_ips),
    ]


def _default_routes(subnet: Subnet, interface: str) -> Iterable[ip_configuration.NamespaceRoute]:
    if subnet.gateway is None:
        return
    if ip_address(subnet.gateway) not in ip_network(subnet.cidr):
        yield ip_configuration.NamespaceRoute(
            f"{subnet.gateway}/{32 if subnet.ip_version == 4 else 128}", "", interface
        )
    yield ip_configuration.NamespaceRoute("0.0.0.0/0" if subnet.ip_version == 4 else "::/0", subnet.gateway, interface)


def _static_routes(route: Route, ports: Iterable[RouterPort]) -> Iterable[ip_configuration.NamespaceRoute]:
    """Return the tenant's route, if one of the router's subnets contains its next hop."""
    nexthop = ip_address(route.nexthop)
    near = [
        router_port
        for router_port in ports
        if any(nexthop in ip_network(subnet.cidr) for subnet in router_port.subnets())
    ]
    return [
        ip_configuration.NamespaceRoute(str(ip_network(route.destination)), str(nexthop), router_port.interface)
        for router_port in near[:1]
    ]


def _advertise(desired: RouterNamespace, folder: Path, interface_ids: str) -> None:
    advertised = [
        radvd.AdvertisedInterface(
            router_port.interface,
            router_port.network.mtu,
            tuple(s for s in router_port.subnets() if s.ip_version == 6 and s.ra_mode),
        )
        for router_port in desired.ports
    ]
    text = radvd.configuration(advertised)
    path = folder / "radvd.conf"
    if not text:
        remove(folder)
        return
    make_traversable(folder)  # radvd runs as a user without rights
    if not path.exists() or path.read_text() != text:
        processes.stop(folder / "pid")
        path.write_text(text)
        path.chmod(0o644)
    processes.DaemonProcess(desired.namespace, folder / "pid", radvd.arguments(folder), interface_ids).ensure()
