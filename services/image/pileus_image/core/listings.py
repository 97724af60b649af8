"""The list of images: what its query may say, and the statement that answers it."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Select, and_, exists, not_, or_, select
from sqlalchemy.orm import Bundle, Session
from sqlalchemy.sql import ColumnElement

from pileus_image.core import attributes, images
from pileus_image.db.models import Image, Member, Term
from pileus_image.errors import Invalid
from pileus_kit import paging
from pileus_kit.auth import Caller

USUAL_PAGE, LARGEST_PAGE = 25, 1000
MOST_FILTERS = 64
TEXTS = (
    "name",
    "id",
    "status",
    "container_format",
    "disk_format",
    "owner",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
)
SEVERAL = ("name", "id", "status", "container_format", "disk_format")  # these know the operator `in:`
NUMBERS = ("size", "virtual_size", "min_ram", "min_disk")
FLAGS = ("protected", "os_hidden")
SORTABLE = (
    "name",
    "status",
    "container_format",
    "disk_format",
    "size",
    "id",
    "created_at",
    "updated_at",
    "owner",
    "visibility",
    "min_ram",
    "min_disk",
    "protected",
    "checksum",
    "virtual_size",
)
MEMBER_STATUSES = ("accepted", "pending", "rejected", "all")
COMPARISONS = ("gt", "gte", "lt", "lte", "eq", "neq")
COLUMNS = [Image.__table__.c[name] for name in attributes.SHOWN]

Direction = Literal["asc", "desc"]


@dataclass
class Query:
    """A checked query string."""

    limit: int = USUAL_PAGE
    marker: str | None = None
    sort: list[tuple[str, Direction]] = field(default_factory=list)
    visibility: str | None = None
    member_status: str = "accepted"
    hidden: bool = False
    conditions: list[ColumnElement[bool]] = field(default_factory=list)


def parse(arguments: dict[str, list[str]]) -> Query:
    """Read the query string. Raises Invalid."""
    if sum(len(values) for values in arguments.values()) > MOST_FILTERS:
        raise Invalid(why=f"A query may have at most {MOST_FILTERS} parameters.")
    query = Query(sort=_sort(arguments))
    for name, values in arguments.items():
        value = values[-1]
        if name == "limit":
            query.limit = min(_number(name, value), LARGEST_PAGE)
        elif name == "marker":
            query.marker = value
        elif name == "visibility":
            query.visibility = _one_of(name, value, (*attributes.VISIBILITIES, "all"))
        elif name == "member_status":
            query.member_status = _one_of(name, value, MEMBER_STATUSES)
        elif name == "os_hidden":
            query.hidden = _flag(name, value)
        elif name == "tag":
            query.conditions += [_has("tag", tag) for tag in values]
        elif name not in ("sort", "sort_key", "sort_dir"):
            query.conditions.append(_condition(name, value))
    return query


def _sort(arguments: dict[str, list[str]]) -> list[tuple[str, Direction]]:
    keys, directions = arguments.get("sort_key", []), arguments.get("sort_dir", [])
    if "sort" in arguments:
        if keys or directions:
            raise Invalid(why="Old and new sorting syntax cannot be combined")
        pairs = [part.strip().partition(":") for part in ",".join(arguments["sort"]).split(",") if part.strip()]
        keys, directions = [p[0] for p in pairs], [p[2] or "desc" for p in pairs]
    elif len(directions) > max(len(keys), 1):
        raise Invalid(why="Number of sort dirs does not match the number of sort keys")
    keys = keys or ["created_at"]
    last = directions[-1] if directions else "desc"
    directions = [*directions, *[last] * (len(keys) - len(directions))]
    sort = [(_one_of("sort_key", k, SORTABLE), _direction(d)) for k, d in zip(keys, directions, strict=True)]
    for tie in ("created_at", "id"):
        if tie not in [name for name, _ in sort]:
            sort.append((tie, sort[0][1]))
    return sort


def _direction(value: str) -> Direction:
    return "asc" if _one_of("sort_dir", value, ("asc", "desc")) == "asc" else "desc"


def _condition(name: str, value: str) -> ColumnElement[bool]:
    column: Any = getattr(Image, name, None)
    if name in ("created_at", "updated_at"):
        return _compared(name, column, value)
    if name in SEVERAL and value.startswith("in:"):
        return column.in_(next(csv.reader([value[3:]]), []))
    if name in TEXTS:
        return column == value
    if name in NUMBERS:
        return column == _number(name, value)
    if name in FLAGS:
        return column.is_(_flag(name, value))
    if name == "size_min":
        return Image.size >= _number(name, value)
    if name == "size_max":
        return Image.size <= _number(name, value)
    return _has("property", name, value)


def _compared(name: str, column: Any, value: str) -> ColumnElement[bool]:
    operator, separator, text = value.partition(":")
    if operator not in COMPARISONS or not separator:
        operator, text = "eq", value
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment + timedelta(seconds=1)
    except (ValueError, OverflowError):
        raise Invalid(why=f"{name}: '{value[:64]}' is not a time in ISO 8601") from None
    return _within_a_second(operator, column, moment.replace(microsecond=0))


def _within_a_second(operator: str, column: Any, second: datetime) -> ColumnElement[bool]:
    """Compare as if the column kept whole seconds: clients send back the times that they are shown."""
    after = second + timedelta(seconds=1)
    equal = and_(column >= second, column < after)
    found: dict[str, ColumnElement[bool]] = {
        "gt": column >= after,
        "gte": column >= second,
        "lt": column < second,
        "lte": column < after,
        "eq": equal,
        "neq": not_(equal),
    }
    return found[operator]


def _has(*words: str) -> ColumnElement[bool]:
    return exists().where(Term.image_id == Image.id, Term.digest == images.digest(*words))


def _number(name: str, value: str) -> int:
    if not value.isascii() or not value.isdecimal() or len(value) > 18:
        raise Invalid(why=f"{name}: '{value[:64]}' is not a number that can be")
    return int(value)


def _flag(name: str, value: str) -> bool:
    return _one_of(name, value.lower() if name == "os_hidden" else value, ("true", "false")) == "true"


def _one_of(name: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise Invalid(why=f"Invalid {name} value: '{value[:64]}'. It must be one of: {', '.join(choices)}.")
    return value


def page(session: Session, caller: Caller, query: Query) -> list[Any]:
    """One page of what the caller may see, as rows of attributes.SHOWN. One statement, two with marker."""
    stmt = _seen(select(Bundle("image", *COLUMNS)), caller, query)
    stmt = stmt.where(Image.os_hidden.is_(query.hidden), *query.conditions)
    marker = None
    if query.marker is not None:
        marker = session.get(Image, query.marker)
        if marker is None:
            raise Invalid(why=f"Invalid marker: image {query.marker[:64]} could not be found")
    sort: paging.Sort = [(getattr(Image, name), direction) for name, direction in query.sort]
    return paging.fetch(session, stmt, sort, marker, query.limit) if query.limit else []


def _seen(stmt: Select[Any], caller: Caller, query: Query) -> Select[Any]:
    if query.visibility not in (None, "all"):
        stmt = stmt.where(Image.visibility == query.visibility)
    if caller.is_admin:
        return stmt
    shared = exists().where(
        Member.image_id == Image.id,
        Member.member_id == caller.project_id,
        *([] if query.member_status == "all" else [Member.status == query.member_status]),
    )
    ways = [Image.owner == caller.project_id, Image.visibility == "public", (Image.visibility == "shared") & shared]
    if "service" in caller.roles:
        ways.append(Image.made_by == caller.user_id)
    if query.visibility in ("community", "all"):
        ways.append(Image.visibility == "community")
    return stmt.where(or_(*ways))
