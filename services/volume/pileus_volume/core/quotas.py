"""Limits and use. Use is counted from the rows themselves, in the transaction that adds to it, so it can't drift."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import delete, func, literal, select, union_all
from sqlalchemy.orm import Session

from pileus_volume.db.models import Backup, Group, Quota, QuotaClass, Snapshot, Volume, VolumeType
from pileus_volume.errors import (
    BackupGigabytesQuotaExceeded,
    BackupsQuotaExceeded,
    GigabytesQuotaExceeded,
    GroupsQuotaExceeded,
    PerVolumeQuotaExceeded,
    SnapshotsQuotaExceeded,
    VolumesQuotaExceeded,
)

DEFAULTS = {
    "volumes": 10,
    "snapshots": 10,
    "gigabytes": 1000,
    "backups": 10,
    "backup_gigabytes": 1000,
    "per_volume_gigabytes": -1,
    "groups": 10,
}
PER_TYPE = ("volumes", "gigabytes", "snapshots")  # each also as RESOURCE_TYPENAME; unlimited unless set
UNLIMITED = -1


@dataclass(frozen=True)
class Ledger:
    """What one project may have and has. Use by resource, and by (resource, type id)."""

    limits: Mapping[str, int]
    used: Mapping[str, int]
    used_by_type: Mapping[tuple[str, str], int]

    def limit(self, resource: str) -> int:
        return self.limits.get(resource, DEFAULTS.get(resource, UNLIMITED))


def ledger(session: Session, project_id: str) -> Ledger:
    """One statement. Call `hold` before, if it decides about adding something."""
    class_limits = select(
        literal("class").label("kind"),
        QuotaClass.resource.label("key"),
        QuotaClass.hard_limit.label("first"),
        literal(0).label("second"),
    ).where(QuotaClass.class_name == "default")
    own_limits = select(literal("own"), Quota.resource, Quota.hard_limit, literal(0)).where(
        Quota.project_id == project_id
    )
    volumes = (
        select(literal("volumes"), Volume.type_id, func.count(), func.sum(Volume.claimed))
        .where(Volume.project_id == project_id)
        .group_by(Volume.type_id)
    )
    snapshots = (
        select(literal("snapshots"), Snapshot.type_id, func.count(), func.sum(Snapshot.volume_size))
        .where(Snapshot.project_id == project_id)
        .group_by(Snapshot.type_id)
    )
    backups = select(literal("backups"), literal(""), func.count(), func.coalesce(func.sum(Backup.size), 0)).where(
        Backup.project_id == project_id
    )
    groups = select(literal("groups"), literal(""), func.count(), literal(0)).where(Group.project_id == project_id)
    limits: dict[str, dict[str, int]] = {"class": {}, "own": {}}
    used: dict[str, int] = {}
    by_type: dict[tuple[str, str], int] = {}
    for kind, key, first, second in session.execute(
        union_all(class_limits, own_limits, volumes, snapshots, backups, groups)
    ):
        if kind in limits:
            limits[kind][key] = first
        elif kind == "backups":
            used |= {"backups": first, "backup_gigabytes": int(second)}
        elif kind == "groups":
            used["groups"] = first
        else:
            by_type[kind, key] = first
            by_type["gigabytes", key] = by_type.get(("gigabytes", key), 0) + int(second)
    used |= {resource: sum(n for (name, _), n in by_type.items() if name == resource) for resource in PER_TYPE}
    return Ledger(limits["class"] | limits["own"], used, by_type)


def hold(session: Session, project_id: str) -> None:
    """Until the transaction ends nobody else adds to this project. SQLite has one writer at a time anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"volume-quota-{project_id}"))))


def check(
    session: Session,
    project_id: str,
    kind: VolumeType,
    *,
    volumes: int = 0,
    snapshots: int = 0,
    gigabytes: int = 0,
    volume_size: int = 0,
    moved: int = 0,
) -> None:
    """Raise the right 413 unless so many more fit, in all and of this type. `moved`: GiB of a volume that only
    changes to this type."""
    hold(session, project_id)
    book = ledger(session, project_id)
    most = book.limit("per_volume_gigabytes")
    if volume_size > most >= 0:
        raise PerVolumeQuotaExceeded(size=volume_size, limit=most)
    for resource, more in (("gigabytes", gigabytes), ("volumes", volumes), ("snapshots", snapshots)):
        if more <= 0:
            continue
        _fits(resource, book.limit(resource), book.used[resource], more)
        name = f"{resource}_{kind.name}"
        _fits(name, book.limits.get(name, UNLIMITED), book.used_by_type.get((resource, kind.id), 0), more)
    for resource, more in (("gigabytes", moved), ("volumes", 1)) if moved else ():
        name = f"{resource}_{kind.name}"
        _fits(name, book.limits.get(name, UNLIMITED), book.used_by_type.get((resource, kind.id), 0), more)


def check_backup(session: Session, project_id: str, gigabytes: int) -> None:
    """Raise the right 413 unless one more backup of that size fits."""
    hold(session, project_id)
    book = ledger(session, project_id)
    if book.used["backups"] >= book.limit("backups") >= 0:
        raise BackupsQuotaExceeded(limit=book.limit("backups"))
    used, limit = book.used["backup_gigabytes"], book.limit("backup_gigabytes")
    if used + gigabytes > limit >= 0:
        raise BackupGigabytesQuotaExceeded(requested=gigabytes, limit=limit, consumed=used)


def check_group(session: Session, project_id: str) -> None:
    """Raise the 413 unless one more group fits."""
    hold(session, project_id)
    book = ledger(session, project_id)
    if book.used["groups"] >= book.limit("groups") >= 0:
        raise GroupsQuotaExceeded(limit=book.limit("groups"))


def _fits(name: str, limit: int, used: int, more: int) -> None:
    if limit < 0 or used + more <= limit:
        return
    if name.startswith("gigabytes"):
        raise GigabytesQuotaExceeded(name=name, requested=more, limit=limit, consumed=used)
    raise (VolumesQuotaExceeded if name.startswith("volumes") else SnapshotsQuotaExceeded)(limit=limit, name=name)


def names(types: Iterable[VolumeType]) -> list[str]:
    """Every resource that has a limit, those of each type included."""
    return [*DEFAULTS, *(f"{resource}_{kind.name}" for kind in types for resource in PER_TYPE)]


def class_limits(session: Session, class_name: str) -> dict[str, int]:
    rows = session.scalars(select(QuotaClass).where(QuotaClass.class_name == class_name).limit(1000))
    return {row.resource: row.hard_limit for row in rows}


def set_limits(session: Session, project_id: str, limits: Mapping[str, int]) -> None:
    for resource, limit in limits.items():
        session.merge(Quota(project_id=project_id, resource=resource, hard_limit=limit))


def set_class_limits(session: Session, class_name: str, limits: Mapping[str, int]) -> None:
    for resource, limit in limits.items():
        session.merge(QuotaClass(class_name=class_name, resource=resource, hard_limit=limit))


def forget(session: Session, project_id: str) -> None:
    """Back to the defaults."""
    session.execute(delete(Quota).where(Quota.project_id == project_id))
