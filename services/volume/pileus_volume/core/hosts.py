"""Storage hosts: what they report, which one takes a volume, what they should export."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pileus_kit.db import now
from pileus_kit.liveness import is_silent
from pileus_volume.core import capabilities
from pileus_volume.db.models import Attachment, StorageHost, Volume
from pileus_volume.errors import NoBackend
from pileus_volume.rpc import Export, Report, Wanted

SILENT_S = 90  # three missed reports: nothing new is placed there
RESERVED_GIB = 1.0  # never promise a disk's last gigabyte


@dataclass(frozen=True)
class Pool:
    """A storage host and what is promised on it already."""

    host: StorageHost
    promised_gib: int

    @property
    def room_gib(self) -> float:
        return self.host.total_gib * self.host.overcommit - self.promised_gib


@dataclass(frozen=True)
class Need:
    """What a volume asks of a storage host. `only`: where its source is, for it can't leave it."""

    size_gib: int
    specs: Mapping[str, str]
    zone: str | None
    only: str | None = None


def name_of(pool: str) -> str:
    """`name@backend#pool` -> name: whom to call."""
    return pool.partition("@")[0]


def alive(host: StorageHost) -> bool:
    return not is_silent(host.seen_at, timedelta(seconds=SILENT_S))


def pools(session: Session) -> list[Pool]:
    """All of them, one statement; the emptiest first."""
    rows = session.execute(
        select(StorageHost, func.coalesce(func.sum(Volume.claimed), 0))
        .outerjoin(Volume, Volume.host == StorageHost.pool)
        .group_by(StorageHost.name)
        .limit(10_000)
    )
    found = (Pool(host, int(promised)) for host, promised in rows)
    return sorted(found, key=lambda pool: (-pool.room_gib, pool.host.name))


def pick(session: Session, *needs: Need) -> str:
    """The pool that meets all needs. Raises NoBackend, which says for each host what was missing."""
    reasons = []
    for pool in pools(session):
        why = next(filter(None, (_unfit(pool, need) for need in needs)), None)
        if why is None:
            return pool.host.pool
        reasons.append(f"{pool.host.name}: {why}")
    raise NoBackend(why="; ".join(reasons) or "there is no storage host")


def _unfit(pool: Pool, need: Need) -> str | None:
    host = pool.host
    if need.only and host.pool != need.only:
        return "the source is elsewhere"
    if host.disabled or host.frozen:
        return "it is disabled"
    if not alive(host):
        return f"it has been silent since {host.seen_at:%H:%M:%S}"
    if why := capabilities.missing(host, need.specs):
        return why
    if need.zone and host.availability_zone != need.zone:
        return f"it is in zone {host.availability_zone}, not {need.zone}"
    if pool.room_gib < need.size_gib or host.free_gib < RESERVED_GIB:
        return f"{max(pool.room_gib, 0):.0f} GiB may still be promised, {host.free_gib:.1f} GiB are free"
    return None


def zones(session: Session) -> dict[str, bool]:
    """Zone: whether one of its hosts takes volumes."""
    rows = (
        session.execute(
            select(StorageHost.availability_zone, func.min(StorageHost.disabled))
            .group_by(StorageHost.availability_zone)
            .limit(1000)
        )
        if session.get_bind().dialect.name == "sqlite"
        else session.execute(
            select(StorageHost.availability_zone, func.bool_and(StorageHost.disabled))
            .group_by(StorageHost.availability_zone)
            .limit(1000)
        )
    )
    return {zone: not disabled for zone, disabled in rows}


def note(session: Session, report: Report) -> None:
    """Remember what a host said; an operator's decisions about it stay."""
    host = session.get(StorageHost, report.host)
    if host is None:
        host = StorageHost(name=report.host, pool="", generation=1)
        session.add(host)
    host.pool = f"{report.host}@{report.backend_name}#{report.backend_name}"
    for field in (
        "driver",
        "backend_name",
        "availability_zone",
        "total_gib",
        "free_gib",
        "overcommit",
        "directory",
        "disk_format",
        "nbd_host",
        "nbd_port",
        "nbd_tls",
    ):
        setattr(host, field, getattr(report, field))
    host.seen_at = now()


def changed(session: Session, name: str) -> None:
    """The exports of this host are others from now on: older lists are void."""
    session.execute(
        update(StorageHost)
        .where(StorageHost.name == name)
        .values(generation=StorageHost.generation + 1)
        .execution_options(synchronize_session=False)
    )


def wanted(session: Session, name: str) -> Wanted:
    """What the host should export, read in one transaction with its generation."""
    generation = session.scalar(select(StorageHost.generation).where(StorageHost.name == name)) or 0
    rows = session.scalars(
        select(Attachment)
        .where(Attachment.export_host == name, Attachment.sealed_export_name.is_not(None))
        .order_by(Attachment.id)
        .limit(100_000)
    )
    return Wanted(generation, [Export(a.volume_id, a.id, a.export_name or "", a.attach_mode != "ro") for a in rows])
