"""Turns the desired state of a host into links, firewall rules, DHCP servers and routers.

It is pure: the same state and numbers result in the same plan.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pileus_network.drivers.base import Settings
from pileus_network.drivers.linux import links
from pileus_network.drivers.linux.dhcp import DhcpServer
from pileus_network.drivers.linux.firewall import GuardedPort, Segment
from pileus_network.drivers.linux.links import Link
from pileus_network.drivers.linux.names import Names
from pileus_network.drivers.linux.routers import RouterNamespace, RouterPort
from pileus_network.rpc import DHCP_OWNER, SERVICE_OWNERS, Failure, HostState, Network, Peer, Port, Router


class NumberAllocator:
    """Allocates numbers of networks (conntrack zones) and ports (marks), 1 to 65535. An owner keeps its number for
    life.
    """

    def __init__(self, taken: dict[str, int]) -> None:
        self._of = dict(taken)
        self._used = set(taken.values())
        self._next = 1

    def of(self, owner: str) -> int:
        """Return the owner's number. Raises OverflowError if none is free."""
        if owner not in self._of:
            while self._next in self._used:
                self._next += 1
            if self._next > 65535:
                raise OverflowError("No number is free on this host")
            self._of[owner] = self._next
            self._used.add(self._next)
        return self._of[owner]


@dataclass
class Plan:
    """Everything that a host needs.

    `wires` maps each local port to its interface on the host, `owners` each link to kind and id of what it is for.
    """

    links: dict[str, Link] = field(default_factory=dict)
    wires: dict[str, str] = field(default_factory=dict)
    owners: dict[str, tuple[str, str]] = field(default_factory=dict)
    guarded: list[GuardedPort] = field(default_factory=list)
    segments: dict[str, Segment] = field(default_factory=dict)
    peers: dict[str, tuple[Peer, ...]] = field(default_factory=dict)
    dhcp_servers: dict[str, DhcpServer] = field(default_factory=dict)
    routers: dict[str, RouterNamespace] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    @property
    def namespaces(self) -> set[str]:
        """The names of all namespaces that are needed."""
        return {one.namespace for one in self.dhcp_servers.values()} | {one.namespace for one in self.routers.values()}


def make_plan(state: HostState, settings: Settings, zones: NumberAllocator, marks: NumberAllocator) -> Plan:
    """Return what the host needs for the state, with failures for what it can't have."""
    return _Planner(state, settings, zones, marks).plan()


class _Planner:
    def __init__(self, state: HostState, settings: Settings, zones: NumberAllocator, marks: NumberAllocator) -> None:
        self.state, self.settings, self.zones, self.marks = state, settings, zones, marks
        self.names = Names(settings.prefix)
        self.networks = {network.id: network for network in state.networks}
        self.routers = {router.id: router for router in state.routers}
        self.bridges: dict[str, str] = {}
        self.result = Plan()

    def plan(self) -> Plan:
        for network in self.state.networks:
            self._network(network)
        for port in self.state.ports:
            if port.local and port.network_id in self.bridges:
                self._port(port)
        for network in self.state.networks:
            self._segment(network)
        for router in self.routers.values():
            self._router(router)
        return self.result

    def _network(self, network: Network) -> None:
        """Plan a network's bridge and what leads out of it. A flat network uses the physical network's bridge."""
        physical = self.settings.bridges.get(network.physical_network or "")
        if network.kind in ("flat", "vlan") and physical is None:
            self._fail(
                "network", network.id, f"This host has no bridge for physical network {network.physical_network}"
            )
            return
        if network.kind == "flat":
            self.bridges[network.id] = physical or ""
            return
        bridge = self.bridges[network.id] = self.names.bridge(network.id)
        label = self.names.label("net", network.id, self.zones.of(network.id))
        owner, number = ("network", network.id), network.segment or 0
        self._link(owner, Link(bridge, links.BRIDGE, network.mtu, label))
        if network.kind == "vlan":
            vlan = self.names.vlan(network.id)
            self._link(owner, Link(vlan, links.VLAN, network.mtu, master=bridge, id=number, parent=physical or ""))
        if network.kind == "vxlan" and self.settings.tunnel_address:
            tunnel, local = self.names.tunnel(network.id), self.settings.tunnel_address
            self._link(owner, Link(tunnel, links.VXLAN, network.mtu, master=bridge, id=number, local=local))
            self.result.peers[tunnel] = network.peers

    def _port(self, port: Port) -> None:
        """Plan a port. A disabled one keeps its tap, which a guest may have open, but the tap is down."""
        network = self.networks[port.network_id]
        bridge = self.bridges[network.id]
        if port.device_owner in SERVICE_OWNERS:
            if port.admin_up:
                self._service_port(port, network, bridge)
            return
        number = self.marks.of(port.id)
        tap = self.names.tap(port.id)
        label = self.names.label("port", port.id, number)
        self._link(("port", port.id), Link(tap, links.TAP, network.mtu, label, master=bridge, up=port.admin_up))
        if port.admin_up:
            self.result.wires[port.id] = tap
        if port.port_security:
            self.result.guarded.append(GuardedPort(port, tap, number, bridge if network.kind == "flat" else ""))

    def _service_port(self, port: Port, network: Network, bridge: str) -> None:
        """Plan a veth pair with one end in the bridge, the other in the namespace of DHCP or of a router."""
        if port.device_owner != DHCP_OWNER and port.device_id not in self.routers:
            return
        namespace = (
            self.names.dhcp(network.id) if port.device_owner == DHCP_OWNER else self.names.router(port.device_id)
        )
        outer, inner = self.names.outer(port.id), self.names.inner(port.id)
        pair = Link(outer, links.PAIR, network.mtu, master=bridge, namespace=namespace, inner=inner, mac=port.mac)
        self._link(("port", port.id), pair)
        self.result.wires[port.id] = outer
        if port.device_owner == DHCP_OWNER:
            ports = tuple(one for one in self.state.ports if one.network_id == network.id)
            self.result.dhcp_servers[network.id] = DhcpServer(namespace, inner, network, port, ports)

    def _segment(self, network: Network) -> None:
        """Plan a bridge's firewall.

        A flat network's bridge belongs to the host, as do its connections; others are closed to it.
        """
        if network.id not in self.bridges:
            return
        bridge, is_flat = self.bridges[network.id], network.kind == "flat"
        closed = () if is_flat else tuple(link.name for link in self.result.links.values() if link.master == bridge)
        self.result.segments[network.id] = Segment(bridge, 0 if is_flat else self.zones.of(network.id), closed)

    def _router(self, router: Router) -> None:
        """Plan a router. A disabled one keeps its interfaces, but has neither addresses nor routes."""
        ports = {port.id: port for port in self.state.ports}
        if not router.admin_up:
            router = replace(router, floating_ips=(), routes=())
            ports = {id: replace(port, fixed_ips=()) for id, port in ports.items()}
        attached = [router_port for id in router.interfaces for router_port in self._router_port(ports.get(id))]
        gateway = next(iter(self._router_port(ports.get(router.gateway or ""))), None)
        self.result.routers[router.id] = RouterNamespace(self.names.router(router.id), router, tuple(attached), gateway)

    def _router_port(self, port: Port | None) -> Iterable[RouterPort]:
        if port is not None and port.id in self.result.wires:
            yield RouterPort(port, self.networks[port.network_id], self.names.inner(port.id))

    def _link(self, owner: tuple[str, str], link: Link) -> None:
        self.result.owners[link.name] = owner
        self.result.links[link.name] = link

    def _fail(self, kind: str, id: str, cause: str) -> None:
        self.result.failures.append(Failure(kind, id, cause))
