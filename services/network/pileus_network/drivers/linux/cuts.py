"""Ending running connections that the rules no longer allow.

The rules see only the first packet of a connection. So when they are narrowed, the connections that are running are judged again, and those
that would not be let in today are marked; marked ones are dropped (groups.STATEFUL) until a change allows them again.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network

from pileus_network.drivers.linux.connections import Connection, Tracker
from pileus_network.drivers.linux.filters import Guarded
from pileus_network.drivers.linux.groups import CUT, ICMP, ICMP6, WITH_PORTS
from pileus_network.rpc import AddressSet, Port, Rule, SecurityGroup

# What groups can't close: DHCP, by the ports it is sent to.
ALWAYS = frozenset({(17, 67), (17, 68), (17, 546), (17, 547)})

Policy = tuple[Mapping[str, SecurityGroup], Mapping[str, AddressSet]]


class Judge:
    """Knows who may speak to whom, as the rules in force say. `zones` maps networks to the zones of their connections."""

    def __init__(self, guarded: Iterable[Guarded], zones: Mapping[str, int], groups: Mapping[str, SecurityGroup],
                 remotes: Mapping[str, AddressSet]) -> None:
        self._ports = {(zones.get(one.port.network_id, 0), fixed.address): one.port for one in guarded for fixed in one.port.fixed_ips}
        self._groups = groups
        self._members = {id: [ip_network(text) for text in remote.addresses] for id, remote in remotes.items()}

    def allows(self, connection: Connection) -> bool:
        """Whether both ends that we guard would agree to it. What concerns neither is none of our business."""
        sender = self._ports.get((connection.zone, connection.source))
        receiver = self._ports.get((connection.zone, connection.destination))
        return (connection.protocol, connection.port) in ALWAYS or (
            (sender is None or self._agrees(sender, "egress", connection, connection.destination))
            and (receiver is None or self._agrees(receiver, "ingress", connection, connection.source)))

    def concerns(self, connection: Connection) -> bool:
        return (connection.zone, connection.source) in self._ports or (connection.zone, connection.destination) in self._ports

    def _agrees(self, port: Port, direction: str, connection: Connection, other: str) -> bool:
        rules = (rule for id in port.security_groups if id in self._groups for rule in self._groups[id].rules)
        return any(rule.direction == direction and self._matches(rule, connection, other) for rule in rules)

    def _matches(self, rule: Rule, connection: Connection, other: str) -> bool:
        address = ip_address(other)
        if address.version != rule.ip_version or rule.protocol not in (None, connection.protocol):
            return False
        if rule.remote_prefix and address not in ip_network(rule.remote_prefix, strict=False):
            return False
        if rule.remote_group and not any(address in network for network in self._members.get(rule.remote_group, ())):
            return False
        return rule.port_min is None or _reaches(rule, connection.port)


def _reaches(rule: Rule, port: int) -> bool:
    first, last = rule.port_min or 0, rule.port_max
    if rule.protocol in (ICMP, ICMP6):
        return port >> 8 == first and last in (None, port & 0xFF)
    return rule.protocol not in WITH_PORTS or first <= port <= (first if last is None else last)


def settle(judge: Judge) -> bool:
    """Mark what is no longer allowed and unmark what is again. Returns whether any connection is cut now."""
    cut = False
    with Tracker() as tracker:
        for connection in tracker.connections():
            if not judge.concerns(connection):
                continue
            wanted = 0 if judge.allows(connection) else CUT
            cut |= wanted == CUT
            if connection.mark != wanted and CUT in (connection.mark, wanted):
                tracker.mark(connection, wanted)
    return cut


def forget(gone: set[tuple[int, str]]) -> None:
    """Delete the connections of addresses (with their zones) that nobody has any more: their next owner shall not inherit them."""
    with Tracker() as tracker:
        for connection in tracker.connections():
            if (connection.zone, connection.source) in gone or (connection.zone, connection.destination) in gone:
                tracker.delete(connection)


def release(addresses: set[str]) -> None:
    """Delete the connections that were translated to or from these addresses."""
    with Tracker() as tracker:
        for connection in tracker.connections():
            if connection.destination in addresses or connection.answered_to in addresses:
                tracker.delete(connection)


def narrowed(old: Policy, new: Policy) -> bool:
    """Whether something that was allowed to the same ports may be forbidden now."""
    return any(set(group.rules) - set(new[0][id].rules if id in new[0] else ()) for id, group in old[0].items()) or any(
        set(remote.addresses) - set(new[1][id].addresses if id in new[1] else ()) for id, remote in old[1].items())
