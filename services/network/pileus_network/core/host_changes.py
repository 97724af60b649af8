"""What became different for a host since the generation that it has: the same values as `wanted.state`, but only of
what was touched since. Costs as much as changed, however much there is.
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
"""Things that are told one by one; of more, the whole state is sent."""
MAX_RECORDS = 20_000
"""Changes that are kept for a host that doesn't come for them."""


def find_since(session: Session, name: str, known: int, dns_domain: str) -> rpc.HostChange | None:
    """What leads from the generation that the host has to the newest; None if that is the one it has."""
    host = hosts.find(session, name)
    if host.generation == known:
        return None
    touched = _list_changed(session, host, known) if host.logged_since <= known < host.generation else {}
    if not touched:
        whole = host_state.find(session, name, dns_domain)
        return rpc.HostChange(known, whole.generation, whole) if whole else None
    return _ChangeBuilder(session, host, touched, dns_domain).change(known)


def _list_changed(session: Session, host: Host, known: int) -> dict[str, set[str]]:
    """Ids by kind; nothing where it is too much, or where nobody affects what it was."""
    mine = (ChangeRecord.host == host.name, ChangeRecord.generation > known)
    if session.scalar(select(func.count(ChangeRecord.generation.distinct())).where(*mine)) != host.generation - known:
        return {}
    rows = session.execute(
        select(ChangeRecord.kind, ChangeRecord.resource_id).where(*mine).distinct().limit(MAX_RESOURCES + 1)
    ).all()
    found: dict[str, set[str]] = defaultdict(set)
    for kind, resource_id in rows:
        found[kind].add(resource_id)
    return found if len(rows) <= MAX_RESOURCES else {}


def delete_excess(session: Session) -> None:
    """A host that is away for long gets the whole state when it comes back."""
    long = select(ChangeRecord.host).group_by(ChangeRecord.host).having(func.count() > MAX_RECORDS)
    for name in session.scalars(long).all():
        session.execute(update(Host).where(Host.name == name).values(logged_since=Host.generation))
        session.execute(delete(ChangeRecord).where(ChangeRecord.host == name))


