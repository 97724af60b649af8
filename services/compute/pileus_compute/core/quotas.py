"""Quotas: limits of projects and of users in them. Usage is counted from the rows that exist, never kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from pileus_compute.db.models import Keypair, Limit, Server, ServerGroup
from pileus_compute.errors import QuotaExceeded
from pileus_kit.errors import BadRequest

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


CLASS_SCOPE = "class:default"


@dataclass(frozen=True)
class ServerDemand:
    """Servers that a project asks for: how many, and how large each is."""

    project_id: str
    user_id: str
    max_count: int
    min_count: int
    cores: int
    ram_mib: int


def scope_of(project_id: str, user_id: str | None = None) -> str:
    """Return the scope of a project's limits, or of those of one user in it."""
    return f"user:{project_id}:{user_id}" if user_id else f"project:{project_id}"


def limits(session: Session, project_id: str, user_id: str | None = None) -> dict[str, int]:
    """Return the limits of the project, or of one user in it: a limit of the user overrides the project's."""
    scopes = [CLASS_SCOPE, scope_of(project_id)] + ([scope_of(project_id, user_id)] if user_id else [])
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
    """Return the limits of projects that have none of their own."""
    rows = session.execute(select(Limit.resource, Limit.value).where(Limit.scope == CLASS_SCOPE)).all()
    return DEFAULTS | {row.resource: row.value for row in rows}


def set_defaults(session: Session, values: Mapping[str, int]) -> dict[str, int]:
    """Set limits for projects that have none of their own. Return all of them."""
    _set(session, CLASS_SCOPE, values)
    return defaults(session)


def set_limits(
    session: Session, project_id: str, user_id: str | None, values: Mapping[str, int], force: bool = False
) -> dict[str, int]:
    """Set limits of a project, or of one user in it. Return all that hold.

    Raises BadRequest for a limit below what is used (unless forced), and for one of a user above the project's.
    """
    _check(session, project_id, user_id, values, force)
    _set(session, scope_of(project_id, user_id), values)
    return limits(session, project_id, user_id)


def _check(session: Session, project_id: str, user_id: str | None, values: Mapping[str, int], force: bool) -> None:
    used = usage(session, project_id, user_id)
    whole = limits(session, project_id)
    for name, value in values.items():
        if not force and 0 <= value < used.get(name, 0):
            raise BadRequest(
                why=f"Quota value {value} for {name} must be greater than or equal to already used and "
                f"reserved {used[name]}."
            )
        if user_id and whole[name] >= 0 and (value < 0 or value > whole[name]):
            raise BadRequest(why=f"Quota limit {value} for {name} must be less than or equal to {whole[name]}.")


def _set(session: Session, scope: str, values: Mapping[str, int]) -> None:
    for resource, value in values.items():
        session.merge(Limit(scope=scope, resource=resource, value=value))
    session.flush()


def delete_limits(session: Session, project_id: str, user_id: str | None = None) -> None:
    """Delete the own limits of a project, or of one user in it: the defaults, or the project's, hold again."""
    session.execute(delete(Limit).where(Limit.scope == scope_of(project_id, user_id)))


def usage(session: Session, project_id: str, user_id: str | None = None) -> dict[str, int]:
    """Return the servers, cores and MiB of memory of the project, or of one user in it, and its server groups.

    It is read in one statement.
    """
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


def count_allowed_servers(session: Session, demand: ServerDemand) -> int:
    """Return how many of the servers the project may have, up to `max_count`.

    Raises QuotaExceeded if that is less than `min_count`. The servers must be inserted in the same transaction, which
    holds the project's lock until its end.
    """
    _lock(session, demand.project_id)
    limit = limits(session, demand.project_id, demand.user_id)
    used = usage(session, demand.project_id)
    count = fits = demand.max_count
    for resource, each in (("instances", 1), ("cores", demand.cores), ("ram", demand.ram_mib)):
        if limit[resource] >= 0 and each:
            fits = min(fits, max(0, limit[resource] - used[resource]) // each)
    if fits < demand.min_count:
        wanted = {"instances": count, "cores": demand.cores * count, "ram": demand.ram_mib * count}
        over = [r for r in wanted if 0 <= limit[r] < used[r] + wanted[r]]
        raise QuotaExceeded(why=exceeded(over, wanted, used, limit))
    return fits


def check_resize(session: Session, server: Server, cores: int, ram_mib: int) -> None:
    """Raise QuotaExceeded if the server can't have so many more cores and MiB of memory. It may always have less."""
    limit = limits(session, server.project_id, server.user_id)
    used, wanted = usage(session, server.project_id), {"cores": max(0, cores), "ram": max(0, ram_mib)}
    over = [r for r in wanted if wanted[r] and 0 <= limit[r] < used[r] + wanted[r]]
    if over:
        raise QuotaExceeded(why=exceeded(over, wanted, used, limit))


def exceeded(over: Iterable[str], wanted: Mapping[str, int], used: Mapping[str, int], limit: Mapping[str, int]) -> str:
    """Return OpenStack's sentence about the resources in `over`."""
    names = list(over)
    return (
        f"Quota exceeded for {', '.join(names)}: Requested {', '.join(str(wanted[r]) for r in names)}, but already "
        f"used {', '.join(str(used[r]) for r in names)} of {', '.join(str(limit[r]) for r in names)} "
        f"{', '.join(names)}"
    )


def check_keypairs(session: Session, project_id: str, user_id: str) -> None:
    """Raise QuotaExceeded if the user has as many keypairs as the project's users may have."""
    limit = limits(session, project_id, user_id)["key_pairs"]
    count = session.scalar(select(func.count()).select_from(Keypair).where(Keypair.user_id == user_id)) or 0
    if 0 <= limit <= count:
        raise QuotaExceeded(why="Quota exceeded, too many key pairs.")


def check_metadata(session: Session, project_id: str, items: Mapping[str, str]) -> None:
    """Raise QuotaExceeded if a server or image of the project can't have so many metadata items."""
    if not items:
        return
    limit = limits(session, project_id)["metadata_items"]
    if 0 <= limit < len(items):
        raise QuotaExceeded(why=f"Maximum number of metadata items exceeds {limit}")


def _lock(session: Session, project_id: str) -> None:
    """Let no other transaction count or insert. SQLite has one writer anyway; PostgreSQL takes an advisory lock."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"quota:{project_id}"})
