"""Hosts: what their agents say, who is up, which zone they are in, and claims on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from pileus_compute.core.image_properties import HostCapabilities
from pileus_compute.db.models import Aggregate, AggregateHost, Allocation, Host
from pileus_compute.errors import HostNotFound
from pileus_kit.db import now
from pileus_kit.liveness import is_silent


@dataclass(frozen=True)
class Claim:
    """What a server takes of a host."""

    vcpus: int
    memory_mib: int
    disk_gib: int


@dataclass(frozen=True)
class Ratios:
    """How much is offered for each unit that is there."""

    cpu: float
    memory: float
    disk: float


def record_report(session: Session, name: str, inventory: dict[str, Any]) -> None:
    """Take note of a hello. A host that has never been heard of is a new one, enabled at once."""
    facts = dict(inventory)
    total = {k: facts.pop(k) for k in ("vcpus", "memory_mib", "disk_gib")}
    host = session.get(Host, name)
    if host is None:
        number = (session.scalar(select(func.max(Host.number))) or 0) + 1
        session.add(
            Host(name=name, number=number, inventory=facts, hypervisor=str(facts.get("hypervisor_type", "")), **total)
        )
        return
    host.seen_at = now()
    host.hypervisor = str(facts.get("hypervisor_type", ""))
    for key, value in total.items():
        setattr(host, key, value)
    if host.inventory != facts:
        host.inventory = facts


def capabilities_of(host: Host) -> HostCapabilities:
    """What images may ask of it. A host that doesn't tell of its firmware has the old one."""
    told = host.inventory or {}
    about, cpu = told.get("facts") or {}, told.get("cpu_info") or {}
    return HostCapabilities(
        host.hypervisor or "", cpu.get("arch", ""), frozenset(about.get("firmware", "bios").split())
    )


def is_up(host: Host, silence_s: int) -> bool:
    return not host.forced_down and not is_silent(host.seen_at, timedelta(seconds=silence_s))


def find(session: Session, name: str) -> Host:
    host = session.get(Host, name)
    if host is None:
        raise HostNotFound(host=name)
    return host


def aggregates_by_host(session: Session) -> dict[str, list[Aggregate]]:
    """Host name -> its aggregates, in one statement."""
    found: dict[str, list[Aggregate]] = {}
    for name, aggregate in session.execute(
        select(AggregateHost.host, Aggregate).join(Aggregate, Aggregate.id == AggregateHost.aggregate_id)
    ):
        found.setdefault(name, []).append(aggregate)
    return found


def zone_of(aggregates: Sequence[Aggregate], default: str) -> str:
    for aggregate in aggregates:
        if zone := aggregate.meta.get("availability_zone"):
            return str(zone)
    return default


def claim(session: Session, name: str, server_id: str, wanted: Claim, ratios: Ratios, purpose: str = "run") -> bool:
    """Take it, if it still fits: one compare-and-set. False if somebody was faster."""
    free = (
        Host.vcpus_used + wanted.vcpus <= Host.vcpus * ratios.cpu,
        Host.memory_mib_used + wanted.memory_mib <= Host.memory_mib * ratios.memory,
        Host.disk_gib_used + wanted.disk_gib <= Host.disk_gib * ratios.disk,
    )
    hit = session.execute(
        update(Host)
        .where(Host.name == name, *free)
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
    """Give back what the server holds (for one purpose, or all of it); nothing if it holds nothing."""
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


def names_and_zones(session: Session, default_zone: str) -> tuple[set[str], set[str]]:
    member_of = aggregates_by_host(session)
    names = set(session.scalars(select(Host.name)))
    return names, {zone_of(member_of.get(name, []), default_zone) for name in names}
