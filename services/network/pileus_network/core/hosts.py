"""Hosts: their hellos, what they report, and who has no home yet."""

from collections.abc import Sequence

from sqlalchemy import delete as sql_delete
from sqlalchemy import or_, select
from sqlalchemy import update as sql_update
from sqlalchemy.orm import Session

from pileus_kit.db import now
from pileus_network.core import dhcp_ports, routers, scheduler, sync_records
from pileus_network.core.affected_hosts import affected
from pileus_network.db.models import ChangeRecord, FloatingIp, Host, Network, Port, Router
from pileus_network.errors import AgentNotFound
from pileus_network.rpc import DHCP_OWNER, Failure, HostFacts, Report, ReportChange, SyncTiming


def find(session: Session, name: str) -> Host:
    host = session.get(Host, name)
    if host is None:
        raise AgentNotFound(id=name)
    return host


def register(session: Session, name: str, facts: HostFacts) -> int:
    """Register the host as alive; gives the generation that is wanted of it."""
    host = session.get(Host, name)
    back = host is None or not scheduler.is_alive(host, scheduler.alive_since(session))
    if host is None:
        host = Host(name=name)
        session.add(host)
        _bind_waiting_ports(session, host)
    changed = (host.tunnel_address, host.physical_networks) != (facts.tunnel_address, sorted(facts.physical_networks))
    host.agent_version, host.driver, host.tunnel_address = facts.agent_version, facts.driver, facts.tunnel_address
    host.physical_networks = sorted(facts.physical_networks)
    host.applied = facts.generation if facts.generation >= 0 else 0
    host.seen_at = now()
    session.flush()
    if changed:
        _mark_tunnel_peers(session, name)
    if changed or back:
        reschedule_unhosted(session)
    return host.generation


def _bind_waiting_ports(session: Session, host: Host) -> None:
    """Ports that were bound to it before its agent first spoke are fine now."""
    session.execute(
        sql_update(Port).where(Port.host == host.name, Port.vif_type == "binding_failed").values(vif_type="bridge")
    )


def _mark_tunnel_peers(session: Session, name: str) -> None:
    """The tunnels of all that share a network with it lead elsewhere now."""
    affected(session).networks.update(session.scalars(select(Port.network_id).where(Port.host == name).distinct()))


def reschedule_unhosted(session: Session) -> None:
    """Find a host for the DHCP ports and routers that have none, now that there is one more to choose from.

    Not at every hello: what an administrator took off its host stays off until something changes.
    """
    for port in session.scalars(select(Port).where(Port.device_owner == DHCP_OWNER, Port.host == "").limit(100)):
        dhcp_ports.schedule(session, port, session.get_one(Network, port.network_id))
    attached = select(Port.router_id).where(Port.device_owner.in_(routers.ROUTER_OWNERS))
    for router in session.scalars(select(Router).where(Router.host == "", Router.id.in_(attached)).limit(100)):
        routers.schedule(session, router)
    session.flush()


def record_report(session: Session, name: str, generation: int, report: Report, took: SyncTiming | None = None) -> None:
    """A host says what it is now: wired ports become ACTIVE, and the floating IPs that lead to them through it."""
    host = _record_generation(session, name, generation, report.failures, took)
    if host is None:
        return
    wired = set(report.ports)
    rows = session.execute(select(Port.id, Port.status, Port.admin_state_up).where(Port.host == name)).all()
    up = [port_id for port_id, status, admin_up in rows if port_id in wired and admin_up and status != "ACTIVE"]
    down = [
        port_id for port_id, status, admin_up in rows if (port_id not in wired or not admin_up) and status == "ACTIVE"
    ]
    _set_port_status(session, up, down)
    _set_floating_ip_status(session, host, generation, report.failures)


def record_progress(
    session: Session, name: str, generation: int, progress: ReportChange, took: SyncTiming | None = None
) -> None:
    """A host says what became different on it. Costs as much as that."""
    host = _record_generation(session, name, generation, progress.failures, took)
    if host is None:
        return
    mine = (Port.host == name, Port.admin_state_up, Port.status != "ACTIVE")
    up = session.scalars(select(Port.id).where(Port.id.in_(progress.wired), *mine)).all() if progress.wired else []
    down = session.scalars(
        select(Port.id).where(
            Port.id.in_({*progress.wired, *progress.unwired}),
            Port.host == name,
            Port.status == "ACTIVE",
            or_(Port.id.in_(progress.unwired), Port.admin_state_up.is_(False)),
        )
    ).all()
    _set_port_status(session, up, down)
    _set_floating_ip_status(session, host, generation, progress.failures)


def _record_generation(
    session: Session, name: str, generation: int, failures: Sequence[Failure], took: SyncTiming | None
) -> Host | None:
    """The host is at this generation; None if it is a late copy of an old report: newer ones have told more."""
    sync_records.record_sync(session, name, generation, len(failures), took)
    host = find(session, name)
    if generation < host.applied:
        return None
    host.applied, host.seen_at = max(generation, 0), now()
    host.failures = [{"kind": f.kind, "id": f.id, "cause": f.cause} for f in failures]
    _delete_applied_changes(session, host, generation)
    return host


def _delete_applied_changes(session: Session, host: Host, generation: int) -> None:
    """The host has this generation: it will never ask for what came before."""
    session.execute(
        sql_delete(ChangeRecord).where(ChangeRecord.host == host.name, ChangeRecord.generation <= generation)
    )
    host.logged_since = max(host.logged_since, min(generation, host.generation))


def _set_port_status(session: Session, up: Sequence[str], down: Sequence[str]) -> None:
    for status, ids in (("ACTIVE", up), ("DOWN", down)):
        if ids:
            session.execute(sql_update(Port).where(Port.id.in_(ids)).values(status=status))


def _set_floating_ip_status(session: Session, host: Host, generation: int, failures: Sequence[Failure]) -> None:
    """A report about the newest generation says that every floating IP on the host's sound routers works."""
    if generation < host.generation:
        return
    failed = {failure.id for failure in failures if failure.kind == "router"}
    mine = select(Router.id).where(Router.host == host.name)
    sound = mine.where(Router.id.not_in(failed)) if failed else mine
    session.execute(
        sql_update(FloatingIp)
        .where(FloatingIp.router_id.in_(sound), FloatingIp.port_id.is_not(None), FloatingIp.status != "ACTIVE")
        .values(status="ACTIVE")
    )
    if failed:
        session.execute(sql_update(FloatingIp).where(FloatingIp.router_id.in_(failed)).values(status="ERROR"))


def list_behind(session: Session) -> dict[str, int]:
    """Hosts that have not applied what is wanted of them: {host: generation}."""
    rows = session.execute(select(Host.name, Host.generation).where(Host.applied < Host.generation))
    return {row.name: row.generation for row in rows}


def list_all(session: Session) -> Sequence[Host]:
    return session.scalars(select(Host).order_by(Host.name)).all()


def delete(session: Session, host: Host) -> None:
    """The host is gone for good: what lived there is housed elsewhere, ports of servers stay bound to its name."""
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
