"""What agents report of their hosts and guests, compared with what the database says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.core import hosts, leftovers, server_jobs, states
from pileus_compute.db.models import DeletedServer, Host, Server
from pileus_compute.rpc import GuestState, Inventory, Power, Wanted
from pileus_kit import hosts as host_rows
from pileus_kit.db import now
from pileus_kit.json_types import JsonObject

MAX_PARTIAL = 100
"""A report of fewer guests may leave out unchanged ones, so only the servers of the reported ones are read."""
SETTLED_S = 20
"""A report may be older than what a job has just done, so what changed within these seconds is left alone."""
DESIRED_POWER = {
    "ACTIVE": Power.RUNNING,
    "RESCUE": Power.RUNNING,
    "VERIFY_RESIZE": Power.RUNNING,
    "PAUSED": Power.PAUSED,
    "SUSPENDED": Power.SUSPENDED,
}
"""Guests of servers with any other status are stopped."""


@dataclass(frozen=True)
class _ServerOnHost:
    id: str
    status: str
    power_state: int
    updated_at: datetime
    deleting: bool


def record_hello(session: Session, host: str, inventory: Inventory, guests: Iterable[GuestState]) -> list[str]:
    """Record an agent's report. Return the guests that shall be destroyed: they belong to no server on any host, or to
    one that left this host for good."""
    hosts.record_report(session, host, _described(inventory))
    reported = {guest.id: guest.power for guest in guests}
    here = _servers_on(session, host, reported)
    _record_power(session, here, reported)
    orphans = _orphans(session, reported.keys() - {server.id for server in here})
    return list(dict.fromkeys(leftovers.list_on(session, host) + orphans))


def is_known(session: Session, host: str, inventory: Inventory, guests: Iterable[GuestState], silence_s: float) -> bool:
    """Whether a report of a host that is up says nothing that isn't on record."""
    known = session.get(Host, host)
    if known is None or not host_rows.is_up(known, silence_s) or not hosts.is_reported(known, _described(inventory)):
        return False
    if leftovers.list_on(session, host):
        return False
    reported = {guest.id: guest.power for guest in guests}
    here = _servers_on(session, host, reported) if reported else []
    return reported.keys() == {server.id for server in here if server.id in reported} and not any(
        _differs(server, reported[server.id]) for server in here if server.id in reported
    )


def _described(inventory: Inventory) -> JsonObject:
    return {
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


def _servers_on(session: Session, host: str, reported: Mapping[str, Power]) -> list[_ServerOnHost]:
    """Return the servers on the host that a report may be about."""
    stmt = select(Server.id, Server.status, Server.power_state, Server.updated_at, Server.deleting).where(
        Server.host == host
    )
    if len(reported) < MAX_PARTIAL:
        stmt = stmt.where(Server.id.in_(reported))
    return [_ServerOnHost(*row) for row in session.execute(stmt)]


def _record_power(session: Session, here: Sequence[_ServerOnHost], reported: Mapping[str, Power]) -> None:
    """Record guests that stopped or started without a job of ours."""
    horizon = now() - timedelta(seconds=SETTLED_S)
    changed = [
        server.id
        for server in here
        if server.id in reported
        and server.updated_at < horizon
        and not server.deleting
        and _differs(server, reported[server.id])
    ]
    if not changed:
        return
    busy = server_jobs.live_jobs(session, changed)
    for server in session.scalars(select(Server).where(Server.id.in_(changed))):
        if server.id in busy:
            continue
        power = reported[server.id]
        server.power_state = states.POWER_STATES[power.value]
        if server.status == "ACTIVE" and power in (Power.STOPPED, Power.CRASHED):
            server.status = "SHUTOFF"
        elif server.status == "SHUTOFF" and power is Power.RUNNING:
            server.status = "ACTIVE"


def _differs(server: _ServerOnHost, power: Power) -> bool:
    """Return whether the row says something else of the guest than the report does."""
    shown = states.SHUTDOWN if power is Power.SUSPENDED else states.POWER_STATES[power.value]
    return server.power_state != shown or (
        (server.status == "ACTIVE") != (power is Power.RUNNING)
        and (server.status in ("ACTIVE", "SHUTOFF") and power in (Power.RUNNING, Power.STOPPED, Power.CRASHED))
    )


def _orphans(session: Session, unknown: set[str]) -> list[str]:
    """Return those of the guests that are known to belong nowhere.

    These are guests of servers whose deletion is on record, and of servers that are on no host and have no live job
    (after a failed build, or shelved). Any other unknown guest stays: after a database was restored from a backup,
    guests of servers that the backup doesn't know must go on running.
    """
    if not unknown:
        return []
    deleted = list(session.scalars(select(DeletedServer.id).where(DeletedServer.id.in_(unknown))))
    on_no_host = list(
        session.scalars(
            select(Server.id).where(
                Server.id.in_(unknown), Server.host.is_(None), Server.updated_at < now() - timedelta(seconds=SETTLED_S)
            )
        )
    )
    busy = server_jobs.live_jobs(session, on_no_host) if on_no_host else {}
    return deleted + [server_id for server_id in on_no_host if server_id not in busy]


def desired_guests(session: Session, host: str) -> list[Wanted]:
    """Return which guests shall be on this host and how, for an agent that has just started."""
    rows = session.execute(
        select(Server.id, Server.status, Server.deleting, Server.power_state).where(
            Server.host == host, Server.status != "BUILD"
        )
    )
    return [
        Wanted(server_id, Power.STOPPED if deleting else _desired_power(status, power))
        for server_id, status, deleting, power in rows
    ]


def _desired_power(status: str, power: int) -> Power:
    if status == "ERROR":
        return Power.RUNNING if power == states.RUNNING else Power.STOPPED
    return DESIRED_POWER.get(status, Power.STOPPED)
