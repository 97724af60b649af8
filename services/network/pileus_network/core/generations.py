"""Which hosts a change concerns.

A transaction notes what it touches; at its end one more generation is counted for those hosts, and after the commit
they are poked. A lost poke costs a heartbeat: the agent asks, and the worker compares.
"""

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, insert, or_, select, update
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_network.core import rounds
from pileus_network.db.models import Change, Host, Port, PortGroup, Router, SecurityRule
from pileus_network.rpc import DHCP_OWNER, INTERFACE_OWNER

KEY = "concerned"
PORT, NETWORK, SERVED, GROUP, REMOTE, ROUTER = "port", "network", "served", "group", "remote", "router"
HELD, MEMBER = "held", "member"
"""Kinds of things that change. SERVED is a network of which all ports matter to who serves DHCP or metadata there, and
that is what changed; GROUP is a security group's rules, HELD one that a port joined or left, REMOTE all members of a
group, MEMBER an address (`group/address`) that came or went there.
"""


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
    things: set[tuple[str, str]] = field(default_factory=set)
    """What changed, by kind and id; hosts are told these and what follows from them."""
    server_project: str = ""
    """Whose server's port it is about: compute asks for it, on behalf of a user."""

    def touch(self, kind: str, *ids: str | None) -> None:
        self.things.update((kind, id) for id in ids if id)


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
    _log(session, counted, noted)
    if caller:
        project_id = noted.server_project if caller.is_service else caller.project_id
        rounds.ask(session, counted, caller.user_id, project_id or caller.project_id)
    return counted


def _log(session: Session, counted: dict[str, int], noted: Concern) -> None:
    """Note what each host has to look at again."""
    noted.touch(NETWORK, *noted.networks)  # a port that is nowhere changes nothing of its network
    noted.touch(GROUP, *noted.groups)
    noted.touch(ROUTER, *noted.routers)
    rows = [
        {"host": host, "generation": generation, "kind": kind, "thing": thing}
        for host, generation in counted.items()
        for kind, thing in sorted(noted.things)
    ]
    if rows:
        session.execute(insert(Change), rows)


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
                Port.device_owner.in_((DHCP_OWNER, INTERFACE_OWNER)),
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
