"""What changed for a host since a generation.

The values are those of `host_state.find`, but only of resources that have a change record. Their cost depends on how
much changed, not on how much the host has.
"""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import ColumnElement, String, cast, delete, exists, func, select, update
from sqlalchemy.orm import Session, selectinload

from pileus_network import rpc
from pileus_network.core import host_state, hosts, ports
from pileus_network.core.affected_hosts import (
    NETWORK,
    PORT,
    PORT_SECURITY_GROUP,
    REMOTE_ADDRESS,
    REMOTE_GROUP,
    ROUTER,
    SECURITY_GROUP,
    SERVED_NETWORK,
)
from pileus_network.core.ports import FLOATING_OWNER
from pileus_network.db.models import (
    ChangeRecord,
    FixedIp,
    Host,
    Network,
    Port,
    PortSecurityGroup,
    Router,
    SecurityGroup,
    SecurityGroupRule,
)
from pileus_network.rpc import DHCP_OWNER, INTERFACE_OWNER

MAX_RESOURCES = 500
"""Resources that are sent one by one; if more have changed, the whole state is sent."""
MAX_ROWS = 4 * MAX_RESOURCES
"""Change records that are read: a resource has one for each generation that changed it."""
MAX_RECORDS = 20_000
"""Change records that are kept for a host whose agent doesn't fetch them."""


def find_since(session: Session, name: str, known: int, dns_domain: str) -> rpc.HostChange | None:
    """Return what leads from generation `known` to the newest one, or None if `known` is the newest."""
    host = hosts.find(session, name)
    if host.generation == known:
        return None
    changed = _list_changed(session, host, known) if host.logged_since <= known < host.generation else {}
    if not changed:
        whole = host_state.find(session, name, dns_domain)
        return rpc.HostChange(known, whole.generation, whole) if whole else None
    return _ChangeBuilder(session, host, changed, dns_domain).build(known)


def _list_changed(session: Session, host: Host, known: int) -> dict[str, set[str]]:
    """Return the changed ids by kind. Empty if there are too many, or if a generation has no change records."""
    rows = session.execute(
        select(ChangeRecord.generation, ChangeRecord.kind, ChangeRecord.resource_id)
        .where(ChangeRecord.host == host.name, ChangeRecord.generation > known)
        .limit(MAX_ROWS + 1)
    ).all()
    found: dict[str, set[str]] = defaultdict(set)
    for _, kind, resource_id in rows:
        found[kind].add(resource_id)
    is_complete = len({generation for generation, _, _ in rows}) == host.generation - known
    is_small = len(rows) <= MAX_ROWS and sum(map(len, found.values())) <= MAX_RESOURCES
    return found if is_complete and is_small else {}


def delete_excess(session: Session) -> None:
    """Delete the change records of hosts that have too many; these hosts get the whole state when they come back."""
    names = select(ChangeRecord.host).group_by(ChangeRecord.host).having(func.count() > MAX_RECORDS)
    for name in session.scalars(names).all():
        session.execute(update(Host).where(Host.name == name).values(logged_since=Host.generation))
        session.execute(delete(ChangeRecord).where(ChangeRecord.host == name))


