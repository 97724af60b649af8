"""The list of images: what its query may say, and the statement that answers it."""

import csv
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, exists, or_, select
from sqlalchemy.orm import Bundle, InstrumentedAttribute, Session
from sqlalchemy.sql import ColumnElement
from werkzeug.datastructures import MultiDict

from pileus_image.core import attributes, images
from pileus_image.db.models import Image, Member, Term
from pileus_image.errors import Invalid
from pileus_kit import listing, paging
from pileus_kit.auth import Caller
from pileus_kit.listing import Comparison, Dialect, Operator, SortKeys

DEFAULT_LIMIT, MAX_LIMIT = 25, 1000
MAX_FILTERS = 64
MAX_DIGITS = 18
LISTING = Dialect(
    error=Invalid,
    not_a_number="{name}: '{value}' is not a whole number in the range that the service takes",
    not_a_time="{name}: '{value}' is not a time in ISO 8601",
    not_a_choice="Invalid {name} value: '{value}'. It must be one of: {choices}.",
    not_sortable="Invalid {name} value: '{value}'. It must be one of: {choices}.",
    not_a_direction="Invalid {name} value: '{value}'. It must be one of: {choices}.",
    unpaired_directions="Number of sort dirs does not match the number of sort keys",
    mixed_sort="Old and new sorting syntax cannot be combined",
)
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
WITH_IN = ("name", "id", "status", "container_format", "disk_format")
"""Filters that know the operator `in:`."""
NUMBERS = ("size", "virtual_size", "min_ram", "min_disk")
FLAGS = ("protected", "os_hidden")
TIMES = ("created_at", "updated_at")
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
COLUMNS = [Image.__table__.c[name] for name in attributes.VIEW_COLUMNS]

Condition = ColumnElement[bool]


@dataclass(frozen=True)
class ImageQuery:
    """A checked query string. `visibility` None stands for all that the caller sees without asking for more."""

    limit: int
    marker: str | None
    sort: SortKeys
    visibility: str | None
    member_status: str
    hidden: bool
    conditions: tuple[Condition, ...]


def parse(arguments: MultiDict[str, str]) -> ImageQuery:
    """Read the query string. Raises Invalid."""
    if sum(1 for _ in arguments.items(multi=True)) > MAX_FILTERS:
        raise Invalid(why=f"A query may have at most {MAX_FILTERS} parameters.")
    last = {name: values[-1] for name, values in arguments.lists()}
    sort = LISTING.sort(
        arguments,
        sortable=SORTABLE,
        default=(("created_at", "desc"),),
        missing="desc" if "sort" in arguments else "previous",
    )
    visibilities = (*attributes.VISIBILITIES, "all")
    return ImageQuery(
        limit=min(_number("limit", last["limit"]), MAX_LIMIT) if "limit" in last else DEFAULT_LIMIT,
        marker=last.get("marker"),
        sort=listing.complete_sort(sort, ("created_at", "id")),
        visibility=LISTING.choice("visibility", last["visibility"], visibilities) if "visibility" in last else None,
        member_status=LISTING.choice("member_status", last.get("member_status", "accepted"), MEMBER_STATUSES),
        hidden=_flag("os_hidden", last.get("os_hidden", "false")),
        conditions=(
            *(_has_term("tag", tag) for tag in arguments.getlist("tag")),
            *(_condition(name, value) for name, value in last.items() if name not in NOT_CONDITIONS),
        ),
    )


NOT_CONDITIONS = frozenset(
    {"limit", "marker", "visibility", "member_status", "os_hidden", "tag", "sort", "sort_key", "sort_dir"}
)


def _condition(name: str, value: str) -> Condition:
    """Return the condition of one filter. A name that isn't an attribute's is a property's."""
    if name == "size_min":
        return Image.size >= _number(name, value)
    if name == "size_max":
        return Image.size <= _number(name, value)
    if name not in (*TEXTS, *NUMBERS, *FLAGS, *TIMES):
        return _has_term("property", name, value)
    column: InstrumentedAttribute[Any] = getattr(Image, name)
    if name in TIMES:
        try:
            return paging.compare_seconds(column, _comparison(name, value))
        except OverflowError:  # the second after the last one of the calendar
            raise LISTING.refusal(LISTING.not_a_time, name, value) from None
    if name in WITH_IN and value.startswith("in:"):
        return column.in_(next(csv.reader([value[3:]]), []))
    if name in NUMBERS:
        return column == _number(name, value)
    return column.is_(_flag(name, value)) if name in FLAGS else column == value


def _number(name: str, value: str) -> int:
    """Return the number. One with more digits than any column holds is refused, not cut off."""
    if len(value) > MAX_DIGITS:
        raise LISTING.refusal(LISTING.not_a_number, name, value)
    return LISTING.number(name, value)


def _comparison(name: str, value: str) -> Comparison:
    """Return what `gte:TIME` asks for; a time alone must be equal."""
    word, colon, text = value.partition(":")
    operator: Operator | None = next((known for known in listing.OPERATORS if colon and known == word), None)
    return Comparison(operator or "eq", LISTING.time(name, text if operator else value))


def _has_term(*words: str) -> Condition:
    return exists().where(Term.image_id == Image.id, Term.digest == images.term_digest(*words))


def _flag(name: str, value: str) -> bool:
    return LISTING.choice(name, value.lower() if name == "os_hidden" else value, ("true", "false")) == "true"


def list_images(session: Session, caller: Caller, query: ImageQuery) -> list[Row[Any]]:
    """Return one page of what the caller may see, as rows of attributes.VIEW_COLUMNS.

    It costs one statement, two with a marker. Raises Invalid if the marker is unknown.
    """
    stmt = _visible(select(Bundle("image", *COLUMNS)), caller, query)
    stmt = stmt.where(Image.os_hidden.is_(query.hidden), *query.conditions)
    marker: Any = None
    if query.marker is not None:
        marker = session.get(Image, query.marker)
        if marker is None:
            raise Invalid(why=f"Invalid marker: image {query.marker[:64]} could not be found")
    sort: paging.Sort = [(getattr(Image, name), direction) for name, direction in query.sort]
    return paging.fetch(session, stmt, sort, marker, query.limit) if query.limit else []


def _visible(stmt: Select[Any], caller: Caller, query: ImageQuery) -> Select[Any]:
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
