"""The contract between the control plane and the agents of the hosts.

An agent knows the *whole* desired state of its host (`HostState`) and makes the host like that. It gets the whole state
once, then what changed (`HostChange`), always from one counted generation to another. Every value is frozen and every
sequence sorted by the sender, so that equal values mean that there is nothing to do. Addresses, prefixes and MACs are
canonical strings (`ipaddress` compressed form, lower-case MACs), so that they compare as text.
"""

# mypy: disable-error-code="empty-body"

from dataclasses import dataclass

from pileus_kit.inspection import TIMEOUT_S, Inspection
from pileus_kit.json_types import JsonObject
from pileus_kit.rpc import Interface, call, cast

DHCP_OWNER = "network:dhcp"
INTERFACE_OWNER = "network:router_interface"
GATEWAY_OWNER = "network:router_gateway"
SERVICE_OWNERS = frozenset({DHCP_OWNER, INTERFACE_OWNER, GATEWAY_OWNER})


@dataclass(frozen=True)
class Route:
    """A route of a subnet's hosts, or of a router."""

    destination: str
    nexthop: str


@dataclass(frozen=True)
class AllocationPool:
    """A range of addresses, both ends included."""

    start: str
    end: str


@dataclass(frozen=True)
class Subnet:
    """A subnet. `ra_mode` and `address_mode` are OpenStack's ipv6_ra_mode and ipv6_address_mode, None for IPv4."""

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
    """Another host that takes part in a VXLAN network: its tunnel address, and the MACs of its ports there."""

    host: str
    address: str
    macs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """A network.

    `kind` is vxlan, vlan, flat or local; `segment` is the VNI or the VLAN number; `mtu` is the guests', in bytes.
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
    """An address of a port."""

    subnet_id: str
    address: str


@dataclass(frozen=True)
class AddressPair:
    """An address or CIDR that a port may use besides its own, with a MAC, which is never empty."""

    address: str
    mac: str


@dataclass(frozen=True)
class DhcpOption:
    """An option as OpenStack's extra_dhcp_opts have it: `name` is dnsmasq's name of the option, or a number as text."""

    name: str
    value: str
    ip_version: int = 4


@dataclass(frozen=True)
class Port:
    """A port that matters on this host.

    `local` ports are wired here: a server's port has a tap, a DHCP or router port an interface in a namespace. The
    other ports of a network are sent only to a host with a local DHCP port or router interface on it, because DHCP and
    metadata answer them all. `device_id` and `project_id` identify the server to metadata. `hostname` is what DHCP
    assigns, "" for none.
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
    """One kind of traffic that a group allows.

    `protocol` is an IP protocol number, or None for any. `port_min` and `port_max` are ports of TCP, UDP, SCTP, DCCP
    and UDP-Lite, or type and code of ICMP; None stands for any. `remote_prefix` and `remote_group` exclude each other.
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
    """A security group; without `stateful`, answers need rules of their own."""

    id: str
    stateful: bool = True
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class AddressSet:
    """All addresses (and CIDRs of address pairs) of a group's ports, for a group that a rule here names as remote."""

    group_id: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class FloatingIp:
    """`floating`, on the router's external network, is translated to `fixed`, behind the router, and back."""

    id: str
    floating: str
    fixed: str


@dataclass(frozen=True)
class Router:
    """A router that is on this host. `interfaces` and `gateway` are ids of local ports in `HostState.ports`."""

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
    """All that a host is desired to be. What has the host's prefix and isn't in the state is removed from the host."""

    host: str
    generation: int
    networks: tuple[Network, ...] = ()
    ports: tuple[Port, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    address_sets: tuple[AddressSet, ...] = ()
    routers: tuple[Router, ...] = ()


@dataclass(frozen=True)
class Removal:
    """Something that the host doesn't need any more.

    `kind` is network (with its ports), port, group, remote (an address set) or router; or served: the ports of a
    network, of which those that still matter come with the same change.
    """

    kind: str
    id: str


@dataclass(frozen=True)
class AddressSetChange:
    """Addresses that are new in an address set that the host has, and addresses that no longer are in it."""

    group_id: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostChange:
    """What leads from generation `base` to `generation`: new and changed things, and what is removed.

    It is the `whole` state if there are too many changes, or if they aren't known.
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
    """Something that could not be done.

    `kind` is network, port, dhcp, router, metadata or host; `cause` is a sentence for people.
    """

    kind: str
    id: str
    cause: str


@dataclass(frozen=True)
class Report:
    """What is true on the host: *all* local ports that carry traffic, and all failures."""

    ports: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class ReportChange:
    """What changed on the host since its last report.

    `wired` are local ports that carry traffic (again), `unwired` those that no longer do; `failures` are all of them.
    """

    wired: tuple[str, ...] = ()
    unwired: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class SyncTiming:
    """How long one reconciliation took: `seconds` in all, and its parts (`pileus_kit.spans`)."""

    seconds: float
    spans: tuple[JsonObject, ...] = ()


@dataclass(frozen=True)
class HostFacts:
    """What a host can do. `tunnel_address` is "" if it can't take part in VXLAN networks."""

    agent_version: str
    driver: str
    tunnel_address: str
    physical_networks: tuple[str, ...]
    generation: int


class HostAgent(Interface, topic="network.agent", version="1.1"):
    """What the agent of a host answers."""

    @cast(since="1.0")
    def notify(self, generation: int) -> None:
        """Say that there is a newer generation; the agent fetches it from `ControlPlane`.

        If the message is lost, the next heartbeat replaces it.
        """

    @call(since="1.0", timeout_s=30)
    def report(self) -> Report:
        """Return what is true on the host, as of the generation that was applied last."""

    @call(since="1.1", timeout_s=TIMEOUT_S)
    def inspect(self) -> Inspection:
        """Return what is on this machine: its processes, disk and networks, for `pileus doctor`."""


class ControlPlane(Interface, topic="network.worker", version="1.2"):
    """What the workers answer to the agents."""

    @call(since="1.0", timeout_s=60)
    def get_host_state(self, host: str, known: int) -> HostState | None:
        """Return the whole desired state of a host, None if generation `known` is the newest (-1: none is known)."""

    @call(since="1.0", timeout_s=60)
    def report_state(self, host: str, generation: int, report: Report, took: SyncTiming | None = None) -> None:
        """Record what is true on a host after it applied `generation`.

        The call may be repeated; a report about an older generation is still true. `took` says how long it took.
        """

    @call(since="1.2", timeout_s=60)
    def get_changes(self, host: str, known: int) -> HostChange | None:
        """Return what leads from generation `known` (-1: from nothing) to the newest, None if `known` is the newest."""

    @call(since="1.2", timeout_s=60)
    def audit_state(self, host: str, generation: int, digest: str) -> HostState | None:
        """Return the whole desired state if the host's state of the newest `generation` has a wrong digest, else None.

        The digest is wrong if changes have led to another state on the host than the worker computes.
        """

    @call(since="1.2", timeout_s=60)
    def report_changes(self, host: str, generation: int, change: ReportChange, took: SyncTiming | None = None) -> None:
        """Record what changed on a host by `generation`, since its last report. The call may be repeated."""

    @call(since="1.0", timeout_s=30)
    def heartbeat(self, host: str, facts: HostFacts) -> int:
        """Record that the host is alive (every 15 s) and return the newest generation of its desired state."""
