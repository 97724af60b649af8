"""What hosts report, compared with what is wanted of them."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.core import hosts, server_jobs, states
from pileus_compute.db.models import DeletedServer, Server
from pileus_compute.rpc import GuestState, Inventory, Power, Wanted
from pileus_kit.db import now

FEW = 100  # guests in a report, up to which only their servers are read
SETTLED_S = 20  # a report may be older than what a job has just done: don't let it undo that
WANTED = {
    "ACTIVE": Power.RUNNING,
    "RESCUE": Power.RUNNING,
    "VERIFY_RESIZE": Power.RUNNING,
    "PAUSED": Power.PAUSED,
    "SUSPENDED": Power.SUSPENDED,
}


def record_hello(session: Session, host: str, inventory: Inventory, guests: Iterable[GuestState]) -> list[str]:
    """Note that the host lives and what its guests do. Returns the guests that have no business there."""
    known = {
        "vcpus": inventory.vcpus,
        "memory_mib": inventory.memory_mib,
        "disk_gib": inventory.disk_gib,
        "disk_free_gib": inventory.disk_free_gib,
        "hypervisor_type": inventory.hypervisor_type,
        "hypervisor_version": inventory.hypervisor_version,
        "hostname": inventory.hostname,
        "host_ip": inventory.host_ip,
        "cpu_info": inventory.cpu_info,
        "facts": inventory.facts,
    }
    hosts.record_report(session, host, known)
    seen = {guest.id: guest.power for guest in guests}
    here = select(Server.id, Server.status, Server.power_state, Server.updated_at, Server.deleting).where(
        Server.host == host
    )
    if len(seen) < FEW:  # a report of what changed
        here = here.where(Server.id.in_(seen))
    placed = session.execute(here).all()
    _follow(session, placed, seen)
    return _orphans(session, seen.keys() - {row.id for row in placed})


def _follow(session: Session, placed: Sequence[Any], seen: dict[str, Power]) -> None:
    """A guest that went down or came up by itself shows."""
    horizon = now() - timedelta(seconds=SETTLED_S)
    changed = [
        row.id
        for row in placed
        if row.id in seen and row.updated_at < horizon and not row.deleting and _differs(row, seen[row.id])
    ]
    if not changed:
        return
    busy = server_jobs.live_jobs(session, changed)
    for server in session.scalars(select(Server).where(Server.id.in_(changed))):
        if server.id in busy:
            continue
        power = seen[server.id]
        server.power_state = states.POWER_STATES[power.value]
        if server.status == "ACTIVE" and power in (Power.STOPPED, Power.CRASHED):
            server.status = "SHUTOFF"
        elif server.status == "SHUTOFF" and power is Power.RUNNING:
            server.status = "ACTIVE"


def _differs(server: Any, power: Power) -> bool:
    shown = states.POWER_STATES[power.value]
    if power is Power.SUSPENDED:
        shown = states.SHUTDOWN
    return server.power_state != shown or (
        (server.status == "ACTIVE") != (power is Power.RUNNING)
        and (server.status in ("ACTIVE", "SHUTOFF") and power in (Power.RUNNING, Power.STOPPED, Power.CRASHED))
    )


def _orphans(session: Session, unknown: set[str]) -> list[str]:
    """Only a guest of which we know that it is nowhere is a stray: a restored backup must not cost running guests.

    That is one whose deletion is on record, and one whose server rests without a host (a failed build, a shelved one).
    """
    if not unknown:
        return []
    gone = list(session.scalars(select(DeletedServer.id).where(DeletedServer.id.in_(unknown))))
    homeless = list(
        session.scalars(
            select(Server.id).where(
                Server.id.in_(unknown), Server.host.is_(None), Server.updated_at < now() - timedelta(seconds=SETTLED_S)
            )
        )
    )
    busy = server_jobs.live_jobs(session, homeless) if homeless else {}
    return gone + [server_id for server_id in homeless if server_id not in busy]


def desired_guests(session: Session, host: str) -> list[Wanted]:
    """What ought to be on this host, for an agent that just started."""
    rows = session.execute(
        select(Server.id, Server.status, Server.deleting, Server.power_state).where(
            Server.host == host, Server.status != "BUILD"
        )
    )
    return [
        Wanted(server_id, Power.STOPPED if deleting else _wanted(status, power))
        for server_id, status, deleting, power in rows
    ]


def _wanted(status: str, power: int) -> Power:
    if status == "ERROR":
        return Power.RUNNING if power == states.RUNNING else Power.STOPPED
    return WANTED.get(status, Power.STOPPED)
