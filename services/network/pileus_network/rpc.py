"""What the control plane and the agents of the hosts say to each other.

A host knows the *whole* state that is wanted of it (`HostState`) and is made like it. It is told the whole once, and
then what changed (`HostChange`), always from one counted generation to another. Every value is frozen and every
sequence sorted by the sender, so that equality means that there is nothing to do. Addresses, prefixes and MACs are
canonical strings (`ipaddress` compressed form, lower-case MACs), so that they compare as text.
"""

# mypy: disable-error-code="empty-body"

from dataclasses import dataclass
from typing import Any

from pileus_kit.rpc import Interface, call, cast

DHCP_OWNER = "network:dhcp"
INTERFACE_OWNER = "network:router_interface"
GATEWAY_OWNER = "network:router_gateway"
SERVICE_OWNERS = frozenset({DHCP_OWNER, INTERFACE_OWNER, GATEWAY_OWNER})


@dataclass(frozen=True)
class Route:
    destination: str
    nexthop: str


@dataclass(frozen=True)
class AllocationPool:
    """A range of addresses, both ends included."""

    start: str
    end: str


@dataclass(frozen=True)
class Subnet:
    """`ra_mode` and `address_mode` are OpenStack's (slaac, dhcpv6-stateful, dhcpv6-stateless) or None; IPv6 only."""

    id: str
    cidr: str
    ip_version: int
    gateway: str | None
    dhcp: bool
    dns: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    ra_mode: str | None = None
    address_mode: str | None = None
    pools: tuple[AllocationPool, ...] = ()


@dataclass(frozen=True)
class Peer:
    """Another host that takes part in a VXLAN network: its tunnel address and the MACs that live behind it."""

    host: str
    address: str
    macs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """`kind` is vxlan, vlan, flat or local; `segment` is the VNI or the VLAN number; `mtu` is the guests' MTU in
    bytes.
    """

    id: str
    kind: str
    segment: int | None
    physical_network: str | None
    mtu: int
    dns_domain: str = ""
    subnets: tuple[Subnet, ...] = ()
    peers: tuple[Peer, ...] = ()


@dataclass(frozen=True)
class FixedIp:
    subnet_id: str
    address: str


@dataclass(frozen=True)
class AddressPair:
    """`address` is an address or a CIDR that the port may use besides its own; `mac` is never empty."""

    address: str
    mac: str


@dataclass(frozen=True)
class DhcpOption:
    """`name` is dnsmasq's option name or a number as text, as OpenStack's extra_dhcp_opts hold it."""

    name: str
    value: str
    ip_version: int = 4


