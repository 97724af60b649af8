"""Chooses hosts for DHCP ports and routers: the live host that has the fewest of them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_kit.db import now
from pileus_kit.liveness import is_silent
from pileus_network.db.models import Host, Port, WorkerHeartbeat
from pileus_network.rpc import SERVICE_OWNERS

AGENT_DOWN_TIME = timedelta(seconds=75)
"""A host without a heartbeat for so long counts as dead; OpenStack's `agent_down_time`."""


TAKEOVER_TIME = timedelta(seconds=18)
"""After so long without a heartbeat other hosts take over a host's DHCP ports and routers. A host sends one every five
seconds in a cloud of several machines."""

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


def is_alive_now(session: Session, host: Host) -> bool:
    """Whether the host's last heartbeat is recent. The hosts are read only if our own clock says that it isn't."""
    return not is_silent(host.seen_at, AGENT_DOWN_TIME) or is_alive(host, alive_since(session))


def silent_hosts(session: Session) -> list[str]:
    """Return the hosts that fell silent while the heartbeats of another one came in all the time.

    That other host shows that the silence isn't ours: while the bus or all workers were away, every host was silent,
    and when they are back, the first one that is heard again must not get what belongs to the others.
    """
    limit = now() - TAKEOVER_TIME
    heard = select(Host.name).where(Host.heard_since < limit, Host.seen_at > limit).limit(1)
    if session.scalar(heard) is None:
        return []
    return list(session.scalars(select(Host.name).where(Host.seen_at < limit)))


@dataclass
class Candidate:
    """A live host that takes DHCP ports and routers. `load` is how many it has."""

    name: str
    load: int
    physical_networks: frozenset[str]
    has_tunnels: bool


def candidates(session: Session, excluded: Collection[str] = ()) -> list[Candidate]:
    """Return the hosts that can take something, without the excluded ones."""
    load = (
        select(func.count())
        .where(Port.host == Host.name, Port.device_owner.in_(SERVICE_OWNERS))
        .correlate(Host)
        .scalar_subquery()
    )
    since = alive_since(session)
    columns = select(Host.name, Host.seen_at, Host.physical_networks, Host.tunnel_address, load)
    return [
        Candidate(name, count, frozenset(physical_networks), bool(tunnel_address))
        for name, seen_at, physical_networks, tunnel_address, count in session.execute(
            columns.where(Host.admin_state_up, Host.name.not_in(excluded))
        )
        if seen_at > since or not is_silent(seen_at, AGENT_DOWN_TIME)
    ]


def choose(known: Iterable[Candidate], physical_networks: frozenset[str], tunnels: bool) -> Candidate | None:
    """Return the least loaded host that is connected to all these physical networks; None if there is none.

    `tunnels`: prefer hosts that reach the others by VXLAN.
    """
    fit = [host for host in known if physical_networks <= host.physical_networks]
    return min(fit, key=lambda host: (tunnels and not host.has_tunnels, host.load, host.name), default=None)


def choose_host(session: Session, physical_networks: frozenset[str] = frozenset(), tunnels: bool = False) -> str:
    """Return the host for a DHCP port or a router, "" if there is none. For the arguments see `choose`."""
    chosen = choose(candidates(session), physical_networks, tunnels)
    return chosen.name if chosen else ""
