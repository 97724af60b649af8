"""The two tables that guard the servers' ports of a host.

The bridge family knows which port a frame comes from and goes to, but has no connections; the inet family has
connections, but sees only the bridge. So the bridge table checks who speaks (spoofing.py) and writes the two ports'
numbers into the packet's mark, the sender's in the upper half and the receiver's in the lower one; the inet table,
which the same packet passes next, reads them and decides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pileus_network.drivers.linux import groups, spoofing
from pileus_network.drivers.linux.nft import Chain, Set, Table
from pileus_network.rpc import AddressSet, Port, SecurityGroup


@dataclass(frozen=True)
class Guarded:
    """A server's port with security: its interface and the number it has in marks (1 to 65535)."""

    port: Port
    interface: str
    number: int


@dataclass(frozen=True)
class Segment:
    """A network's bridge. A zone of 0 shares connections with the host; `closed` interfaces must not reach the host
    itself.
    """

    bridge: str
    zone: int
    closed: tuple[str, ...]


def bridge_table(name: str, guarded: Iterable[Guarded], segments: Iterable[Segment]) -> Table:
    """Who may speak as whom, and the marks."""
    guarded = list(guarded)
    chains = {
        "enter": Chain(
            ("iifname vmap @speakers", "meta mark set iifname map @senders"),
            "type filter hook prerouting priority -200",
        ),
        "host": Chain(("iifname @closed drop",), "type filter hook input priority -200"),
        "leave": Chain(("oifname vmap @receivers",), "type filter hook forward priority -10"),
    }
    for one in guarded:
        chains[f"from-{one.interface}"] = spoofing.chain(one.port)
        chains[f"to-{one.interface}"] = Chain((f"meta mark set meta mark or {one.number:#x}",))
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
    guarded: Iterable[Guarded],
    segments: Iterable[Segment],
    known: Mapping[str, SecurityGroup],
    remotes: Mapping[str, AddressSet],
) -> Table:
    """Which connections may be made. Leaving the sender and entering the receiver are judged one after the other."""
    guarded = list(guarded)
    used = {id: known[id] for one in guarded for id in one.port.security_groups if id in known}
    chains = {
        "zone": Chain(("ct zone set iifname map @zones",), "type filter hook prerouting priority -300"),
        "egress": Chain(("meta mark and 0xffff0000 vmap @senders",), "type filter hook forward priority 0"),
        "host": Chain(("meta mark and 0xffff0000 vmap @senders",), "type filter hook input priority 0"),
        "ingress": Chain(("meta mark and 0x0000ffff vmap @receivers",), "type filter hook forward priority 1"),
        "stateful": groups.STATEFUL,
        "basic-in": groups.BASIC_IN,
        "basic-out": groups.BASIC_OUT,
    }
    for group in used.values():
        chains |= groups.chains(group)
    for one in guarded:
        chains[f"out-{one.interface}"] = _decide(one.port, used, "egress")
        chains[f"in-{one.interface}"] = _decide(one.port, used, "ingress")
    sets = {
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
    for id in sorted({id for group in used.values() for id in groups.named(group.rules)}):
        sets |= groups.members(remotes.get(id, AddressSet(id)))
    return Table("inet", name, chains, sets)


def _decide(port: Port, used: Mapping[str, SecurityGroup], direction: str) -> Chain:
    mine = [used[id] for id in port.security_groups if id in used]
    stateful = ["jump stateful"] if all(group.stateful for group in mine) else []
    basic = "jump basic-in" if direction == "ingress" else "jump basic-out"
    return Chain((*stateful, basic, *(f"jump {groups.name(group.id, direction)}" for group in mine), "drop"))


def _quoted(interface: str) -> str:
    return f'"{interface}"'
