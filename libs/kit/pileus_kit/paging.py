"""Keyset paging: a page begins after the row that the caller names, however many rows come and go meanwhile."""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, Select, and_, false, or_
from sqlalchemy.orm import InstrumentedAttribute, Session

Row = TypeVar("Row")
Sort = Sequence[tuple[InstrumentedAttribute[Any], Literal["asc", "desc"]]]


def fetch(session: Session, stmt: Select[Row], sort: Sort, marker: Row | None, limit: int) -> list[Row]:
    """At most `limit` rows of `stmt` in the order `sort`, after `marker`.

    The last sort key must be unique. NULLs come first in ascending order, on every database.
    """
    if marker is not None:
        stmt = stmt.where(_after(sort, marker))
    for column, direction in sort:
        stmt = stmt.order_by(column.asc().nulls_first() if direction == "asc" else column.desc().nulls_last())
    return list(session.scalars(stmt.limit(limit)))


def _after(sort: Sort, marker: Any) -> ColumnElement[bool]:
    """(a, b) > (x, y)  as  a > x or (a = x and b > y)."""
    alternatives: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for column, direction in sort:
        value = getattr(marker, column.key)
        alternatives.append(and_(*equal, _beyond(column, direction, value)))
        equal.append(column.is_(None) if value is None else column == value)
    return or_(*alternatives)


def _beyond(column: Any, direction: str, value: Any) -> ColumnElement[bool]:
    nullable = column.property.columns[0].nullable
    if direction == "asc":
        if value is None:
            return column.is_not(None)
        return column > value
    if value is None:
        return false()
    return or_(column < value, column.is_(None)) if nullable else column < value
