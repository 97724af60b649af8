"""Lists of servers: filters, order and pages, over existing servers, deleted ones, or both."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from pileus_compute.core import server_details
from pileus_compute.core.boot_images import OF_RECORD
from pileus_compute.core.server_details import Related
from pileus_compute.core.states import TASK_STATES, VM_STATES
from pileus_compute.db.models import DeletedServer, Job, Server, ServerPort, ServerTag
from pileus_kit.errors import BadRequest
from pileus_kit.flow.jobs import alive
from pileus_kit.listing import SortKeys
from pileus_kit.numbers import parse_whole_number
from pileus_kit.paging import fetch
from pileus_kit.patterns import matching

SECOND = timedelta(seconds=1)
SORTS = {  # sort key: attribute of a server
    "created_at": "created_at",
    "updated_at": "updated_at",
    "uuid": "id",
    "id": "id",
    "display_name": "name",
    "name": "name",
    "host": "host",
    "node": "host",
    "image_ref": "image_id",
    "instance_type_id": "flavor_id",
    "key_name": "key_name",
    "launch_index": "launch_index",
    "launched_at": "launched_at",
    "power_state": "power_state",
    "progress": "progress",
    "project_id": "project_id",
    "root_device_name": "root_device",
    "user_id": "user_id",
    "vm_state": "status",
    "display_description": "description",
    "hostname": "hostname",
    "config_drive": "config_drive",
    "availability_zone": "zone",
    "access_ip_v4": "access_ip_v4",
    "access_ip_v6": "access_ip_v6",
    "auto_disk_config": "disk_config",
    "locked_by": "locked_by",
    "locked": "locked_by",
    "task_state": "status",
}
EXACT = {  # filter: attribute
    "project_id": "project_id",
    "tenant_id": "project_id",
    "user_id": "user_id",
    "uuid": "id",
    "host": "host",
    "node": "host",
    "flavor": "flavor_id",
    "key_name": "key_name",
    "reservation_id": "reservation_id",
    "availability_zone": "zone",
    "access_ip_v4": "access_ip_v4",
    "access_ip_v6": "access_ip_v6",
    "root_device_name": "root_device",
    "image": "image_id",
    "locked_by": "locked_by",
}
PATTERNS = {"name": "name", "description": "description", "hostname": "hostname"}
TAG_FILTERS = ("tags", "tags-any", "not-tags", "not-tags-any")
NUMBER_FILTERS = ("power_state", "launch_index", "progress")
TRUE_WORDS = ("true", "1", "yes", "on", "t")
Kind = type[Server] | type[DeletedServer]
Row = Server | DeletedServer


@dataclass(frozen=True)
class ServerQuery:
    """Which servers to list, in which order. `project_id` None: those of all projects."""

    project_id: str | None
    filters: dict[str, str] = field(default_factory=dict)
    statuses: tuple[str, ...] = ()
    """Stable statuses, as the rows have them. Empty with `flows`: any."""
    flows: tuple[str, ...] = ()
    """Flows of live jobs that show as a transitional status."""
    since: datetime | None = None
    before: datetime | None = None
    sorts: SortKeys = (("created_at", "desc"),)
    marker: str | None = None
    limit: int = 1000
    deleted: bool | None = False
    """None: existing and deleted servers."""


def list_servers(session: Session, query: ServerQuery) -> list[Row]:
    """Return a page of servers. Raises BadRequest for a marker that isn't among the project's servers."""
    kinds: dict[bool | None, tuple[Kind, ...]] = {
        False: (Server,),
        True: (DeletedServer,),
        None: (Server, DeletedServer),
    }
    after = _marked(session, query) if query.marker else None
    order = [(SORTS[key], direction) for key, direction in query.sorts]
    if not any(name == "id" for name, _ in order):
        order.append(("id", query.sorts[-1][1]))
    found: list[Row] = []
    for kind in kinds[query.deleted]:
        columns: Any = [(getattr(kind, name), direction) for name, direction in order]
        stmt: Any = select(kind).where(*_conditions(query, kind))
        found += fetch(session, stmt, columns, after, query.limit)
    if query.deleted is None:
        for name, direction in reversed(order):  # by the least significant key first
            found.sort(key=_by(name), reverse=direction == "desc")
    return found[: query.limit]


def _by(name: str) -> Callable[[Row], tuple[bool, Any]]:
    """Return the sort key for an attribute. None comes before any value, as in the database."""

    def rank(row: Row) -> tuple[bool, Any]:
        value = getattr(row, name)
        return value is not None, value if value is not None else 0

    return rank


def _marked(session: Session, query: ServerQuery) -> Any:
    after: Row | None = None
    if query.deleted is not True:
        after = session.get(Server, query.marker)
    if after is None and query.deleted is not False:
        after = session.get(DeletedServer, query.marker)
    if after is None or (query.project_id is not None and after.project_id != query.project_id):
        raise BadRequest(why=f"marker [{query.marker}] not found")
    return after


def _conditions(query: ServerQuery, kind: Kind) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if query.project_id is not None:
        where.append(kind.project_id == query.project_id)
    if query.statuses or query.flows:
        now_doing = exists().where(Job.subject == kind.id, alive(Job), Job.flow.in_(query.flows))
        where.append(
            or_(kind.status.in_(query.statuses), now_doing) if query.flows else kind.status.in_(query.statuses)
        )
    if query.since:
        where.append(kind.updated_at >= query.since)
    if query.before:
        where.append(_until(kind.updated_at, query.before))
    for key, value in query.filters.items():
        where.append(_condition(kind, key, value))
    return where


def _until(column: Any, moment: datetime) -> ColumnElement[bool]:
    """Return the condition for changes until a moment. A time in whole seconds, as they are shown, means all of it."""
    return column <= moment if moment.microsecond else column < moment + SECOND


def _condition(kind: Kind, key: str, value: str) -> ColumnElement[bool]:
    """Return the condition of one filter. Raises BadRequest for a value that it can't have."""
    if key in EXACT:
        return _by_image(kind, value) if key == "image" else getattr(kind, EXACT[key]) == value
    if key in PATTERNS:
        return matching(getattr(kind, PATTERNS[key]), value)
    if key in TAG_FILTERS:
        return _tagged(kind, key, value)
    if key in NUMBER_FILTERS:
        return _by_number(kind, key, value)
    return OTHER_FILTERS[key](kind, key, value)


