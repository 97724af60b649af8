"""Hosts: what their agents report, the aggregates that they are in, and servers' claims on them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from pileus_compute.core.image_properties import HostCapabilities
from pileus_compute.db.models import Aggregate, AggregateHost, Allocation, Host, Server
from pileus_compute.errors import HostNotFound
from pileus_kit import hosts as host_rows
from pileus_kit.hosts import HostPage, KnownHost
from pileus_kit.json_types import JsonObject


@dataclass(frozen=True)
class Claim:
    """What a server takes of a host's resources."""

    vcpus: int
    memory_mib: int
    disk_gib: int


@dataclass(frozen=True)
class Ratios:
    """How much of a resource is offered for each physical unit."""

    cpu: float
    memory: float
    disk: float


def record_report(session: Session, name: str, inventory: dict[str, Any]) -> None:
    """Record an agent's report. A host that reports for the first time is added, enabled."""
    details = dict(inventory)
    total = {k: details.pop(k) for k in TOTALS}
    host = session.get(Host, name)
    if host is None:
        number = (session.scalar(select(func.max(Host.number))) or 0) + 1
        session.add(
            Host(
                name=name, number=number, inventory=details, hypervisor=str(details.get("hypervisor_type", "")), **total
            )
        )
        return
    host_rows.mark_seen(host)
    host.hypervisor = str(details.get("hypervisor_type", ""))
    for key, value in total.items():
        setattr(host, key, value)
    if host.inventory != details:
        host.inventory = details


TOTALS = ("vcpus", "memory_mib", "disk_gib")


def is_reported(host: Host, inventory: JsonObject) -> bool:
    """Whether an agent's report says nothing new of the host."""
    details = {key: value for key, value in inventory.items() if key not in TOTALS}
    totals = {key: getattr(host, key) for key in TOTALS}
    return details == host.inventory and all(totals[key] == inventory[key] for key in TOTALS)


def capabilities_of(host: Host) -> HostCapabilities:
    """Return what images may ask of the host. An agent that reports no firmware has BIOS."""
    reported = host.inventory or {}
    about, cpu = reported.get("facts") or {}, reported.get("cpu_info") or {}
    return HostCapabilities(
        host.hypervisor or "", cpu.get("arch", ""), frozenset(about.get("firmware", "bios").split())
    )


def find(session: Session, name: str) -> Host:
    """Return the host of this name. Raises HostNotFound."""
    host = session.get(Host, name)
    if host is None:
        raise HostNotFound(host=name)
    return host


def list_hosts(session: Session) -> list[Host]:
    """Return all hosts in the order of their names."""
    return list(session.scalars(select(Host).order_by(Host.name)))


def list_known(session: Session, page: HostPage, silence_s: float) -> list[KnownHost]:
    """Return a page of hosts, and why those that are down are."""
    found = session.scalars(page.of(select(Host), Host.name))
    return [KnownHost(host.name, host_rows.reason_down(host, silence_s)) for host in found]


def status_by_host(session: Session, silence_s: float) -> dict[str, str]:
    """Return the `host_status` of servers on each host, by the host's name.

    A host whose agent is silent is UNKNOWN; only an administrator declares a host DOWN.
    """
    return {host.name: _status(host, silence_s) for host in list_hosts(session)}


def _status(host: Host, silence_s: float) -> str:
    if host.forced_down:
        return "DOWN"
    if host.disabled:
        return "MAINTENANCE"
    return "UP" if host_rows.is_up(host, silence_s) else "UNKNOWN"


def usage_by_project(session: Session, name: str) -> dict[str, Claim]:
    """Return what the servers of each project use of the host, by project id."""
    found: dict[str, Claim] = {}
    for project_id, vcpus, memory_mib, flavor in session.execute(
        select(Server.project_id, Server.vcpus, Server.memory_mib, Server.flavor).where(Server.host == name)
    ):
        used = found.get(project_id, Claim(0, 0, 0))
        disk_gib = flavor["disk_gib"] + flavor["ephemeral_gib"]
        found[project_id] = Claim(used.vcpus + vcpus, used.memory_mib + memory_mib, used.disk_gib + disk_gib)
    return found


def aggregates_by_host(session: Session) -> dict[str, list[Aggregate]]:
    """Return the aggregates of each host that is in any, by the host's name."""
    found: dict[str, list[Aggregate]] = {}
    for name, aggregate in session.execute(
        select(AggregateHost.host, Aggregate).join(Aggregate, Aggregate.id == AggregateHost.aggregate_id)
    ):
        found.setdefault(name, []).append(aggregate)
    return found


def room(wanted: Claim, ratios: Ratios) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of the hosts that have room for the claim."""
    return (
        Host.vcpus_used + wanted.vcpus <= Host.vcpus * ratios.cpu,
        Host.memory_mib_used + wanted.memory_mib <= Host.memory_mib * ratios.memory,
        Host.disk_gib_used + wanted.disk_gib <= Host.disk_gib * ratios.disk,
    )


def claim(session: Session, name: str, server_id: str, wanted: Claim, ratios: Ratios, purpose: str = "run") -> bool:
    """Claim resources of a host for a server in one compare-and-set.

    Return False if they don't fit (any more): another server may have been faster.
    """
    hit = session.execute(
        update(Host)
        .where(Host.name == name, *room(wanted, ratios))
        .values(
            vcpus_used=Host.vcpus_used + wanted.vcpus,
            memory_mib_used=Host.memory_mib_used + wanted.memory_mib,
            disk_gib_used=Host.disk_gib_used + wanted.disk_gib,
        )
        .execution_options(synchronize_session=False)
    )
    if not hit.rowcount:  # type: ignore[attr-defined]
        return False
    session.add(
        Allocation(
            server_id=server_id,
            purpose=purpose,
            host=name,
            vcpus=wanted.vcpus,
            memory_mib=wanted.memory_mib,
            disk_gib=wanted.disk_gib,
        )
    )
    session.flush()
    return True


def release(session: Session, server_id: str, purpose: str | None = None) -> None:
    """Give back what the server has claimed, for one purpose or for all. A server without a claim is no error."""
    mine = [Allocation.server_id == server_id] + ([Allocation.purpose == purpose] if purpose else [])
    held = session.execute(
        delete(Allocation)
        .where(*mine)
        .returning(Allocation.host, Allocation.vcpus, Allocation.memory_mib, Allocation.disk_gib)
    ).all()
    for name, vcpus, memory_mib, disk_gib in held:  # at most two: a server and what it was before a resize
        session.execute(
            update(Host)
            .where(Host.name == name)
            .values(
                vcpus_used=Host.vcpus_used - vcpus,
                memory_mib_used=Host.memory_mib_used - memory_mib,
                disk_gib_used=Host.disk_gib_used - disk_gib,
            )
            .execution_options(synchronize_session=False)
        )
