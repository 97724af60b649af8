"""Records the reports of agents: which ports are wired, and what could not be set up."""

from collections.abc import Sequence

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from pileus_network.core import hosts, sync_records
from pileus_network.core.affected_hosts import ROUTER
from pileus_network.db.models import ChangeRecord, FloatingIp, Host, Port, Router
from pileus_network.rpc import Failure, Report, ReportChange, SyncTiming


def record_report(session: Session, name: str, generation: int, report: Report, took: SyncTiming | None = None) -> None:
    """Record a whole report: wired ports become ACTIVE, all others DOWN; floating IPs follow their routers."""
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
    session: Session, name: str, generation: int, change: ReportChange, took: SyncTiming | None = None
) -> None:
    """Record what is different on a host since its last report. The cost depends on that only."""
    host = _record_generation(session, name, generation, change.failures, took)
    if host is None:
        return
    named = {*change.wired, *change.unwired}
    if named:
        query = select(Port.id, Port.status, Port.admin_state_up)
        rows = session.execute(query.where(Port.id.in_(named), Port.host == name)).all()
        wired = {port_id for port_id, _, admin_up in rows if admin_up and port_id in change.wired}
        wired -= set(change.unwired)
        up = [port_id for port_id, status, _ in rows if port_id in wired and status != "ACTIVE"]
        down = [port_id for port_id, status, _ in rows if port_id not in wired and status == "ACTIVE"]
        _set_port_status(session, up, down)
    _set_floating_ip_status(session, host, generation, change.failures)


def _record_generation(
    session: Session, name: str, generation: int, failures: Sequence[Failure], took: SyncTiming | None
) -> Host | None:
    """Record that the host is at this generation. None if a newer report came before: this one is a late copy."""
    sync_records.record_sync(session, name, generation, len(failures), took)
    host = hosts.find(session, name)
    if generation < host.applied:
        return None
    session.execute(delete(ChangeRecord).where(ChangeRecord.host == host.name, ChangeRecord.generation <= generation))
    host.logged_since = max(host.logged_since, min(generation, host.generation))
    host.applied = max(generation, 0)
    hosts.note_heard(host)
    host.failures = [{"kind": f.kind, "id": f.id, "cause": f.cause} for f in failures]
    return host


def _set_port_status(session: Session, up: Sequence[str], down: Sequence[str]) -> None:
    for status, ids in (("ACTIVE", up), ("DOWN", down)):
        if ids:
            session.execute(update(Port).where(Port.id.in_(ids)).values(status=status))


def _set_floating_ip_status(session: Session, host: Host, generation: int, failures: Sequence[Failure]) -> None:
    """Floating IPs are ACTIVE on the host's routers without failures, once no change of its routers is outstanding."""
    if generation < host.generation and _has_router_changes(session, host, generation):
        return
    failed = {failure.id for failure in failures if failure.kind == "router"}
    mine = select(Router.id).where(Router.host == host.name)
    sound = mine.where(Router.id.not_in(failed)) if failed else mine
    session.execute(
        update(FloatingIp)
        .where(FloatingIp.router_id.in_(sound), FloatingIp.port_id.is_not(None), FloatingIp.status != "ACTIVE")
        .values(status="ACTIVE")
    )
    if failed:
        session.execute(update(FloatingIp).where(FloatingIp.router_id.in_(failed)).values(status="ERROR"))


def _has_router_changes(session: Session, host: Host, generation: int) -> bool:
    """Whether a router of the host changed after this generation. Unknown counts as yes."""
    if generation < host.logged_since:
        return True
    records = select(ChangeRecord.resource_id).where(
        ChangeRecord.host == host.name, ChangeRecord.generation > generation, ChangeRecord.kind == ROUTER
    )
    return bool(session.scalar(select(exists(records))))
