"""Ends running connections that the rules no longer allow.

The rules see the first packet of a connection only. So when they become narrower, running connections are checked
again, and those that would not be let in now are marked. Packets of marked ones are dropped (security_groups.STATEFUL)
until a change allows them again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from pileus_network.drivers.linux.conntrack_netlink import Connection, ConntrackSocket
from pileus_network.drivers.linux.firewall import GuardedPort
from pileus_network.drivers.linux.security_groups import BLOCKED_MARK, ICMP, ICMP6, WITH_PORTS
from pileus_network.rpc import AddressSet, Port, Rule, SecurityGroup

# DHCP, which no group can forbid: protocols with the ports that requests and answers go to.
ALWAYS_ALLOWED = frozenset({(17, 67), (17, 68), (17, 546), (17, 547)})

ZonedAddress = tuple[int, str]  # a conntrack zone and an address in it


@dataclass(frozen=True)
class Policy:
    """The rules as they are in force. `zones` maps networks to the zones of their connections."""

    guarded: tuple[GuardedPort, ...]
    zones: Mapping[str, int]
    groups: Mapping[str, SecurityGroup]
    remotes: Mapping[str, AddressSet]

    def ports_by_address(self) -> dict[ZonedAddress, Port]:
        """Return which port has an address. Only single addresses of address pairs count, not prefixes."""
        return {
            (self.zones.get(one.port.network_id, 0), address): one.port
            for one in self.guarded
            for address in (
                *(pair.address.removesuffix("/32") for pair in one.port.address_pairs),
                *(fixed.address for fixed in one.port.fixed_ips),
            )
        }


class ConntrackEnforcer:
    """Follows the policy as it changes, and ends connections that it no longer allows."""

    def __init__(self) -> None:
        self._policy: Policy | None = None
        self._any_blocked = False

    def follow(self, policy: Policy) -> None:
        """Enforce `policy`, which has just come into force.

        Only a change that takes something away can forbid connections.
        """
        old = self._policy
        if old is None or self._any_blocked or is_narrower(old, policy):
            self._any_blocked = mark_connections(PolicyChecker(policy))
        if old is not None:
            ports = policy.ports_by_address()
            before = old.ports_by_address()
            removed = {key for key, port in before.items() if key not in ports or ports[key].id != port.id}
            if removed:
                delete_for_addresses(removed)
        self._policy = policy


class PolicyChecker:
    """Decides what a policy allows."""

    def __init__(self, policy: Policy) -> None:
        self._ports = policy.ports_by_address()
        self._groups = policy.groups
        self._members = {id: [ip_network(text) for text in remote.addresses] for id, remote in policy.remotes.items()}

    def allows(self, connection: Connection) -> bool:
        """Return whether both ends that we guard allow the connection. An end that isn't guarded allows everything."""
        sender = self._ports.get((connection.zone, connection.source))
        receiver = self._ports.get((connection.zone, connection.destination))
        return (connection.protocol, connection.port) in ALWAYS_ALLOWED or (
            (sender is None or self._agrees(sender, "egress", connection, connection.destination))
            and (receiver is None or self._agrees(receiver, "ingress", connection, connection.source))
        )

    def concerns(self, connection: Connection) -> bool:
        """Return whether one of the ends is a port that we guard."""
        return (connection.zone, connection.source) in self._ports or (
            connection.zone,
            connection.destination,
        ) in self._ports

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


def mark_connections(checker: PolicyChecker) -> bool:
    """Mark what is no longer allowed and unmark what is again. Return whether any connection is marked now."""
    any_blocked = False
    with ConntrackSocket() as tracker:
        for connection in tracker.connections():
            if not checker.concerns(connection):
                continue
            mark_wanted = 0 if checker.allows(connection) else BLOCKED_MARK
            any_blocked |= mark_wanted == BLOCKED_MARK
            if connection.mark != mark_wanted and BLOCKED_MARK in (connection.mark, mark_wanted):
                tracker.mark(connection, mark_wanted)
    return any_blocked


def delete_for_addresses(removed: set[ZonedAddress]) -> None:
    """Delete the connections of addresses that no port has any more: the next port with one must not inherit them."""
    with ConntrackSocket() as tracker:
        for connection in tracker.connections():
            if (connection.zone, connection.source) in removed or (connection.zone, connection.destination) in removed:
                tracker.delete(connection)


def delete_translated(addresses: set[str]) -> None:
    """Delete the connections that were translated to or from these addresses."""
    with ConntrackSocket() as tracker:
        for connection in tracker.connections():
            if connection.destination in addresses or connection.answered_to in addresses:
                tracker.delete(connection)


def is_narrower(old: Policy, new: Policy) -> bool:
    """Return whether something that was allowed to a port that still exists may be forbidden now."""
    rules = any(
        set(group.rules) - set(new.groups[id].rules if id in new.groups else ()) for id, group in old.groups.items()
    )
    members = any(
        set(remote.addresses) - set(new.remotes[id].addresses if id in new.remotes else ())
        for id, remote in old.remotes.items()
    )
    ports = {one.port.id: set(one.port.security_groups) for one in new.guarded}
    return (
        rules
        or members
        or any(set(one.port.security_groups) - ports[one.port.id] for one in old.guarded if one.port.id in ports)
    )
