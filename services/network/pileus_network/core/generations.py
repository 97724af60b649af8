"""Which hosts a change concerns.

A transaction notes what it touches; at its end one more generation is counted for those hosts, and after the commit
they are poked. A lost poke costs a heartbeat: the agent asks, and the worker compares.
"""

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, or_, select, update
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_network.core import rounds
from pileus_network.db.models import Host, Port, PortGroup, Router, SecurityRule
from pileus_network.rpc import DHCP_OWNER

KEY = "concerned"


@dataclass
class Concern:
    """What a transaction touched. Ids of networks and groups are resolved to hosts in the database, all at once."""

    hosts: set[str] = field(default_factory=set)
    """Hosts that something left, or that are known anyway."""
    networks: set[str] = field(default_factory=set)
    """All hosts that take part in these networks."""
    dhcp: set[str] = field(default_factory=set)
    """The hosts that serve DHCP and metadata in these networks."""
    groups: set[str] = field(default_factory=set)
    """Hosts with ports in these security groups: their rules changed."""
    remotes: set[str] = field(default_factory=set)
    """Hosts with a rule that names these groups as remote: their members changed."""
    routers: set[str] = field(default_factory=set)
    """The hosts of these routers."""
    server_project: str = ""
    """Whose server's port it is about: compute asks for it, on behalf of a user."""


def concern(session: Session) -> Concern:
    """What this transaction touched so far; add to it."""
    noted: Concern = session.info.setdefault(KEY, Concern())
    return noted


def settle(session: Session, caller: Caller | None = None) -> dict[str, int]:
    """Count the change for every host concerned: {host: its new generation}. Call once, at the end; `caller` is whose
    request it is.
    """
    noted: Concern | None = session.info.pop(KEY, None)
    where = _hosts(noted) if noted else []
    if not noted or not where:
        return {}
    rows = session.execute(
        update(Host)
        .where(or_(*where))
        .values(generation=Host.generation + 1)
        .returning(Host.name, Host.generation)
        .execution_options(synchronize_session=False)
    )
    counted = {row.name: row.generation for row in rows}
    if caller:
        project_id = noted.server_project if caller.is_service else caller.project_id
        rounds.ask(session, counted, caller.user_id, project_id or caller.project_id)
    return counted


def _hosts(noted: Concern) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    hosts = noted.hosts - {""}
    if hosts:
        where.append(Host.name.in_(sorted(hosts)))
    where += [Host.name.in_(query) for query in _queries(noted)]
    return where


def _queries(noted: Concern) -> list[Select[str]]:
    queries: list[Select[str]] = []
    if noted.networks:
        queries.append(select(Port.host).where(Port.network_id.in_(sorted(noted.networks)), Port.host != ""))
    if noted.dhcp - noted.networks:
        queries.append(
            select(Port.host).where(
                Port.network_id.in_(sorted(noted.dhcp - noted.networks)),
                Port.device_owner == DHCP_OWNER,
                Port.host != "",
            )
        )
    if noted.routers:
        queries.append(select(Router.host).where(Router.id.in_(sorted(noted.routers)), Router.host != ""))
    if noted.groups:
        queries.append(_members(PortGroup.group_id.in_(sorted(noted.groups))))
    if noted.remotes:
        named = select(SecurityRule.group_id).where(SecurityRule.remote_group_id.in_(sorted(noted.remotes)))
        queries.append(_members(PortGroup.group_id.in_(named)))
    return queries


def _members(which: ColumnElement[bool]) -> Select[str]:
    return select(Port.host).join(PortGroup, PortGroup.port_id == Port.id).where(which, Port.host != "")
