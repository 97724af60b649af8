"""Quotas: limits per project (and user in it), usage counted from what is there."""

from collections.abc import Iterable

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from pileus_compute.db.models import Keypair, Limit, Server, ServerGroup
from pileus_compute.errors import QuotaExceeded

DEFAULTS = {
    "instances": 10,
    "cores": 20,
    "ram": 51200,
    "metadata_items": 128,
    "injected_files": 5,
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
    "key_pairs": 100,
    "server_groups": 10,
    "server_group_members": 10,
    "fixed_ips": -1,
    "floating_ips": -1,
    "security_groups": -1,
    "security_group_rules": -1,
}


def project_scope(project_id: str) -> str:
    return f"project:{project_id}"


def user_scope(project_id: str, user_id: str) -> str:
    return f"user:{project_id}:{user_id}"


CLASS_SCOPE = "class:default"


def limits(session: Session, project_id: str, user_id: str | None = None) -> dict[str, int]:
    """What holds for the project, or for one user in it: the narrower rule wins."""
    scopes = [CLASS_SCOPE, project_scope(project_id)] + ([user_scope(project_id, user_id)] if user_id else [])
    found: dict[str, dict[str, int]] = {scope: {} for scope in scopes}
    for scope, resource, value in session.execute(
        select(Limit.scope, Limit.resource, Limit.value).where(Limit.scope.in_(scopes))
    ):
        found[scope][resource] = value
    merged = dict(DEFAULTS)
    for scope in scopes:
        merged |= found[scope]
    return merged


def defaults(session: Session) -> dict[str, int]:
    rows = session.execute(select(Limit.resource, Limit.value).where(Limit.scope == CLASS_SCOPE)).all()
    return DEFAULTS | {row.resource: row.value for row in rows}


def set_limits(session: Session, scope: str, values: dict[str, int]) -> None:
    for resource, value in values.items():
        session.merge(Limit(scope=scope, resource=resource, value=value))


def clear(session: Session, scope: str) -> None:
    session.execute(delete(Limit).where(Limit.scope == scope))


def usage(session: Session, project_id: str, user_id: str | None = None) -> dict[str, int]:
    """Servers, cores and memory of the project (or of one user in it), and its server groups, in one statement."""
    mine = [Server.project_id == project_id] + ([Server.user_id == user_id] if user_id else [])
    groups = select(func.count()).select_from(ServerGroup).where(ServerGroup.project_id == project_id)
    row = session.execute(
        select(
            func.count(Server.id),
            func.coalesce(func.sum(Server.vcpus), 0),
            func.coalesce(func.sum(Server.memory_mib), 0),
            groups.scalar_subquery(),
        ).where(*mine)
    ).one()
    return {"instances": row[0], "cores": int(row[1]), "ram": int(row[2]), "server_groups": row[3]}


def take_servers(
    session: Session, project_id: str, user_id: str, count: int, cores: int, ram: int, least: int | None = None
) -> int:
    """How many of `count` servers of this size the project may still have: at least `least`, or QuotaExceeded.

    The servers have to be inserted in the same transaction: it holds the project's lock till its end.
    """
    _lock(session, project_id)
    limit = limits(session, project_id, user_id)
    used = usage(session, project_id)
    fits = count
    for resource, each in (("instances", 1), ("cores", cores), ("ram", ram)):
        if limit[resource] >= 0 and each:
            fits = min(fits, max(0, limit[resource] - used[resource]) // each)
    if fits < (least or count):
        wanted = {"instances": count, "cores": cores * count, "ram": ram * count}
        over = [r for r in wanted if 0 <= limit[r] < used[r] + wanted[r]]
        raise QuotaExceeded(why=exceeded(over, wanted, used, limit))
    return fits


def exceeded(over: Iterable[str], wanted: dict[str, int], used: dict[str, int], limit: dict[str, int]) -> str:
    names = list(over)
    return (
        f"Quota exceeded for {', '.join(names)}: Requested {', '.join(str(wanted[r]) for r in names)}, but already "
        f"used {', '.join(str(used[r]) for r in names)} of {', '.join(str(limit[r]) for r in names)} "
        f"{', '.join(names)}"
    )


def check_keypairs(session: Session, project_id: str, user_id: str) -> None:
    limit = limits(session, project_id, user_id)["key_pairs"]
    count = session.scalar(select(func.count()).select_from(Keypair).where(Keypair.user_id == user_id)) or 0
    if 0 <= limit <= count:
        raise QuotaExceeded(why="Quota exceeded, too many key pairs.")


def check_metadata(session: Session, project_id: str, items: dict[str, str]) -> None:
    limit = limits(session, project_id)["metadata_items"]
    if 0 <= limit < len(items):
        raise QuotaExceeded(why=f"Maximum number of metadata items exceeds {limit}")


def _lock(session: Session, project_id: str) -> None:
    """Counting and inserting must not interleave. SQLite has one writer anyway; PostgreSQL gets an advisory lock."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"quota:{project_id}"})
