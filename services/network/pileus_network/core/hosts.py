"""Hosts: their heartbeats, and rescheduling of DHCP ports and routers that have no host."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy import update as sql_update
from sqlalchemy.orm import Session

from pileus_kit.db import now
from pileus_kit.hosts import HostPage, KnownHost, mark_seen
from pileus_network.core import dhcp_ports, routers, scheduler
from pileus_network.core.affected_hosts import affected
from pileus_network.db.models import Host, Network, Port, Router
from pileus_network.errors import AgentNotFound
from pileus_network.rpc import DHCP_OWNER, HostFacts


def find(session: Session, name: str) -> Host:
    """Return the host. Raises AgentNotFound if its agent never reported."""
    host = session.get(Host, name)
    if host is None:
        raise AgentNotFound(id=name)
    return host


def note_heard(host: Host) -> None:
    """Note that the host has just said something, and whether there was a gap before it."""
    if host.seen_at is not None and host.seen_at < now() - scheduler.TAKEOVER_TIME:
        host.heard_since = now()
    mark_seen(host)


def register(session: Session, name: str, facts: HostFacts) -> int:
    """Record a heartbeat; return the newest generation of the host's desired state."""
    host = session.get(Host, name)
    back = host is None or not scheduler.is_alive_now(session, host)
    if host is None:
        host = Host(name=name)
        session.add(host)
        _bind_waiting_ports(session, host)
    changed = (host.tunnel_address, host.physical_networks) != (facts.tunnel_address, sorted(facts.physical_networks))
    host.agent_version, host.driver, host.tunnel_address = facts.agent_version, facts.driver, facts.tunnel_address
    host.physical_networks = sorted(facts.physical_networks)
    host.applied = facts.generation if facts.generation >= 0 else 0
    note_heard(host)
    session.flush()
    if changed:
        _mark_tunnel_peers(session, name)
    if changed or back:
        reschedule_unhosted(session)
    return host.generation


def find_unchanged(session: Session, name: str, facts: HostFacts) -> int | None:
    """Return the newest generation of a host if the heartbeat says nothing but that it is still alive, else None."""
    host = session.get(Host, name)
    if host is None or host.seen_at < now() - scheduler.TAKEOVER_TIME:
        return None
    known = host.agent_version, host.driver, host.tunnel_address, host.physical_networks, host.applied
    applied = max(facts.generation, 0)
    said = facts.agent_version, facts.driver, facts.tunnel_address, sorted(facts.physical_networks), applied
    return host.generation if known == said else None


def _bind_waiting_ports(session: Session, host: Host) -> None:
    """Ports that were bound to the host before its agent first reported are not `binding_failed` any more."""
    session.execute(
        sql_update(Port).where(Port.host == host.name, Port.vif_type == "binding_failed").values(vif_type="bridge")
    )


def _mark_tunnel_peers(session: Session, name: str) -> None:
    """Mark the hosts that share a network with this one: its tunnel address changed."""
    affected(session).networks.update(session.scalars(select(Port.network_id).where(Port.host == name).distinct()))


def reschedule_unhosted(session: Session) -> None:
    """Choose hosts for the DHCP ports and routers that have none.

    This happens when a host appears or changes, not with every heartbeat: what an administrator removed from a host
    stays unscheduled until then.
    """
    for port in session.scalars(select(Port).where(Port.device_owner == DHCP_OWNER, Port.host == "").limit(100)):
        dhcp_ports.schedule(session, port, session.get_one(Network, port.network_id))
    attached = select(Port.router_id).where(Port.device_owner.in_(routers.ROUTER_OWNERS))
    for router in session.scalars(select(Router).where(Router.host == "", Router.id.in_(attached)).limit(100)):
        routers.schedule(session, router)
    session.flush()


def list_behind(session: Session) -> dict[str, int]:
    """Return {host: generation} of the hosts that have not applied their newest generation."""
    rows = session.execute(select(Host.name, Host.generation).where(Host.applied < Host.generation))
    return {row.name: row.generation for row in rows}


def list_all(session: Session) -> Sequence[Host]:
    """Return all hosts, sorted by name."""
    return session.scalars(select(Host).order_by(Host.name)).all()


def list_known(session: Session, page: HostPage) -> list[KnownHost]:
    """Return a page of hosts, and why those that are down are."""
    since = scheduler.alive_since(session)

    def known(host: Host) -> KnownHost:
        is_alive = scheduler.is_alive(host, since)
        return KnownHost(host.name, None if is_alive else f"has not been heard of since {host.seen_at:%H:%M:%S}")

    return [known(host) for host in session.scalars(page.of(select(Host), Host.name))]


def delete(session: Session, host: Host) -> None:
    """Delete the host and reschedule its DHCP ports and routers. Ports of servers stay bound to its name."""
    _mark_tunnel_peers(session, host.name)
    session.delete(host)
    session.flush()
    session.execute(
        sql_update(Port)
        .where(Port.host == host.name, Port.device_owner == DHCP_OWNER)
        .values(host="", vif_type="unbound", status="DOWN")
    )
    for router in session.scalars(select(Router).where(Router.host == host.name)):
        routers.move_to_host(session, router, "")
    session.flush()
    reschedule_unhosted(session)
