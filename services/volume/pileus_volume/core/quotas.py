"""Quotas: limits of projects and classes, and their use.

Use is counted from the rows themselves, in the transaction that adds to it, so it can't drift.
"""

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
    Invalid,
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
PER_TYPE = ("volumes", "gigabytes", "snapshots")  # each is also limited as RESOURCE_TYPENAME, if such a limit is set
UNLIMITED = -1


@dataclass(frozen=True)
class QuotaUsage:
    """The limits of one project and what it has, by resource and by (resource, type id)."""

    limits: Mapping[str, int]
    used: Mapping[str, int]
    used_by_type: Mapping[tuple[str, str], int]

    def limit(self, resource: str) -> int:
        """The project's limit, its class's, or the default; -1 is unlimited."""
        return self.limits.get(resource, DEFAULTS.get(resource, UNLIMITED))


def get_usage(session: Session, project_id: str) -> QuotaUsage:
    """Limits and use, read with one statement. Call `lock_project` before, if something is to be added."""
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
    return QuotaUsage(limits["class"] | limits["own"], used, by_type)


def lock_project(session: Session, project_id: str) -> None:
    """Until this transaction ends, let no other one add to the project; SQLite has one writer at a time anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"volume-quota-{project_id}"))))


def check(
    session: Session,
    project_id: str,
    volume_type: VolumeType,
    *,
    volumes: int = 0,
    snapshots: int = 0,
    gigabytes: int = 0,
    volume_size: int = 0,
) -> None:
    """Raise the quota's error (413) unless so many more fit into the project's limits and those of the type.

    `gigabytes` are those of volumes and snapshots together; `volume_size` is that of one volume, against the limit of a
    single one. Both are in GiB.
    """
    lock_project(session, project_id)
    usage = get_usage(session, project_id)
    limit = usage.limit("per_volume_gigabytes")
    if volume_size > limit >= 0:
        raise PerVolumeQuotaExceeded(size=volume_size, limit=limit)
    for resource, more in (("gigabytes", gigabytes), ("volumes", volumes), ("snapshots", snapshots)):
        if more <= 0:
            continue
        _check_limit(resource, usage.limit(resource), usage.used[resource], more)
        _check_type_limit(usage, volume_type, resource, more)


def check_retype(session: Session, project_id: str, volume_type: VolumeType, gigabytes: int) -> None:
    """Raise the quota's error (413) unless a volume of that size in GiB fits into the limits of its new type."""
    lock_project(session, project_id)
    usage = get_usage(session, project_id)
    _check_type_limit(usage, volume_type, "gigabytes", gigabytes)
    _check_type_limit(usage, volume_type, "volumes", 1)


def check_backup(session: Session, project_id: str, gigabytes: int) -> None:
    """Raise the quota's error (413) unless one more backup of that size in GiB fits."""
    lock_project(session, project_id)
    usage = get_usage(session, project_id)
    if usage.used["backups"] >= usage.limit("backups") >= 0:
        raise BackupsQuotaExceeded(limit=usage.limit("backups"))
    used, limit = usage.used["backup_gigabytes"], usage.limit("backup_gigabytes")
    if used + gigabytes > limit >= 0:
        raise BackupGigabytesQuotaExceeded(requested=gigabytes, limit=limit, consumed=used)


def check_group(session: Session, project_id: str) -> None:
    """Raise GroupsQuotaExceeded unless one more group fits."""
    lock_project(session, project_id)
    usage = get_usage(session, project_id)
    if usage.used["groups"] >= usage.limit("groups") >= 0:
        raise GroupsQuotaExceeded(limit=usage.limit("groups"))


def _check_type_limit(usage: QuotaUsage, volume_type: VolumeType, resource: str, more: int) -> None:
    name = f"{resource}_{volume_type.name}"
    used = usage.used_by_type.get((resource, volume_type.id), 0)
    _check_limit(name, usage.limits.get(name, UNLIMITED), used, more)


def _check_limit(name: str, limit: int, used: int, more: int) -> None:
    if limit < 0 or used + more <= limit:
        return
    if name.startswith("gigabytes"):
        raise GigabytesQuotaExceeded(name=name, requested=more, limit=limit, consumed=used)
    raise (VolumesQuotaExceeded if name.startswith("volumes") else SnapshotsQuotaExceeded)(limit=limit, name=name)


def list_types(session: Session) -> list[VolumeType]:
    """All volume types by name; each has limits of its own."""
    return list(session.scalars(select(VolumeType).order_by(VolumeType.name).limit(1000)))


def resource_names(types: Iterable[VolumeType]) -> list[str]:
    """Every resource that has a limit, including those of each type."""
    return [*DEFAULTS, *(f"{resource}_{kind.name}" for kind in types for resource in PER_TYPE)]


def all_limits(types: Iterable[VolumeType], limits: Mapping[str, int]) -> dict[str, int]:
    """A limit for every resource: the given one, else the default."""
    return {name: limits.get(name, DEFAULTS.get(name, UNLIMITED)) for name in resource_names(types)}


def usage_by_name(types: Iterable[VolumeType], usage: QuotaUsage) -> dict[str, int]:
    """What is used of every resource, including those of each type."""
    return dict(usage.used) | {
        f"{resource}_{kind.name}": usage.used_by_type.get((resource, kind.id), 0)
        for kind in types
        for resource in PER_TYPE
    }


def get_class_limits(session: Session, class_name: str) -> dict[str, int]:
    """The limits that are set for the class, by resource."""
    rows = session.scalars(select(QuotaClass).where(QuotaClass.class_name == class_name).limit(1000))
    return {row.resource: row.hard_limit for row in rows}


def check_names(session: Session, limits: Mapping[str, int]) -> None:
    """Raise Invalid for a resource that has no limit."""
    if unknown := sorted(set(limits) - set(resource_names(list_types(session)))):
        raise Invalid(why=f"Bad key(s) in quota set: {', '.join(unknown)[:200]}")


def check_used(session: Session, project_id: str, limits: Mapping[str, int]) -> None:
    """Raise Invalid for a limit that is less than what the project uses."""
    usage = get_usage(session, project_id)
    for name, limit in limits.items():
        if 0 <= limit < usage.used.get(name, 0):
            raise Invalid(why=f"Quota {name} can't be less than what is used: {usage.used[name]}")


def set_limits(session: Session, project_id: str, limits: Mapping[str, int]) -> None:
    """Set limits of the project."""
    for resource, limit in limits.items():
        session.merge(Quota(project_id=project_id, resource=resource, hard_limit=limit))


def set_class_limits(session: Session, class_name: str, limits: Mapping[str, int]) -> None:
    """Set limits of the class."""
    for resource, limit in limits.items():
        session.merge(QuotaClass(class_name=class_name, resource=resource, hard_limit=limit))


def delete_limits(session: Session, project_id: str) -> None:
    """Drop the project's own limits, so that the defaults hold again."""
    session.execute(delete(Quota).where(Quota.project_id == project_id))
