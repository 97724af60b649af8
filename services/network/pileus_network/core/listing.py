"""Lists: the rows that a caller may see and a query asks for, in its order, one page at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import Boolean, ColumnElement, Integer, Select, and_, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.base import ExecutableOption

from pileus_kit.db import Utc
from pileus_kit.paging import fetch
from pileus_network.core.visibility import Viewer
from pileus_network.db.columns import tagged
from pileus_network.db.models import Model
from pileus_network.errors import HTTPBadRequest

MAX_PAGE = 5000
"""Rows in one answer. A longer list comes in pages, with links, whether the client asked for pages or not."""
TAG_FILTERS: dict[str, Callable[[list[ColumnElement[bool]]], ColumnElement[bool]]] = {
    "tags": lambda found: and_(*found),
    "tags-any": lambda found: or_(*found),
    "not-tags": lambda found: not_(and_(*found)),
    "not-tags-any": lambda found: not_(or_(*found)),
}
CHANGED_SINCE = "changed_since"
Row = TypeVar("Row", bound=Model)
Direction = Literal["asc", "desc"]
FilterValue = str | int | bool | datetime | None


class FilterKind(Enum):
    """The type of a filter's values."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TIME = "time"
    TAGS = "tags"


@dataclass(frozen=True)
class ListQuery:
    """A list request. `filters` hold values of each filter's kind; any of them may match."""

    filters: Mapping[str, Sequence[FilterValue]] = field(default_factory=dict)
    sort: tuple[tuple[str, Direction], ...] = ()
    limit: int | None = None
    marker: str | None = None
    backwards: bool = False
    """Whether the page ends before the marker, rather than begins after it."""


@dataclass(frozen=True)
class ListPage(Generic[Row]):
    """`is_full`: there may be more rows beyond this page."""

    rows: list[Row]
    ids: list[str]
    is_full: bool


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """How one kind of rows is listed.

    `columns` can be filtered and sorted by. `flags` are boolean filters that are no column, `clauses` are all other
    filters that aren't. `options` load what a view needs besides the row.
    """

    model: type[Row]
    visible: Callable[[Viewer], ColumnElement[bool]]
    columns: Mapping[str, InstrumentedAttribute[Any]]
    flags: Mapping[str, Callable[[Viewer], ColumnElement[bool]]] = field(default_factory=dict)
    clauses: Mapping[str, Callable[[list[str]], ColumnElement[bool]]] = field(default_factory=dict)
    options: tuple[ExecutableOption, ...] = ()

    def filter_kind(self, name: str) -> FilterKind | None:
        """Return what the values of this filter are, or None if there is no such filter."""
        if name in self.clauses:
            return FilterKind.TEXT
        if name in self.flags:
            return FilterKind.BOOLEAN
        if name in TAG_FILTERS and hasattr(self.model, "tags"):
            return FilterKind.TAGS
        if name == CHANGED_SINCE and "updated_at" in self.columns:
            return FilterKind.TIME
        return _column_kind(self.columns[name]) if name in self.columns else None

    def list_page(self, session: Session, viewer: Viewer, query: ListQuery) -> ListPage[Row]:
        """Return the page of rows that the viewer may see and the query asks for."""
        clauses = [self._clause(viewer, name, list(values)) for name, values in query.filters.items()]
        stmt: Select[Any] = select(self.model).where(self.visible(viewer), *clauses).options(*self.options)
        marker = self._find_marker(session, viewer, query.marker) if query.marker else None
        rows = fetch(session, stmt, self._order(query), marker, (query.limit or MAX_PAGE) + 1)
        is_full = len(rows) >= query.limit if query.limit else len(rows) > MAX_PAGE
        rows = rows[: query.limit or MAX_PAGE]
        if query.backwards:
            rows.reverse()
        return ListPage(rows, [row.id for row in rows], is_full)

    def _clause(self, viewer: Viewer, name: str, values: list[FilterValue]) -> ColumnElement[bool]:
        if name in self.clauses:
            return self.clauses[name]([str(value) for value in values])
        if name in self.flags:
            is_set = self.flags[name](viewer)
            return true() if len(set(values)) > 1 else is_set if values[0] else not_(is_set)
        tags = getattr(self.model, "tags", None)
        if name in TAG_FILTERS and tags is not None:
            return TAG_FILTERS[name]([tagged(tags, str(value)) for value in values])
        if name == CHANGED_SINCE:
            return self.columns["updated_at"] >= values[-1]
        column = self.columns[name]
        times = [value for value in values if isinstance(value, datetime)]
        if times:
            return or_(*[_is_shown_as(column, time) for time in times])
        return or_(column.in_([value for value in values if value is not None]), *[column.is_(None)] * (None in values))

    def _order(self, query: ListQuery) -> list[tuple[InstrumentedAttribute[Any], Direction]]:
        opposite: dict[Direction, Direction] = {"asc": "desc", "desc": "asc"}
        order = [
            (self.columns[name], opposite[direction] if query.backwards else direction)
            for name, direction in query.sort
        ]
        if "id" not in dict(query.sort):
            order.append((self.columns["id"], "desc" if query.backwards else "asc"))
        return order

    def _find_marker(self, session: Session, viewer: Viewer, marker: str) -> Row:
        row = session.scalars(
            select(self.model).where(self.columns["id"] == marker, self.visible(viewer))
        ).one_or_none()
        if row is None:
            raise HTTPBadRequest(why=f"the marker {marker} could not be found")
        return row


def _column_kind(column: InstrumentedAttribute[Any]) -> FilterKind:
    kind = column.property.columns[0].type
    if isinstance(kind, Boolean):
        return FilterKind.BOOLEAN
    if isinstance(kind, Integer):
        return FilterKind.INTEGER
    return FilterKind.TIME if isinstance(kind, Utc) else FilterKind.TEXT


def _is_shown_as(column: InstrumentedAttribute[Any], time: datetime) -> ColumnElement[bool]:
    """Whether views show the column's time as `time`: they have whole seconds, the database has fractions."""
    return and_(column >= time, column < time + timedelta(seconds=1))
