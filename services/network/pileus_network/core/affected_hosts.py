"""Which hosts a change concerns.

A transaction notes what it touches; at its end one more generation is counted for those hosts, and after the commit
they are poked. A lost poke costs a heartbeat: the agent asks, and the worker compares.
"""

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, insert, or_, select, update
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_network.core import sync_records
from pileus_network.db.models import ChangeRecord, Host, Port, PortSecurityGroup, Router, SecurityGroupRule
from pileus_network.rpc import DHCP_OWNER, INTERFACE_OWNER

KEY = "concerned"
PORT, NETWORK, SERVED_NETWORK, SECURITY_GROUP, REMOTE_GROUP, ROUTER = (
    "port",
    "network",
    "served",
    "group",
    "remote",
    "router",
)
PORT_SECURITY_GROUP, REMOTE_ADDRESS = "held", "member"
"""Kinds of things that change. SERVED is a network of which all ports matter to who serves DHCP or metadata there, and
that is what changed; GROUP is a security group's rules, HELD one that a port joined or left, REMOTE all members of a
group, MEMBER an address (`group/address`) that came or went there.
"""


@dataclass
class AffectedHosts:
    """What a transaction touched. Ids of networks and groups are resolved to hosts in the database, all at once."""

    hosts: set[str] = field(default_factory=set)
    """Hosts that something left, or that are known anyway."""
    networks: set[str] = field(default_factory=set)
    """All hosts that take part in these networks."""
    dhcp_networks: set[str] = field(default_factory=set)
    """The hosts that serve DHCP and metadata in these networks."""
    security_groups: set[str] = field(default_factory=set)
    """Hosts with ports in these security groups: their rules changed."""
    remote_groups: set[str] = field(default_factory=set)
    """Hosts with a rule that names these groups as remote: their members changed."""
    routers: set[str] = field(default_factory=set)
    """The hosts of these routers."""
    changed: set[tuple[str, str]] = field(default_factory=set)
    """What changed, by kind and id; hosts are told these and what follows from them."""
    server_project: str = ""
    """Whose server's port it is about: compute asks for it, on behalf of a user."""

    def record_change(self, kind: str, *ids: str | None) -> None:
        self.changed.update((kind, id) for id in ids if id)


def affected(session: Session) -> AffectedHosts:
    """What this transaction touched so far; add to it."""
    affects: AffectedHosts = session.info.setdefault(KEY, AffectedHosts())
    return affects


def count_generations(session: Session, caller: Caller | None = None) -> dict[str, int]:
    """Count the change for every host concerned: {host: its new generation}. Call once, at the end; `caller` is whose
    request it is.
    """
    affects: AffectedHosts | None = session.info.pop(KEY, None)
    where = _host_clauses(affects) if affects else []
    if not affects or not where:
        return {}
    rows = session.execute(
        update(Host)
        .where(or_(*where))
        .values(generation=Host.generation + 1)
        .returning(Host.name, Host.generation)
        .execution_options(synchronize_session=False)
    )
    counted = {row.name: row.generation for row in rows}
    _record_changes(session, counted, affects)
    if caller:
        project_id = affects.server_project if caller.is_service else caller.project_id
        sync_records.record_requests(session, counted, caller.user_id, project_id or caller.project_id)
    return counted


def _record_changes(session: Session, counted: dict[str, int], affects: AffectedHosts) -> None:
    """Note what each host has to look at again."""
    affects.record_change(NETWORK, *affects.networks)  # a port that is nowhere changes nothing of its network
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
    where: list[ColumnElement[bool]] = []
    hosts = affects.hosts - {""}
    if hosts:
        where.append(Host.name.in_(sorted(hosts)))
    where += [Host.name.in_(query) for query in _host_queries(affects)]
    return where


def _host_queries(affects: AffectedHosts) -> list[Select[str]]:
    queries: list[Select[str]] = []
    if affects.networks:
        queries.append(select(Port.host).where(Port.network_id.in_(sorted(affects.networks)), Port.host != ""))
    if affects.dhcp_networks - affects.networks:
        queries.append(
            select(Port.host).where(
                Port.network_id.in_(sorted(affects.dhcp_networks - affects.networks)),
                Port.device_owner.in_((DHCP_OWNER, INTERFACE_OWNER)),
                Port.host != "",
            )
        )
    if affects.routers:
        queries.append(select(Router.host).where(Router.id.in_(sorted(affects.routers)), Router.host != ""))
    if affects.security_groups:
        queries.append(_hosts_of_groups(PortSecurityGroup.security_group_id.in_(sorted(affects.security_groups))))
    if affects.remote_groups:
        named = select(SecurityGroupRule.security_group_id).where(
            SecurityGroupRule.remote_group_id.in_(sorted(affects.remote_groups))
        )
        queries.append(_hosts_of_groups(PortSecurityGroup.security_group_id.in_(named)))
    return queries


def _hosts_of_groups(which: ColumnElement[bool]) -> Select[str]:
    return select(Port.host).join(PortSecurityGroup, PortSecurityGroup.port_id == Port.id).where(which, Port.host != "")
