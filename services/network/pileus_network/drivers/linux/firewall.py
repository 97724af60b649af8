"""The two nftables tables that guard the servers' ports of a host.

The bridge family knows from which port a frame comes and to which it goes, but tracks no connections. The inet family
tracks connections, but sees only the bridge. So the bridge table checks the sender (anti_spoofing.py) and writes the
numbers of both ports into the packet's mark, the sender's into the upper half and the receiver's into the lower. The
inet table, which the packet passes next, decides by them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from pileus_network.drivers.linux import anti_spoofing, security_groups
from pileus_network.drivers.linux.nft import Chain, Set, Table
from pileus_network.rpc import AddressSet, Port, SecurityGroup

# What the host itself sends or routes onto a network is in no bridge yet when it is checked: it has no mark, and the
# receiver is found by its address.
UNMARKED = (
    "meta mark and 0x0000ffff == 0 oifname . ip daddr vmap @neighbours4",
    "meta mark and 0x0000ffff == 0 oifname . ip6 daddr vmap @neighbours6",
)

# Marks have our meaning on our bridges only: another cloud or program on this host may use marks of its own.
SENT = "iifname @bridges meta mark and 0xffff0000 vmap @senders"
RECEIVED = "oifname @bridges meta mark and 0x0000ffff vmap @receivers"


@dataclass(frozen=True)
class GuardedPort:
    """A server's port with port security.

    `interface` is its tap, `number` what identifies it in marks (1 to 65535). `open_bridge` is the bridge of a network
    that the host itself is on, "" for all other networks.
    """

    port: Port
    interface: str
    number: int
    open_bridge: str = ""


@dataclass(frozen=True)
class Segment:
    """A network's bridge. Zone 0 is the host's own; frames from `closed` interfaces must not reach the host itself."""

    bridge: str
    zone: int
    closed: tuple[str, ...]


def bridge_table(name: str, guarded: Iterable[GuardedPort], segments: Iterable[Segment]) -> Table:
    """Return the table that decides which frames a port may send, and that sets the marks."""
    guarded = list(guarded)
    chains = {
        "enter": Chain(
            ("iifname vmap @speakers", "meta mark set iifname map @senders"),
            "type filter hook prerouting priority -200",
        ),
        "host": Chain(("iifname @closed drop",), "type filter hook input priority -200"),
        "leave": Chain(("oifname vmap @receivers",), "type filter hook forward priority -10"),
        anti_spoofing.SENT_CHAIN: anti_spoofing.SENT,
        anti_spoofing.PIECES_CHAIN: anti_spoofing.PIECES,
    }
    for one in guarded:
        chains[f"from-{one.interface}"] = anti_spoofing.chain(one.port)
        chains[f"to-{one.interface}"] = Chain(
            (anti_spoofing.KNOWN_FRAMES, f"meta mark set meta mark or {one.number:#x}")
        )
    sets = {
        "closed": Set("type ifname", frozenset(_quoted(i) for segment in segments for i in segment.closed)),
        "senders": Set(
            "type ifname : mark", frozenset(f'"{g.interface}" : {g.number << 16:#010x}' for g in guarded), "map"
        ),
        "speakers": Set(
            "type ifname : verdict", frozenset(f'"{g.interface}" : jump from-{g.interface}' for g in guarded), "map"
        ),
        "receivers": Set(
            "type ifname : verdict", frozenset(f'"{g.interface}" : jump to-{g.interface}' for g in guarded), "map"
        ),
    }
    return Table("bridge", name, chains, sets)


def inet_table(
    name: str,
    guarded: Iterable[GuardedPort],
    segments: Iterable[Segment],
    known: Mapping[str, SecurityGroup],
    remotes: Mapping[str, AddressSet],
) -> Table:
    """Return the table that decides about connections: first whether the sender may, then whether the receiver may."""
    guarded, segments = list(guarded), list(segments)
    used = {id: known[id] for one in guarded for id in one.port.security_groups if id in known}
    chains = {
        "zone": Chain(("ct zone set iifname map @zones",), "type filter hook prerouting priority -300"),
        "egress": Chain((SENT,), "type filter hook forward priority 0"),
        "host": Chain((SENT,), "type filter hook input priority 0"),
        "ingress": Chain((RECEIVED, *UNMARKED), "type filter hook forward priority 1"),
        "from-host": Chain(UNMARKED, "type filter hook output priority 1"),
        "stateful": security_groups.STATEFUL,
        "basic-in": security_groups.BASIC_IN,
        "basic-out": security_groups.BASIC_OUT,
    }
    for group in used.values():
        chains |= security_groups.chains(group)
    for one in guarded:
        chains[f"out-{one.interface}"] = _decide(one.port, used, "egress")
        chains[f"in-{one.interface}"] = _decide(one.port, used, "ingress")
    sets = {
        "bridges": Set("type ifname", frozenset(_quoted(s.bridge) for s in segments)),
        "zones": Set(
            "typeof iifname : ct zone", frozenset(f'"{s.bridge}" : {s.zone}' for s in segments if s.zone), "map"
        ),
        "senders": Set(
            "type mark : verdict", frozenset(f"{g.number << 16:#010x} : jump out-{g.interface}" for g in guarded), "map"
        ),
        "receivers": Set(
            "type mark : verdict", frozenset(f"{g.number:#010x} : jump in-{g.interface}" for g in guarded), "map"
        ),
    }
    for version in (4, 6):
        sets[f"neighbours{version}"] = _neighbours(guarded, version)
    for id in sorted({id for group in used.values() for id in security_groups.named(group.rules)}):
        sets |= security_groups.members(remotes.get(id, AddressSet(id)))
    return Table("inet", name, chains, sets)


def _neighbours(guarded: Iterable[GuardedPort], version: int) -> Set:
    """Return the map from addresses that the host reaches without a router to the chains for what it sends there."""
    elements = [
        f'"{one.open_bridge}" . {address} : jump in-{one.interface}'
        for one in guarded
        if one.open_bridge
        for address in (*(fixed.address for fixed in one.port.fixed_ips), anti_spoofing.link_local(one.port.mac))
        if ip_address(address).version == version
    ]
    return Set(f"type ifname . ipv{version}_addr : verdict", frozenset(elements), "map")


def _decide(port: Port, used: Mapping[str, SecurityGroup], direction: str) -> Chain:
    mine = [used[id] for id in port.security_groups if id in used]
    stateful = ["jump stateful"] if all(group.stateful for group in mine) else []
    basic = "jump basic-in" if direction == "ingress" else "jump basic-out"
    return Chain((*stateful, basic, *(f"jump {security_groups.name(group.id, direction)}" for group in mine), "drop"))


def _quoted(interface: str) -> str:
    return f'"{interface}"'
