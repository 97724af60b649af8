"""Hypervisors: hosts as the machines that run servers. Before microversion 2.53 they are known by numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_compute.db.models import Host, Server
from pileus_compute.errors import HypervisorNotFound
from pileus_kit.errors import BadRequest, NotFound

MAX_SERVERS = 10_000  # listed with hypervisors in one answer

HypervisorId = str | int
"""A UUID, or a number."""


@dataclass(frozen=True)
class HypervisorTotals:
    """The sums over all enabled hypervisors."""

    count: int
    vcpus: int
    vcpus_used: int
    memory_mib: int
    memory_mib_used: int
    disk_gib: int
    disk_gib_used: int
    disk_free_gib: int
    servers: int


def find(session: Session, hypervisor_id: HypervisorId) -> Host:
    """Return the hypervisor with this id. Raises HypervisorNotFound."""
    host = _find(session, hypervisor_id)
    if host is None:
        raise HypervisorNotFound(hypervisor=hypervisor_id)
    return host


def _find(session: Session, hypervisor_id: HypervisorId) -> Host | None:
    known = Host.id == hypervisor_id if isinstance(hypervisor_id, str) else Host.number == hypervisor_id
    return session.scalar(select(Host).where(known))


def list_hypervisors(session: Session, limit: int, marker: HypervisorId | None, pattern: str | None) -> list[Host]:
    """Return a page of hypervisors whose names contain `pattern`. Raises BadRequest for an unknown marker."""
    stmt = select(Host).order_by(Host.number)
    if marker is not None:
        after = _find(session, marker)
        if after is None:
            raise BadRequest(why="marker not found")
        stmt = stmt.where(Host.number > after.number)
    if pattern:
        stmt = stmt.where(Host.name.contains(pattern, autoescape=True))
    rows = list(session.scalars(stmt.limit(limit)))
    if pattern and not rows:
        raise _none_matches(pattern)
    return rows


def search(session: Session, pattern: str) -> list[Host]:
    """Return all hypervisors whose names contain `pattern`. Raises NotFound if there is none."""
    rows = list(session.scalars(select(Host).where(Host.name.contains(pattern, autoescape=True)).order_by(Host.number)))
    if not rows:
        raise _none_matches(pattern)
    return rows


def _none_matches(pattern: str) -> NotFound:
    return NotFound(why=f"No hypervisor matching '{pattern}' could be found.")


def server_counts(session: Session) -> dict[str, int]:
    """Return how many servers each hypervisor has, by its name."""
    rows = session.execute(select(Server.host, func.count()).where(Server.host.is_not(None)).group_by(Server.host))
    return {str(name): count for name, count in rows}


def server_ids(session: Session, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids of the servers on each of these hypervisors that has any, by its name."""
    found: dict[str, list[str]] = {}
    stmt = select(Server.host, Server.id).where(Server.host.in_(names)).limit(MAX_SERVERS)
    for name, server_id in session.execute(stmt):
        found.setdefault(str(name), []).append(server_id)
    return found


def totals(session: Session) -> HypervisorTotals:
    """Return the sums over all enabled hypervisors."""
    rows = list(session.scalars(select(Host).where(Host.disabled.is_(False))))
    counts = server_counts(session)
    return HypervisorTotals(
        count=len(rows),
        vcpus=sum(h.vcpus for h in rows),
        vcpus_used=sum(h.vcpus_used for h in rows),
        memory_mib=sum(h.memory_mib for h in rows),
        memory_mib_used=sum(h.memory_mib_used for h in rows),
        disk_gib=sum(h.disk_gib for h in rows),
        disk_gib_used=sum(h.disk_gib_used for h in rows),
        disk_free_gib=sum(h.inventory.get("disk_free_gib") or 0 for h in rows),
        servers=sum(counts.get(h.name, 0) for h in rows),
    )
