"""One router on this host: a namespace that forwards, translates and announces."""

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
    # The metadata address, which is inside of every router, is claimed on no network.
    "net/ipv4/conf/all/arp_ignore": "1",
    "net/ipv4/conf/default/arp_ignore": "1",
}
LOOPBACK = ip_configuration.Interface(
    "lo", "00:00:00:00:00:00", 65536, ("127.0.0.1/8", "::1/128", f"{dnsmasq.METADATA}/32")
)
"""Guests that configured themselves without DHCP send what is for the metadata address to their router."""


@dataclass(frozen=True)
class RouterPort:
    """A port of a router with the network it is on; `interface` is its name inside."""

    port: Port
    network: Network
    interface: str

    def addresses(self) -> list[str]:
        subnets = {subnet.id: subnet for subnet in self.network.subnets}
        return [
            f"{fixed.address}/{ip_network(subnets[fixed.subnet_id].cidr).prefixlen}"
            for fixed in self.port.fixed_ips
            if fixed.subnet_id in subnets
        ]

    def subnets(self) -> list[Subnet]:
        mine = {fixed.subnet_id for fixed in self.port.fixed_ips}
        return [subnet for subnet in self.network.subnets if subnet.id in mine]


@dataclass(frozen=True)
class RouterNamespace:
    """A router as it is to be on this host."""

    namespace: str
    router: Router
    ports: tuple[RouterPort, ...]
    gateway: RouterPort | None


def ensure(desired: RouterNamespace, old: RouterNamespace | None, folder: Path, thorough: bool) -> None:
    """Make it so. `old` is what a call before made it into, None if nobody knows; a `thorough` call doesn't rely on
    that.
    """
    interface_ids = namespaces.inside(desired.namespace, lambda: _settle(desired, old, thorough))
    _advertise(desired, folder, interface_ids)


def announce(desired: RouterNamespace, old: RouterNamespace | None) -> None:
    """Tell the external network about addresses that are new here. Only of use once the router is connected to it."""
    router_port = desired.gateway
    fresh = set(_external(desired)) - set(_external(old) if old else ())
    if router_port and fresh:
        namespaces.inside(
            desired.namespace,
            lambda: gratuitous_arp.announce(router_port.interface, router_port.port.mac, sorted(fresh)),
        )


def remove(folder: Path) -> None:
    """End its daemon and forget its files. The namespace is somebody else's work."""
    processes.stop(folder / "pid")
    if folder.is_dir():
        shutil.rmtree(folder)


def translation(desired: RouterNamespace) -> nat.Translation:
    if desired.gateway is None:
        return nat.Translation()
    mine = [fixed.address for fixed in desired.gateway.port.fixed_ips if ip_address(fixed.address).version == 4]
    usable = tuple(one for one in desired.router.floating_ips if nat.is_usable(one))
    return nat.Translation(desired.gateway.interface, mine[0] if mine else "", desired.router.snat, usable)


def hops(desired: RouterNamespace) -> list[ip_configuration.NamespaceRoute]:
    """The routes: a way out by each external subnet's gateway, and the tenant's own."""
    found = []
    for subnet in desired.gateway.subnets() if desired.gateway else ():
        found += list(_way_out(subnet, desired.gateway.interface)) if desired.gateway else []
    ports = [*desired.ports, *([desired.gateway] if desired.gateway else [])]
    return found + [hop for route in desired.router.routes for hop in _way(route, ports)]


def _settle(desired: RouterNamespace, old: RouterNamespace | None, thorough: bool) -> str:
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
    wanted = nat.table(translation(desired))
    nft.run(nft.difference(nat.table(translation(old)), wanted) if old and not thorough else nft.replacement(wanted))
    interface_ids = ip_configuration.apply([*inner, LOOPBACK], hops(desired))
    gone = _translated(old) - _translated(desired) if old else set()
    if gone:
        conntrack.delete_translated({external for external, _ in gone})
    return interface_ids


def _translated(desired: RouterNamespace) -> set[tuple[str, str]]:
    """External addresses and what they stand for: "" is everybody."""
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


def _way_out(subnet: Subnet, interface: str) -> Iterable[ip_configuration.NamespaceRoute]:
    if subnet.gateway is None:
        return
    if ip_address(subnet.gateway) not in ip_network(subnet.cidr):
        yield ip_configuration.NamespaceRoute(
            f"{subnet.gateway}/{32 if subnet.ip_version == 4 else 128}", "", interface
        )
    yield ip_configuration.NamespaceRoute("0.0.0.0/0" if subnet.ip_version == 4 else "::/0", subnet.gateway, interface)


def _way(route: Route, ports: Iterable[RouterPort]) -> Iterable[ip_configuration.NamespaceRoute]:
    """A tenant's route, if one of the router's subnets has its next hop."""
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