@dataclass(frozen=True)
class Port:
    """A port that matters on this host.

    `local` ports are to be wired here: a tap for a server's port, an interface in a namespace for DHCP and router
    ports. The other ports of a network are only sent to a host that has a local DHCP port or router interface on it:
    DHCP and metadata answer them all. `device_id` and `project_id` are what metadata vouches for. `hostname` is what
    DHCP hands out ("" for nothing).
    """

    id: str
    network_id: str
    project_id: str
    mac: str
    device_owner: str
    device_id: str
    local: bool
    admin_up: bool = True
    hostname: str = ""
    fixed_ips: tuple[FixedIp, ...] = ()
    port_security: bool = True
    address_pairs: tuple[AddressPair, ...] = ()
    security_groups: tuple[str, ...] = ()
    dhcp_options: tuple[DhcpOption, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One thing that a group allows.

    `protocol` is an IP protocol number, or None for any. `port_min` and `port_max` are ports for TCP, UDP, SCTP, DCCP
    and UDP-Lite, and type and code for ICMP; None stands for any. `remote_prefix` and `remote_group` exclude each
    other.
    """

    direction: str
    ip_version: int
    protocol: int | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_prefix: str | None = None
    remote_group: str | None = None


@dataclass(frozen=True)
class SecurityGroup:
    id: str
    stateful: bool = True
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class AddressSet:
    """All addresses (and CIDRs of address pairs) of the ports in a group that some rule here names as its remote."""

    group_id: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class FloatingIp:
    """`floating` on the router's external network leads to `fixed` behind the router, both ways."""

    id: str
    floating: str
    fixed: str


@dataclass(frozen=True)
class Router:
    """A router that lives on this host. `interfaces` and `gateway` are ids of local ports in `HostState.ports`."""

    id: str
    project_id: str
    admin_up: bool = True
    interfaces: tuple[str, ...] = ()
    gateway: str | None = None
    snat: bool = True
    floating_ips: tuple[FloatingIp, ...] = ()
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True)
class HostState:
    """Everything that one host shall be; what carries the host's prefix and is not in here is removed from it."""

    host: str
    generation: int
    networks: tuple[Network, ...] = ()
    ports: tuple[Port, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    address_sets: tuple[AddressSet, ...] = ()
    routers: tuple[Router, ...] = ()


@dataclass(frozen=True)
class Removal:
    """What the host has no longer to do with. `kind` is network (with its ports), port, group, remote or router; served
    is a network whose ports, as far as they still matter, come with the same change.
    """

    kind: str
    id: str


@dataclass(frozen=True)
class AddressSetChange:
    """Addresses that are now in a remote group that the host knows, and addresses that no longer are."""

    group_id: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostChange:
    """What leads a host from generation `base` to `generation`: the things that are new or different, and those that
    are gone; or the `whole` state, when the way is too long or not known.
    """

    base: int
    generation: int
    whole: HostState | None = None
    networks: tuple[Network, ...] = ()
    ports: tuple[Port, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    address_sets: tuple[AddressSet, ...] = ()
    routers: tuple[Router, ...] = ()
    address_set_changes: tuple[AddressSetChange, ...] = ()
    removed: tuple[Removal, ...] = ()


@dataclass(frozen=True)
class Failure:
    """`kind` is network, port, dhcp, router, metadata or host; `cause` is a sentence for a human."""

    kind: str
    id: str
    cause: str


@dataclass(frozen=True)
class Report:
    """What is true on the host now: *all* local ports that carry traffic, and everything that could not be made."""

    ports: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class ReportChange:
    """What is different on the host since its last report: local ports that carry traffic (again), ports that no longer
    do, and everything that could not be made.
    """

    wired: tuple[str, ...] = ()
    unwired: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class SyncTiming:
    """What came of one look at the wanted state: `seconds` in all, and what took them (`pileus_kit.spans`)."""

    seconds: float
    spans: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class HostFacts:
    """What a host can do. `tunnel_address` is "" when it can't take part in VXLAN networks."""

    agent_version: str
    driver: str
    tunnel_address: str
    physical_networks: tuple[str, ...]
    generation: int


class HostAgent(Interface, topic="network.agent", version="1.0"):
    @cast(since="1.0")
    def notify(self, generation: int) -> None:
        """Say that there is a newer wanted state; the agent fetches it from `ControlPlane`. A lost poke costs one
        heartbeat.
        """

    @call(since="1.0", timeout_s=30)
    def report(self) -> Report:
        """Return what is true on the host, as of the generation that was applied last."""


class ControlPlane(Interface, topic="network.worker", version="1.2"):
    @call(since="1.0", timeout_s=60)
    def get_host_state(self, host: str, known: int) -> HostState | None:
        """Return the whole wanted state of a host, or None when generation `known` is still the newest (-1 knows
        none).
        """

    @call(since="1.0", timeout_s=60)
    def report_state(self, host: str, generation: int, report: Report, took: SyncTiming | None = None) -> None:
        """Take note of what a host became after `generation`. Repeatable; a report about an older generation still
        tells the truth. `took` (since 1.1; a worker of 1.0 ignores it) says how the host came there.
        """

    @call(since="1.2", timeout_s=60)
    def get_changes(self, host: str, known: int) -> HostChange | None:
        """Return what leads from generation `known` (-1: from nothing) to the newest; None if that is the newest."""

    @call(since="1.2", timeout_s=60)
    def audit_state(self, host: str, generation: int, digest: str) -> HostState | None:
        """Return the whole wanted state if `generation` is the newest and its digest is another one: the host's copy,
        which changes have led to, is wrong.
        """

    @call(since="1.2", timeout_s=60)
    def report_changes(
        self, host: str, generation: int, progress: ReportChange, took: SyncTiming | None = None
    ) -> None:
        """Take note of what became different on a host by `generation`, since what it reported last. Repeatable."""

    @call(since="1.0", timeout_s=30)
    def heartbeat(self, host: str, facts: HostFacts) -> int:
        """Register the host as alive (sent every 15 s) and return the generation that is wanted of it now."""