class _ChangeBuilder:
    """The touched things of one host, as they are now."""

    def __init__(self, session: Session, host: Host, touched: dict[str, set[str]], dns_domain: str) -> None:
        self._session, self._host, self._dns_domain = session, host, dns_domain
        self._touched = defaultdict(set, touched)
        self._gone: list[rpc.Removal] = []

    def change(self, known: int) -> rpc.HostChange:
        networks, groups = self._networks(), self._groups()
        return rpc.HostChange(
            base=known,
            generation=self._host.generation,
            networks=networks,
            ports=self._ports(),
            security_groups=groups,
            address_sets=self._address_sets(),
            address_set_changes=self._members(),
            routers=self._routers(),
            removed=tuple(self._gone),
        )

    def _miss(self, kind: str, asked: Collection[str], found: Collection[str]) -> None:
        self._gone += [rpc.Removal(kind, id) for id in sorted(set(asked) - set(found))]

    def _networks(self) -> tuple[rpc.Network, ...]:
        asked = self._touched[NETWORK] | self._touched[SERVED_NETWORK]
        if not asked:
            return ()
        here = select(Port.network_id).where(Port.host == self._host.name, Port.network_id.in_(asked))
        query = select(Network).where(Network.id.in_(here)).options(selectinload(Network.subnets))
        rows = list(self._session.scalars(query))
        known = {row.name: row for row in self._session.scalars(select(Host))}
        self._miss(NETWORK, asked, {row.id for row in rows})
        pairs = host_state.list_with_peers(self._session, self._host.name, known, rows)
        return host_state.sort_by_key(host_state.show_network(row, self._dns_domain, peers) for row, peers in pairs)

    def _ports(self) -> tuple[rpc.Port, ...]:
        """Those that were touched, and all of a network whose DHCP or router came, went or moved."""
        asked, everywhere, name = self._touched[PORT], self._touched[SERVED_NETWORK], self._host.name
        owners = (DHCP_OWNER, INTERFACE_OWNER)
        served = select(Port.network_id).where(Port.host == name, Port.device_owner.in_(owners)).distinct()
        rows = self._session.scalars(
            select(Port)
            .where(Port.id.in_(asked) | Port.network_id.in_(everywhere))
            .where((Port.host == name) | Port.network_id.in_(served), Port.device_owner != FLOATING_OWNER)
            .options(*ports.LOADED)
        ).all()
        self._miss(PORT, asked, {row.id for row in rows})
        self._gone += [rpc.Removal(SERVED_NETWORK, id) for id in sorted(everywhere)]
        return host_state.sort_by_key(host_state.show_port(row, local=row.host == name) for row in rows)

    def _here(self, groups: Collection[str], *which: ColumnElement[bool]) -> set[str]:
        """Those of the groups that a port on the host is in; one look for each, however many ports there are."""
        mine = select(PortSecurityGroup.port_id).join(Port, Port.id == PortSecurityGroup.port_id)
        held = mine.where(PortSecurityGroup.security_group_id == SecurityGroup.id, Port.host == self._host.name, *which)
        query = select(SecurityGroup.id).where(SecurityGroup.id.in_(groups), exists(held.correlate(SecurityGroup)))
        return set(self._session.scalars(query)) if groups else set()

    def _newly_held(self) -> set[str]:
        """Groups that only touched ports are in: they came to the host, or left it. Others are there, and were."""
        asked = self._touched[PORT_SECURITY_GROUP]
        return asked - self._here(asked, Port.id.not_in(self._touched[PORT]))

    def _groups(self) -> tuple[rpc.SecurityGroup, ...]:
        """With the groups come those that their rules name, also of a group that leaves the host."""
        asked = self._touched[SECURITY_GROUP] | self._newly_held()
        here = self._here(asked)
        rules = select(SecurityGroupRule.remote_group_id).where(SecurityGroupRule.security_group_id.in_(asked))
        self._touched[REMOTE_GROUP] |= {id for id in self._session.scalars(rules.distinct()) if id} if asked else set()
        query = select(SecurityGroup).where(SecurityGroup.id.in_(here)).options(selectinload(SecurityGroup.rules))
        rows = self._session.scalars(query).all() if here else ()
        self._miss(SECURITY_GROUP, asked, here)
        return host_state.sort_by_key(map(host_state.show_security_group, rows))

    def _address_sets(self) -> tuple[rpc.AddressSet, ...]:
        asked = self._touched[REMOTE_GROUP]
        named = self._named(asked)
        self._miss(REMOTE_GROUP, asked, named)
        return host_state.sort_by_key(host_state.list_address_sets(self._session, named))

    def _named(self, remotes: Collection[str]) -> set[str]:
        """Those that a rule of a group on this host names as its remote."""
        if not remotes:
            return set()
        rules = select(SecurityGroupRule.remote_group_id, SecurityGroupRule.security_group_id)
        rows = self._session.execute(rules.where(SecurityGroupRule.remote_group_id.in_(remotes)).distinct()).all()
        here = self._here({group_id for _, group_id in rows})
        return {remote for remote, group_id in rows if remote and group_id in here}

    def _members(self) -> tuple[rpc.AddressSetChange, ...]:
        """Addresses that came to groups, or left them, of which the host has all others."""
        touched: dict[str, set[str]] = defaultdict(set)
        for text in self._touched[REMOTE_ADDRESS]:
            group_id, _, address = text.partition("/")
            touched[group_id].add(address)
        named = self._named(touched.keys() - self._touched[REMOTE_GROUP])
        present = self._present({id: touched[id] for id in named})
        return tuple(
            rpc.AddressSetChange(id, tuple(sorted(touched[id] & present[id])), tuple(sorted(touched[id] - present[id])))
            for id in sorted(named)
        )

    def _present(self, touched: dict[str, set[str]]) -> dict[str, set[str]]:
        """Which of these addresses the groups' ports have, as their own or as a pair's."""
        found: dict[str, set[str]] = defaultdict(set)
        addresses = {address for one in touched.values() for address in one}
        if not addresses:
            return found
        own = select(PortSecurityGroup.security_group_id, FixedIp.address).join(
            FixedIp, FixedIp.port_id == PortSecurityGroup.port_id
        )
        for group_id, address in self._session.execute(
            own.where(FixedIp.address.in_(addresses), PortSecurityGroup.security_group_id.in_(touched))
        ):
            found[group_id].add(address)
        if any(touched[group_id] - found[group_id] for group_id in touched):
            pairs = select(PortSecurityGroup.security_group_id, Port.allowed_address_pairs).join(
                Port, Port.id == PortSecurityGroup.port_id
            )
            with_pairs = cast(Port.allowed_address_pairs, String) != "[]"
            for group_id, allowed in self._session.execute(
                pairs.where(PortSecurityGroup.security_group_id.in_(touched), with_pairs)
            ):
                found[group_id].update(pair["ip_address"] for pair in allowed)
        return found

    def _routers(self) -> tuple[rpc.Router, ...]:
        asked, name = self._touched[ROUTER], self._host.name
        if not asked:
            return ()
        rows = self._session.scalars(select(Router).where(Router.id.in_(asked), Router.host == name)).all()
        local = self._session.scalars(select(Port).where(Port.router_id.in_(asked), Port.host == name)).all()
        self._miss(ROUTER, asked, {row.id for row in rows})
        return host_state.sort_by_key(host_state.show_routers(self._session, rows, local))
