"""Chooses hosts for DHCP ports and routers: the live host that has the fewest of them."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_kit.db import now
from pileus_kit.liveness import is_silent
from pileus_network.db.models import Host, Port, WorkerHeartbeat
from pileus_network.rpc import SERVICE_OWNERS

AGENT_DOWN_TIME = timedelta(seconds=75)
"""A host without a heartbeat for so long counts as dead; OpenStack's `agent_down_time`."""


MAX_CLOCK_SKEW = timedelta(minutes=15)
"""If the worker's last recorded time differs from ours by more, the worker has stopped, and our clock is used."""
WORKER = "worker"


def record_heartbeat(session: Session) -> None:
    """Record the time by the clock of this worker, by which heartbeats are recorded, too."""
    session.merge(WorkerHeartbeat(name=WORKER, at=now()))


def is_alive(host: Host, since: datetime) -> bool:
    """Whether the host's last heartbeat is recent: after `since`, or by our own clock."""
    return host.seen_at > since or not is_silent(host.seen_at, AGENT_DOWN_TIME)


def alive_since(session: Session) -> datetime:
    """Return the time before which a host's last heartbeat means that it is dead, by the clock of the worker that
    records them.
    """
    newest = session.scalar(select(func.max(Host.seen_at)))
    beats = session.get(WorkerHeartbeat, WORKER)
    known = [moment for moment in (newest, beats.at if beats else None) if moment]
    latest = max(known, default=now())
    return (latest if abs(now() - latest) < MAX_CLOCK_SKEW else now()) - AGENT_DOWN_TIME


def choose_host(session: Session, physical_networks: frozenset[str] = frozenset(), tunnels: bool = False) -> str:
    """Return the host for a DHCP port or a router, "" if there is none.

    `physical_networks` must all be mapped there. `tunnels`: prefer hosts that reach the others by VXLAN.
    """
    load = (
        select(func.count())
        .where(Port.host == Host.name, Port.device_owner.in_(SERVICE_OWNERS))
        .correlate(Host)
        .scalar_subquery()
    )
    since = alive_since(session)
    rows = session.execute(select(Host, load).where(Host.admin_state_up)).all()
    fit = [
        (tunnels and not host.tunnel_address, count, host.name)
        for host, count in rows
        if physical_networks <= set(host.physical_networks) and is_alive(host, since)
    ]
    return min(fit)[2] if fit else ""
