"""Lists: filters, tags, fields, sorting and pages, the same for every noun."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from flask import request
from sqlalchemy import Boolean, ColumnElement, Integer, and_, not_, or_, select
from sqlalchemy import true as true_
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.base import ExecutableOption

from pileus_kit.db import Utc
from pileus_kit.numbers import parse_whole_number
from pileus_kit.paging import fetch
from pileus_network.api.attributes import AttributeMap
from pileus_network.api.converters import boolean, integer
from pileus_network.api.transactions import read
from pileus_network.db.columns import tagged
from pileus_network.db.models import RbacPolicy, StandardAttributes
from pileus_network.errors import HTTPBadRequest

MAX_PAGE = 5000
"""Rows in one answer; a longer list comes in pages, with links, whether asked for or not."""
PAGING = frozenset({"fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"})
TAGS: dict[str, Callable[[list[ColumnElement[bool]]], ColumnElement[bool]]] = {
    "tags": lambda found: and_(*found),
    "tags-any": lambda found: or_(*found),
    "not-tags": lambda found: not_(and_(*found)),
    "not-tags-any": lambda found: not_(or_(*found)),
}
Clause = Callable[[list[str]], ColumnElement[bool]]
NUMBER = integer(-(2**31), 2**31 - 1)
Direction = Literal["asc", "desc"]
View = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True)
class Listing:
    """`columns` can be filtered and sorted by; `clauses` are filters that are not a column.

    What a view needs besides the row comes with `options`, or, where a list of a thousand must be cheap, from
    `prepare`, which reads the children of all rows as plain tuples and gives the view.
    """

    attribute_map: AttributeMap
    model: type[StandardAttributes] | type[RbacPolicy]
    columns: Mapping[str, InstrumentedAttribute[Any]]
    clauses: Mapping[str, Clause] = field(default_factory=dict)
    options: tuple[ExecutableOption, ...] = ()
    prepare: Callable[[Session, list[Any]], View] | None = None

    def respond(self, seen: ColumnElement[bool], view: View) -> dict[str, Any]:
        """The body of a list request: the rows that `seen` lets through and the query asks for."""
        return read(lambda session: self._respond(session, seen, view))

    def _respond(self, session: Session, seen: ColumnElement[bool], view: View) -> dict[str, Any]:
        backwards = is_backwards()
        limit = page_limit()
        stmt: Any = select(self.model).where(seen, *self._filters()).options(*self.options)
        rows = fetch(session, stmt, self._sort(backwards), self._marker(session, seen), (limit or MAX_PAGE) + 1)
        full = len(rows) >= limit if limit else len(rows) > MAX_PAGE
        rows = rows[: limit or MAX_PAGE]
        if backwards:
            rows.reverse()
        if self.prepare is not None:
            view = self.prepare(session, rows)
        body: dict[str, Any] = {
            self.attribute_map.plural: self.attribute_map.select_fields([view(row) for row in rows])
        }
        links = page_links([row.id for row in rows], full, backwards) if limit or full else []
        if links:
            body[f"{self.attribute_map.plural}_links"] = links
        return body

    # -- filters ---------------------------------------------------------------------------------------------------

    def _filters(self) -> list[ColumnElement[bool]]:
        return [self._filter(name, request.args.getlist(name)) for name in request.args if name not in PAGING]

    def _filter(self, name: str, values: list[str]) -> ColumnElement[bool]:
        if name in self.clauses:
            return self.clauses[name](values)
        if name in TAGS and hasattr(self.model, "tags"):
            tags = [tag for value in values for tag in value.split(",")]
            return TAGS[name]([tagged(self.model.tags, tag) for tag in tags])
        if name == "changed_since" and "updated_at" in self.columns:
            return self.columns["updated_at"] >= _parse_time(values[-1])
        if name not in self.columns or name in self.attribute_map.hidden_attributes():
            raise HTTPBadRequest(why=f"['{name}'] is invalid attribute for filtering")
        column = self.columns[name]
        wanted = [_convert(column, name, value) for value in values]
        if isinstance(column.property.columns[0].type, Utc):
            return or_(*[_shown_as(column, moment) for moment in wanted])
        return or_(column.in_([one for one in wanted if one is not None]), *[column.is_(None)] * (None in wanted))

    # -- order and pages -------------------------------------------------------------------------------------------

    def _sort(self, backwards: bool) -> list[tuple[InstrumentedAttribute[Any], Direction]]:
        keys, directions = request.args.getlist("sort_key"), request.args.getlist("sort_dir")
        if len(keys) != len(directions) and directions:
            raise HTTPBadRequest(why="The number of sort_keys and sort_dirs must be same")
        order: list[tuple[InstrumentedAttribute[Any], Direction]] = []
        for number, key in enumerate(keys):
            if key not in self.columns or key in self.attribute_map.hidden_attributes():
                raise HTTPBadRequest(why=f"'{key}' is an invalid attribute for sort key")
            wanted = directions[number] if directions else "asc"
            if wanted not in ("asc", "desc"):
                raise HTTPBadRequest(why=f"{wanted} is invalid value for sort_dirs, valid value is 'asc' and 'desc'")
            order.append((self.columns[key], "desc" if (wanted == "desc") != backwards else "asc"))
        if "id" not in keys:
            order.append((self.columns["id"], "desc" if backwards else "asc"))
        return order

    def _marker(self, session: Session, seen: ColumnElement[bool]) -> Any:
        marker = request.args.get("marker")
        if not marker:
            return None
        row: Any = session.scalars(select(self.model).where(self.model.id == marker, seen)).one_or_none()
        if row is None:
            raise HTTPBadRequest(why=f"the marker {marker} could not be found")
        return row


def _shown_as(column: InstrumentedAttribute[Any], moment: datetime) -> ColumnElement[bool]:
    """Whether a time is shown as `moment`: answers have whole seconds, the database more."""
    return and_(column >= moment, column < moment + timedelta(seconds=1))


def _parse_time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise HTTPBadRequest(why=f"'{text[:40]}' is not a time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def is_backwards() -> bool:
    return request.args.get("page_reverse", "").lower() in ("true", "1")


def page_limit() -> int | None:
    text = request.args.get("limit")
    if text is None:
        return None
    number = 0 if text == "infinite" else parse_whole_number(text)
    if number is None:
        raise HTTPBadRequest(why="Limit must be an integer 0 or greater and not '" + text[:40] + "'")
    return min(number, MAX_PAGE) or None


def parse_boolean(name: str, value: str) -> bool:
    """A boolean in a query."""
    try:
        return boolean(value)
    except ValueError as err:
        raise HTTPBadRequest(why=f"Invalid input for {name}. Reason: {err}.") from None


def boolean_filter(name: str, holds: Callable[[], ColumnElement[bool]]) -> Clause:
    """The filter of a boolean that isn't a column: what `holds` says, or its opposite, or both."""

    def clause(found: list[str]) -> ColumnElement[bool]:
        wanted = {parse_boolean(name, value) for value in found}
        return true_() if len(wanted) > 1 else holds() if wanted == {True} else not_(holds())

    return clause


def _convert(column: InstrumentedAttribute[Any], name: str, value: str) -> Any:
    kind = column.property.columns[0].type
    try:
        if isinstance(kind, Boolean):
            return boolean(value)
        if isinstance(kind, Integer):
            return NUMBER(value) if value else None
        if isinstance(kind, Utc):
            return _parse_time(value)
    except ValueError:
        raise HTTPBadRequest(why=f"Invalid input for {name}. Reason: '{value}' is not a valid value.") from None
    return value


def page_links(ids: list[str], full: bool, backwards: bool) -> list[dict[str, str]]:
    """A page that is full has pages on both sides; one that isn't ends the list on the side that it was read to."""
    links = []
    if full or backwards:
        links.append({"rel": "next", "href": _href(ids[-1:], backwards=False)})
    if full or not backwards:
        links.append({"rel": "previous", "href": _href(ids[:1], backwards=True)})
    return links


def _href(markers: list[str], backwards: bool) -> str:
    query = [
        (name, value)
        for name in request.args
        for value in request.args.getlist(name)
        if name not in ("marker", "page_reverse")
    ]
    query += [("marker", marker) for marker in markers]
    if backwards:
        query.append(("page_reverse", "True"))
    return f"{request.base_url}?{urlencode(query)}"