class _ChangeBuilder:
    """Reads the changed resources of one host as they are now."""

    def __init__(self, session: Session, host: Host, changed: dict[str, set[str]], dns_domain: str) -> None:
        self._session, self._host, self._dns_domain = session, host, dns_domain
        self._changed = defaultdict(set, changed)
        self._removed: list[rpc.Removal] = []
        self._looked_up: set[str] = set()

    def build(self, known: int) -> rpc.HostChange:
        networks = self._networks()
        rules = self._rules_naming(self._changed[REMOTE_GROUP] | self._addresses_by_group().keys())
        present = self._groups_on_host(
            self._changed[SECURITY_GROUP] | self._changed[PORT_SECURITY_GROUP] | {group_id for _, group_id in rules}
        )
        groups = self._security_groups(present)
        return rpc.HostChange(
            base=known,
            generation=self._host.generation,
            networks=networks,
            ports=self._ports(),
            security_groups=groups,
            address_sets=self._address_sets(rules, present),
            address_set_changes=self._address_set_changes(rules, present),
            routers=self._routers(),
            removed=tuple(self._removed),
        )

    def _note_removed(self, kind: str, changed: Collection[str], found: Collection[str]) -> None:
        self._removed += [rpc.Removal(kind, id) for id in sorted(set(changed) - set(found))]

    def _networks(self) -> tuple[rpc.Network, ...]:
        changed = self._changed[NETWORK] | self._changed[SERVED_NETWORK]
        if not changed:
            return ()
        here = select(Port.network_id).where(Port.host == self._host.name, Port.network_id.in_(changed))
        query = select(Network).where(Network.id.in_(here)).options(selectinload(Network.subnets))
        rows = list(self._session.scalars(query))
        self._note_removed(NETWORK, changed, {row.id for row in rows})
        pairs = host_state.list_with_peers(self._session, self._host.name, rows)
        return host_state.sort_by_key(host_state.show_network(row, self._dns_domain, peers) for row, peers in pairs)

    def _ports(self) -> tuple[rpc.Port, ...]:
        """The changed ports, and all ports of a network whose DHCP port or router interface came, went or moved."""
        changed, served_networks, name = self._changed[PORT], self._changed[SERVED_NETWORK], self._host.name
        owners = (DHCP_OWNER, INTERFACE_OWNER)
        served = select(Port.network_id).where(Port.host == name, Port.device_owner.in_(owners)).distinct()
        rows = self._session.scalars(
            select(Port)
            .where(Port.id.in_(changed) | Port.network_id.in_(served_networks))
            .where((Port.host == name) | Port.network_id.in_(served), Port.device_owner != FLOATING_OWNER)
            .options(*ports.LOADED)
        ).all()
        self._note_removed(PORT, changed, {row.id for row in rows})
        self._removed += [rpc.Removal(SERVED_NETWORK, id) for id in sorted(served_networks)]
        return host_state.sort_by_key(host_state.show_port(row, local=row.host == name) for row in rows)

    # -- security groups -------------------------------------------------------------------------------------------

    def _rules_naming(self, remote_groups: Collection[str]) -> set[tuple[str, str]]:
        """Return (remote group, group) for the rules that name one of these groups as their remote."""
        self._looked_up.update(remote_groups)
        if not remote_groups:
            return set()
        query = select(SecurityGroupRule.remote_group_id, SecurityGroupRule.security_group_id)
        rows = self._session.execute(query.where(SecurityGroupRule.remote_group_id.in_(remote_groups)).distinct())
        return {(remote, group_id) for remote, group_id in rows if remote}

    def _groups_on_host(self, groups: Collection[str]) -> dict[str, bool]:
        """Return the groups that a port on this host is in, each with whether a port that didn't change is in it.

        EXISTS stops at the first port, so the cost is the same however many ports are in a group.
        """
        if not groups:
            return {}

        def is_held(*clauses: ColumnElement[bool]) -> ColumnElement[bool]:
            held = select(PortSecurityGroup.port_id).join(Port, Port.id == PortSecurityGroup.port_id)
            mine = held.where(PortSecurityGroup.security_group_id == SecurityGroup.id, Port.host == self._host.name)
            return exists(mine.where(*clauses).correlate(SecurityGroup))

        unchanged = is_held(Port.id.not_in(self._changed[PORT]))
        rows = self._session.execute(select(SecurityGroup.id, unchanged).where(SecurityGroup.id.in_(groups), is_held()))
        return {group_id: bool(held) for group_id, held in rows}

    def _security_groups(self, present: dict[str, bool]) -> tuple[rpc.SecurityGroup, ...]:
        """The groups whose rules changed, and those that came to the host, or left it, with the changed ports.

        The groups that their rules name as remote are added to the changed ones.
        """
        moved = {id for id in self._changed[PORT_SECURITY_GROUP] if not present.get(id)}
        changed = self._changed[SECURITY_GROUP] | moved
        if not changed:
            return ()
        here = changed & present.keys()
        query = select(SecurityGroup).where(SecurityGroup.id.in_(changed)).options(selectinload(SecurityGroup.rules))
        rows = self._session.scalars(query).all()
        self._changed[REMOTE_GROUP] |= host_state.list_remote_groups(rows)
        self._note_removed(SECURITY_GROUP, changed, here)
        return host_state.sort_by_key(host_state.show_security_group(row) for row in rows if row.id in here)

    def _named_here(self, groups: Collection[str], rules: set[tuple[str, str]], present: dict[str, bool]) -> set[str]:
        """Return those of the groups that a rule of a group on this host names as its remote."""
        unknown = set(groups) - self._looked_up
        if unknown:
            more = self._rules_naming(unknown)
            rules, present = rules | more, present | self._groups_on_host({group_id for _, group_id in more})
        return {remote for remote, group_id in rules if remote in groups and group_id in present}

    def _address_sets(self, rules: set[tuple[str, str]], present: dict[str, bool]) -> tuple[rpc.AddressSet, ...]:
        changed = self._changed[REMOTE_GROUP]
        named = self._named_here(changed, rules, present) if changed else set()
        self._note_removed(REMOTE_GROUP, changed, named)
        return host_state.sort_by_key(host_state.list_address_sets(self._session, named))

    def _addresses_by_group(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for text in self._changed[REMOTE_ADDRESS]:
            group_id, _, address = text.partition("/")
            found[group_id].add(address)
        return found

    def _address_set_changes(
        self, rules: set[tuple[str, str]], present: dict[str, bool]
    ) -> tuple[rpc.AddressSetChange, ...]:
        """Addresses that were added to groups, or removed from them, where the host has all other addresses."""
        changed = self._addresses_by_group()
        groups = changed.keys() - self._changed[REMOTE_GROUP]
        named = {remote for remote, group_id in rules if remote in groups and group_id in present}
        members = self._list_members({id: changed[id] for id in named})
        return tuple(
            rpc.AddressSetChange(id, tuple(sorted(changed[id] & members[id])), tuple(sorted(changed[id] - members[id])))
            for id in sorted(named)
        )

    def _list_members(self, changed: dict[str, set[str]]) -> dict[str, set[str]]:
        """Return which of these addresses the groups' ports have, as fixed IPs or as allowed address pairs."""
        found: dict[str, set[str]] = defaultdict(set)
        addresses = {address for group in changed.values() for address in group}
        if not addresses:
            return found
        own = select(PortSecurityGroup.security_group_id, FixedIp.address).join(
            FixedIp, FixedIp.port_id == PortSecurityGroup.port_id
        )
        for group_id, address in self._session.execute(
            own.where(FixedIp.address.in_(addresses), PortSecurityGroup.security_group_id.in_(changed))
        ):
            found[group_id].add(address)
        if any(changed[group_id] - found[group_id] for group_id in changed):
            pairs = select(PortSecurityGroup.security_group_id, Port.allowed_address_pairs).join(
                Port, Port.id == PortSecurityGroup.port_id
            )
            has_pairs = cast(Port.allowed_address_pairs, String) != "[]"
            rows = pairs.where(PortSecurityGroup.security_group_id.in_(changed), has_pairs)
            for group_id, allowed in self._session.execute(rows):
                found[group_id].update(pair["ip_address"] for pair in allowed)
        return found

    # -- routers ---------------------------------------------------------------------------------------------------

    def _routers(self) -> tuple[rpc.Router, ...]:
        changed, name = self._changed[ROUTER], self._host.name
        if not changed:
            return ()
        rows = self._session.scalars(select(Router).where(Router.id.in_(changed), Router.host == name)).all()
        local = self._session.scalars(select(Port).where(Port.router_id.in_(changed), Port.host == name)).all()
        self._note_removed(ROUTER, changed, {row.id for row in rows})
        return host_state.sort_by_key(host_state.show_routers(self._session, rows, local))
