"""Lists of servers: filters, order, pages."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from pileus_compute.core import servers
from pileus_compute.core.states import TASKS, VM_STATES
from pileus_compute.db.models import Job, Server, ServerPort, ServerTag
from pileus_kit.errors import BadRequest
from pileus_kit.flow.jobs import alive
from pileus_kit.numbers import whole
from pileus_kit.paging import fetch
from pileus_kit.patterns import matching

SORTS: dict[str, Any] = {
    "created_at": Server.created_at, "updated_at": Server.updated_at, "uuid": Server.id, "id": Server.id,
    "display_name": Server.name, "name": Server.name, "host": Server.host, "node": Server.host,
    "image_ref": Server.image_id, "instance_type_id": Server.flavor_id, "key_name": Server.key_name,
    "launch_index": Server.launch_index, "launched_at": Server.launched_at, "power_state": Server.power_state,
    "progress": Server.progress, "project_id": Server.project_id, "root_device_name": Server.root_device,
    "user_id": Server.user_id, "vm_state": Server.status, "display_description": Server.description,
    "hostname": Server.hostname, "config_drive": Server.config_drive, "availability_zone": Server.zone,
    "access_ip_v4": Server.access_ip_v4, "access_ip_v6": Server.access_ip_v6, "auto_disk_config": Server.disk_config,
    "locked_by": Server.locked_by, "locked": Server.locked_by, "task_state": Server.status,
}
EXACT: dict[str, Any] = {
    "project_id": Server.project_id, "tenant_id": Server.project_id, "user_id": Server.user_id, "uuid": Server.id,
    "host": Server.host, "node": Server.host, "image": Server.image_id, "flavor": Server.flavor_id,
    "key_name": Server.key_name, "reservation_id": Server.reservation_id, "availability_zone": Server.zone,
    "access_ip_v4": Server.access_ip_v4, "access_ip_v6": Server.access_ip_v6, "root_device_name": Server.root_device,
}
PATTERNS: dict[str, Any] = {"name": Server.name, "description": Server.description, "hostname": Server.hostname}


@dataclass(frozen=True)
class Query:
    """A checked wish for a list. `project_id` None: of all projects."""

    project_id: str | None
    filters: dict[str, str] = field(default_factory=dict)
    statuses: tuple[str, ...] = ()  # as stored
    flows: tuple[str, ...] = ()  # being done right now (a passing status)
    since: datetime | None = None
    before: datetime | None = None
    sorts: tuple[tuple[str, str], ...] = (("created_at", "desc"),)
    marker: str | None = None
    limit: int = 1000


def page(session: Session, query: Query) -> list[Server]:
    """Raises BadRequest for a marker that isn't in the caller's reach."""
    stmt = select(Server).where(*_conditions(session, query))
    after = None
    if query.marker:
        after = session.get(Server, query.marker)
        if after is None or (query.project_id is not None and after.project_id != query.project_id):
            raise BadRequest(why=f"marker [{query.marker}] not found")
    order = [(SORTS[key], direction) for key, direction in query.sorts]
    if not any(column is Server.id for column, _ in order):
        order.append((Server.id, query.sorts[-1][1]))
    return fetch(session, stmt, order, after, query.limit)  # type: ignore[arg-type]


def _conditions(session: Session, query: Query) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if query.project_id is not None:
        where.append(Server.project_id == query.project_id)
    if query.statuses or query.flows:
        now_doing = exists().where(Job.subject == Server.id, alive(Job), Job.flow.in_(query.flows))
        where.append(or_(Server.status.in_(query.statuses), now_doing) if query.flows
                     else Server.status.in_(query.statuses))
    if query.since:
        where.append(Server.updated_at >= query.since)
    if query.before:
        where.append(Server.updated_at <= query.before)
    for key, value in query.filters.items():
        where.append(_condition(session, key, value))
    return where


def _condition(session: Session, key: str, value: str) -> ColumnElement[bool]:
    if key == "image":  # also the one that the request of a server on a volume named
        return or_(Server.image_id == value, Server.image["of_record"].as_string() == value)
    if key in EXACT:
        return EXACT[key] == value
    if key in PATTERNS:
        return matching(PATTERNS[key], value)
    if key in ("ip", "ip6"):
        return exists().where(ServerPort.server_id == Server.id, matching(ServerPort.addresses, value))
    if key in ("tags", "tags-any", "not-tags", "not-tags-any"):
        return _tagged(key, value)
    if key in ("config_drive", "locked"):
        yes = value.lower() in ("true", "1", "yes", "on", "t")
        column: Any = Server.config_drive if key == "config_drive" else Server.locked_by.is_not(None)
        return column if yes else ~column
    if key == "vm_state":
        return Server.status.in_([s for s, vm in VM_STATES.items() if vm == value])
    if key in ("power_state", "launch_index", "progress"):
        number = whole(value)
        if number is None:
            raise BadRequest(why=f"Invalid input for query parameters {key}. Value: {value}")
        return getattr(Server, key) == number
    if key == "task_state":
        flows = [flow for flow, steps in TASKS.items() if value in steps.values()]
        return exists().where(Job.subject == Server.id, alive(Job), Job.flow.in_(flows))
    raise BadRequest(why=f"Unknown filter {key}")


def _tagged(key: str, value: str) -> ColumnElement[bool]:
    tags = list(dict.fromkeys(t for t in value.split(",") if t))
    mine = (ServerTag.server_id == Server.id, ServerTag.tag.in_(tags))
    if key == "tags-any":
        return exists().where(*mine)
    if key == "not-tags-any":
        return ~exists().where(*mine)
    count = select(func.count()).select_from(ServerTag).where(*mine).correlate(Server).scalar_subquery()
    return count == len(tags) if key == "tags" else count < len(tags)


def with_around(session: Session, query: Query, tags: bool) -> tuple[list[Server], servers.Around]:
    """The page and what its servers have around them, in a constant number of statements."""
    rows = page(session, query)
    return rows, servers.around(session, rows, tags) if rows else servers.Around()
