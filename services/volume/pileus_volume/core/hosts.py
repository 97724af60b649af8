"""Storage hosts: what they reported last, what operators decided about them, and the zones that they form."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pileus_kit import hosts as kit_hosts
from pileus_kit.hosts import HostPage, KnownHost
from pileus_volume.core.pools import find_host
from pileus_volume.db.models import Snapshot, StorageHost, Volume
from pileus_volume.errors import HostNotFound
from pileus_volume.rpc import HostReport

SILENT_S = 90  # three missed reports; no volume is placed on a host that has been silent for so long
DEFAULT_ZONE = "nova"


@dataclass(frozen=True)
class Usage:
    """How many volumes and snapshots there are, and their GiB."""

    volumes: int = 0
    volume_gib: int = 0
    snapshots: int = 0
    snapshot_gib: int = 0


def is_up(host: StorageHost) -> bool:
    """Whether the host has reported recently."""
    return kit_hosts.is_up(host, SILENT_S)


def find(session: Session, name: str) -> StorageHost:
    """The host by its name or by its pool's. Raises HostNotFound."""
    host = find_host(session, name)
    if host is None:
        raise HostNotFound(host=name)
    return host


def list_hosts(session: Session) -> list[StorageHost]:
    """All storage hosts by name."""
    return list(session.scalars(select(StorageHost).order_by(StorageHost.name).limit(10_000)))


def list_known(session: Session, page: HostPage) -> list[KnownHost]:
    """A page of the machines of storage hosts, and why those that are down are. A machine's agent answers for all of
    its backends, so further ones aren't listed."""
    machines = select(StorageHost).where(StorageHost.name.not_like("%@%"))
    found = session.scalars(page.of(machines, StorageHost.name))
    return [KnownHost(host.name, kit_hosts.reason_down(host, SILENT_S)) for host in found]


def set_state(session: Session, name: str, values: Mapping[str, object]) -> bool:
    """Record an operator's decision (disabled, disabled_reason, frozen). False if there is no such host."""
    host = find_host(session, name)
    if host is not None:
        session.execute(update(StorageHost).where(StorageHost.name == host.name).values(**values))
    return host is not None


def count_usage(session: Session, host: StorageHost) -> dict[str, Usage]:
    """What each project has on the host, by the project's id; two statements."""
    volumes = {
        project: (int(number), int(size))
        for project, number, size in session.execute(
            select(Volume.project_id, func.count(), func.sum(Volume.size))
            .where(Volume.host == host.pool)
            .group_by(Volume.project_id)
            .limit(10_000)
        )
    }
    snapshots = {
        project: (int(number), int(size))
        for project, number, size in session.execute(
            select(Snapshot.project_id, func.count(), func.sum(Snapshot.volume_size))
            .join(Volume, Volume.id == Snapshot.volume_id)
            .where(Volume.host == host.pool)
            .group_by(Snapshot.project_id)
            .limit(10_000)
        )
    }
    return {
        project: Usage(*volumes.get(project, (0, 0)), *snapshots.get(project, (0, 0)))
        for project in sorted(volumes.keys() | snapshots.keys())
    }


def total_usage(usages: Iterable[Usage]) -> Usage:
    """The sum of several projects' usage."""
    found = list(usages)
    return Usage(
        sum(usage.volumes for usage in found),
        sum(usage.volume_gib for usage in found),
        sum(usage.snapshots for usage in found),
        sum(usage.snapshot_gib for usage in found),
    )


def list_zones(session: Session) -> dict[str, bool]:
    """Each availability zone, and whether one of its hosts takes volumes."""
    all_disabled = func.min if session.get_bind().dialect.name == "sqlite" else func.bool_and
    rows = session.execute(
        select(StorageHost.availability_zone, all_disabled(StorageHost.disabled))
        .group_by(StorageHost.availability_zone)
        .limit(1000)
    )
    return {zone: not disabled for zone, disabled in rows}


def record_report(session: Session, report: HostReport, backend: str = "") -> str:
    """Store what a host reports about itself or about a further backend; returns the storage host's name. An operator's
    decisions about it stay."""
    name = f"{report.host}@{backend}" if backend else report.host
    host = session.get(StorageHost, name)
    if host is None:
        host = StorageHost(name=name, pool="", generation=1)
        session.add(host)
    host.pool = f"{report.host}@{report.backend_name}#{report.backend_name}"
    for column, value in asdict(report).items():
        if column != "host":
            setattr(host, column, value)
    kit_hosts.mark_seen(host)
    return name
