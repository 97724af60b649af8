"""Which hosts a change affects.

Core functions mark what they change in the `AffectedHosts` of their session (`affected(session)`): that object is the
one thing which a transaction carries from the functions that change rows to its end. There, `count_generations` turns
the marks into one UPDATE that adds 1 to the generation of every affected host, and records what changed for it. After
the commit these hosts are notified. A lost notification costs one heartbeat: the agent asks, and the worker compares.
"""

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, insert, or_, select, update
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_network.core import sync_records
from pileus_network.db.models import ChangeRecord, Host, Port, PortSecurityGroup, Router, SecurityGroupRule
from pileus_network.rpc import DHCP_OWNER, INTERFACE_OWNER

SESSION_KEY = "affected_hosts"
PORT, NETWORK, SERVED_NETWORK, ROUTER = "port", "network", "served", "router"
SECURITY_GROUP, PORT_SECURITY_GROUP, REMOTE_GROUP, REMOTE_ADDRESS = "group", "held", "remote", "member"
"""Kinds of change records. SERVED_NETWORK is a network whose DHCP port or router interface came, went or moved: all of
its ports matter to the host that serves it. SECURITY_GROUP is a group whose rules changed, PORT_SECURITY_GROUP one that
a changed port is in, REMOTE_GROUP all members of a group, REMOTE_ADDRESS one address (`group/address`) that was added
to a group or removed from it.
"""


@dataclass
class AffectedHosts:
    """What a transaction changed. Ids of networks, groups and routers are resolved to hosts in the database, at once.

    What only concerns unbound ports is not urgent: no guest can use them yet. Hosts learn of them with their next
    heartbeat, or with the next urgent change, such as the binding of that port.
    """

    hosts: set[str] = field(default_factory=set)
    """Hosts that something was removed from, or that are known anyway. "" is no host."""
    networks: set[str] = field(default_factory=set)
    """Networks: all hosts with a port on them are affected."""
    security_groups: set[str] = field(default_factory=set)
    """Security groups whose rules changed: hosts with ports in them are affected."""
    remote_groups: set[str] = field(default_factory=set)
    """Security groups whose members changed: hosts with a rule that names them as remote are affected."""
    routers: set[str] = field(default_factory=set)
    """Routers: their hosts are affected."""
    unbound_port_networks: set[str] = field(default_factory=set)
    """Networks of changed unbound ports: hosts that serve DHCP or metadata there are affected, not urgently."""
    unbound_port_groups: set[str] = field(default_factory=set)
    """Security groups of changed unbound ports: as `remote_groups`, not urgently."""
    changed: set[tuple[str, str]] = field(default_factory=set)
    """(kind, id) of what changed: the change records of every affected host."""
    server_project_id: str = ""
    """The project of the server whose port changed: compute makes such requests on behalf of a user."""

    def record_change(self, kind: str, *ids: str | None) -> None:
        """Note that these resources changed; None among the ids is ignored."""
        self.changed.update((kind, id) for id in ids if id)

    @property
    def is_urgent(self) -> bool:
        """Whether hosts must be notified, rather than learn of the change with their next heartbeat."""
        return bool(self.hosts - {""} or self.networks or self.security_groups or self.remote_groups or self.routers)


def affected(session: Session) -> AffectedHosts:
    """Return the marks of the session's transaction, to be added to."""
    found: AffectedHosts = session.info.setdefault(SESSION_KEY, AffectedHosts())
    return found


def count_generations(session: Session, caller: Caller | None = None) -> dict[str, int]:
    """Add 1 to the generation of every affected host; return {host: generation} of those to be notified.

    Called once, at the end of a transaction. `caller` made the request that the transaction belongs to.
    """
    affects: AffectedHosts | None = session.info.pop(SESSION_KEY, None)
    clauses = _host_clauses(affects) if affects else []
    if not affects or not clauses:
        return {}
    rows = session.execute(
        update(Host)
        .where(or_(*clauses))
        .values(generation=Host.generation + 1)
        .returning(Host.name, Host.generation)
        .execution_options(synchronize_session=False)
    )
    counted = {row.name: row.generation for row in rows}
    _record_changes(session, counted, affects)
    if not affects.is_urgent:
        return {}
    if caller:
        project_id = affects.server_project_id if caller.is_service else caller.project_id
        sync_records.record_requests(session, counted, caller.user_id, project_id or caller.project_id)
    return counted


def _record_changes(session: Session, counted: dict[str, int], affects: AffectedHosts) -> None:
    affects.record_change(NETWORK, *affects.networks)  # an unbound port changes nothing of its network
    affects.record_change(SECURITY_GROUP, *affects.security_groups)
    affects.record_change(ROUTER, *affects.routers)
    rows = [
        {"host": host, "generation": generation, "kind": kind, "resource_id": resource_id}
        for host, generation in counted.items()
        for kind, resource_id in sorted(affects.changed)
    ]
    if rows:
        session.execute(insert(ChangeRecord), rows)


def _host_clauses(affects: AffectedHosts) -> list[ColumnElement[bool]]:
    hosts = affects.hosts - {""}
    clauses: list[ColumnElement[bool]] = [Host.name.in_(sorted(hosts))] if hosts else []
    return clauses + [Host.name.in_(query) for query in _host_queries(affects)]


def _host_queries(affects: AffectedHosts) -> list[Select[str]]:
    queries: list[Select[str]] = []
    if affects.networks:
        queries.append(select(Port.host).where(Port.network_id.in_(sorted(affects.networks)), Port.host != ""))
    served = affects.unbound_port_networks - affects.networks
    if served:
        owners = Port.device_owner.in_((DHCP_OWNER, INTERFACE_OWNER))
        queries.append(select(Port.host).where(Port.network_id.in_(sorted(served)), owners, Port.host != ""))
    if affects.routers:
        queries.append(select(Router.host).where(Router.id.in_(sorted(affects.routers)), Router.host != ""))
    if affects.security_groups:
        groups = sorted(affects.security_groups)
        queries.append(_hosts_of_groups(PortSecurityGroup.security_group_id.in_(groups)))
    remote_groups = affects.remote_groups | affects.unbound_port_groups
    if remote_groups:
        naming = select(SecurityGroupRule.security_group_id).where(
            SecurityGroupRule.remote_group_id.in_(sorted(remote_groups))
        )
        queries.append(_hosts_of_groups(PortSecurityGroup.security_group_id.in_(naming)))
    return queries


def _hosts_of_groups(clause: ColumnElement[bool]) -> Select[str]:
    return (
        select(Port.host).join(PortSecurityGroup, PortSecurityGroup.port_id == Port.id).where(clause, Port.host != "")
    )