def _by_image(kind: Kind, image_id: str) -> ColumnElement[bool]:
    """Return the condition for servers made from an image, or requested with it and booted from a volume."""
    return or_(kind.image_id == image_id, kind.image[OF_RECORD].as_string() == image_id)


def _by_number(kind: Kind, key: str, value: str) -> ColumnElement[bool]:
    number = parse_whole_number(value)
    if number is None:
        raise BadRequest(why=f"Invalid input for query parameters {key}. Value: {value}")
    found: ColumnElement[bool] = getattr(kind, key) == number
    return found


def _by_address(kind: Kind, key: str, value: str) -> ColumnElement[bool]:
    return exists().where(ServerPort.server_id == kind.id, matching(ServerPort.addresses, value))


def _by_side_image(kind: Kind, key: str, value: str) -> ColumnElement[bool]:
    return kind.image[key].as_string() == value


def _by_disk_config(kind: Kind, key: str, value: str) -> ColumnElement[bool]:
    return kind.disk_config == ("AUTO" if _is_true(value) else "MANUAL")


def _by_config_drive(kind: Kind, key: str, value: str) -> ColumnElement[bool]:
    return kind.config_drive.is_(_is_true(value))


def _by_lock(kind: Kind, key: str, value: str) -> ColumnElement[bool]:
    return kind.locked_by.is_not(None) if _is_true(value) else kind.locked_by.is_(None)


def _by_vm_state(kind: Kind, key: str, value: str) -> ColumnElement[bool]:
    return kind.status.in_([status for status, vm_state in VM_STATES.items() if vm_state == value])


def _by_task_state(kind: Kind, key: str, value: str) -> ColumnElement[bool]:
    flows = [flow for flow, steps in TASK_STATES.items() if value in steps.values()]
    return exists().where(Job.subject == kind.id, alive(Job), Job.flow.in_(flows))


def _is_true(value: str) -> bool:
    return value.lower() in TRUE_WORDS


OTHER_FILTERS: dict[str, Callable[[Kind, str, str], ColumnElement[bool]]] = {
    "ip": _by_address,
    "ip6": _by_address,
    "config_drive": _by_config_drive,
    "locked": _by_lock,
    "vm_state": _by_vm_state,
    "task_state": _by_task_state,
    "kernel_id": _by_side_image,
    "ramdisk_id": _by_side_image,
    "auto_disk_config": _by_disk_config,
}
FILTERS = frozenset((*EXACT, *PATTERNS, *TAG_FILTERS, *NUMBER_FILTERS, *OTHER_FILTERS))


def _tagged(kind: Kind, key: str, value: str) -> ColumnElement[bool]:
    tags = list(dict.fromkeys(t for t in value.split(",") if t))
    mine = (ServerTag.server_id == kind.id, ServerTag.tag.in_(tags))
    if key == "tags-any":
        return exists().where(*mine)
    if key == "not-tags-any":
        return ~exists().where(*mine)
    count = select(func.count()).select_from(ServerTag).where(*mine).correlate(kind).scalar_subquery()
    return count == len(tags) if key == "tags" else count < len(tags)


def list_with_related(session: Session, query: ServerQuery, tags: bool) -> tuple[list[Row], Related]:
    """Return a page of servers with what belongs to them, in a constant number of statements."""
    rows = list_servers(session, query)
    return rows, server_details.load_related(session, rows, tags) if rows else Related()
