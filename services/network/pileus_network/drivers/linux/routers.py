"""One router on this host: a namespace that forwards, translates and announces."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

from pileus_kit.file_modes import make_traversable
from pileus_network.drivers.linux import addresses, announcements, cuts, daemons, dnsmasq, namespaces, nat, nft, radvd
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
LOOPBACK = addresses.Interface("lo", "00:00:00:00:00:00", 65536, ("127.0.0.1/8", "::1/128", f"{dnsmasq.METADATA}/32"))
"""Guests that configured themselves without DHCP send what is for the metadata address to their router."""


@dataclass(frozen=True)
class Leg:
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
class Machine:
    """A router as it is to be on this host."""

    namespace: str
    router: Router
    legs: tuple[Leg, ...]
    gateway: Leg | None


def ensure(machine: Machine, old: Machine | None, folder: Path, thorough: bool) -> None:
    """Make it so. `old` is what a call before made it into, None if nobody knows; a `thorough` call doesn't rely on
    that.
    """
    stands_on = namespaces.inside(machine.namespace, lambda: _settle(machine, old, thorough))
    _advertise(machine, folder, stands_on)


def announce(machine: Machine, old: Machine | None) -> None:
    """Tell the external network about addresses that are new here. Only of use once the router is connected to it."""
    leg = machine.gateway
    fresh = set(_external(machine)) - set(_external(old) if old else ())
    if leg and fresh:
        namespaces.inside(machine.namespace, lambda: announcements.announce(leg.interface, leg.port.mac, sorted(fresh)))


def remove(folder: Path) -> None:
    """End its daemon and forget its files. The namespace is somebody else's work."""
    daemons.stop(folder / "pid")
    if folder.is_dir():
        shutil.rmtree(folder)


def translation(machine: Machine) -> nat.Translation:
    if machine.gateway is None:
        return nat.Translation()
    mine = [fixed.address for fixed in machine.gateway.port.fixed_ips if ip_address(fixed.address).version == 4]
    usable = tuple(one for one in machine.router.floating_ips if nat.is_usable(one))
    return nat.Translation(machine.gateway.interface, mine[0] if mine else "", machine.router.snat, usable)


def hops(machine: Machine) -> list[addresses.Hop]:
    """The routes: a way out by each external subnet's gateway, and the tenant's own."""
    found = []
    for subnet in machine.gateway.subnets() if machine.gateway else ():
        found += list(_way_out(subnet, machine.gateway.interface)) if machine.gateway else []
    legs = [*machine.legs, *([machine.gateway] if machine.gateway else [])]
    return found + [hop for route in machine.router.routes for hop in _way(route, legs)]


def _settle(machine: Machine, old: Machine | None, thorough: bool) -> str:
    namespaces.write_sysctls(SYSCTLS)
    inner = [
        addresses.Interface(leg.interface, leg.port.mac, leg.network.mtu, tuple(leg.addresses()))
        for leg in machine.legs
    ]
    if machine.gateway:
        leg = machine.gateway
        floating = [f"{one.floating}/32" for one in machine.router.floating_ips if nat.is_usable(one)]
        inner.append(addresses.Interface(leg.interface, leg.port.mac, leg.network.mtu, (*leg.addresses(), *floating)))
    wanted = nat.table(translation(machine))
    nft.run(nft.difference(nat.table(translation(old)), wanted) if old and not thorough else nft.replacement(wanted))
    stands_on = addresses.settle([*inner, LOOPBACK], hops(machine))
    gone = _translated(old) - _translated(machine) if old else set()
    if gone:
        cuts.release({external for external, _ in gone})
    return stands_on


def _translated(machine: Machine) -> set[tuple[str, str]]:
    """External addresses and what they stand for: "" is everybody."""
    wish = translation(machine)
    return {(one.floating, one.fixed) for one in wish.floating} | (
        {(wish.external, "")} if wish.external and wish.snat else set()
    )


def _external(machine: Machine) -> Iterable[str]:
    if machine.gateway is None:
        return []
    return [
        *(fixed.address for fixed in machine.gateway.port.fixed_ips),
        *(one.floating for one in machine.router.floating_ips),
    ]


def _way_out(subnet: Subnet, interface: str) -> Iterable[addresses.Hop]:
    if subnet.gateway is None:
        return
    if ip_address(subnet.gateway) not in ip_network(subnet.cidr):
        yield addresses.Hop(f"{subnet.gateway}/{32 if subnet.ip_version == 4 else 128}", "", interface)
    yield addresses.Hop("0.0.0.0/0" if subnet.ip_version == 4 else "::/0", subnet.gateway, interface)


def _way(route: Route, legs: Iterable[Leg]) -> Iterable[addresses.Hop]:
    """A tenant's route, if one of the router's subnets has its next hop."""
    nexthop = ip_address(route.nexthop)
    near = [leg for leg in legs if any(nexthop in ip_network(subnet.cidr) for subnet in leg.subnets())]
    return [addresses.Hop(str(ip_network(route.destination)), str(nexthop), leg.interface) for leg in near[:1]]


def _advertise(machine: Machine, folder: Path, stands_on: str) -> None:
    advertised = [
        radvd.Advertised(
            leg.interface, leg.network.mtu, tuple(s for s in leg.subnets() if s.ip_version == 6 and s.ra_mode)
        )
        for leg in machine.legs
    ]
    text = radvd.configuration(advertised)
    path = folder / "radvd.conf"
    if not text:
        remove(folder)
        return
    make_traversable(folder)  # radvd runs as a user without rights
    if not path.exists() or path.read_text() != text:
        daemons.stop(folder / "pid")
        path.write_text(text)
        path.chmod(0o644)
    daemons.Daemon(machine.namespace, folder / "pid", radvd.arguments(folder), stands_on).ensure()
