"""Keyset paging: a page begins after the row that the caller names, however many rows come and go meanwhile.

`pileus_kit.listing` parses what a request asks for; this module makes SQL of it.
"""

import operator
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, Select, and_, false, not_, or_
from sqlalchemy.orm import InstrumentedAttribute, Session

from pileus_kit.listing import Comparison, Operator

Row = TypeVar("Row")
Sort = Sequence[tuple[InstrumentedAttribute[Any], Literal["asc", "desc"]]]
COMPARE: dict[Operator, Callable[[Any, Any], ColumnElement[bool]]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def fetch(session: Session, stmt: Select[Row], sort: Sort, marker: Row | None, limit: int) -> list[Row]:
    """Return at most `limit` rows of `stmt` in the order `sort`, after `marker`.

    The last sort key must be unique. NULLs come first in ascending order, on every database.
    """
    if marker is not None:
        stmt = stmt.where(_after(sort, marker))
    for column, direction in sort:
        stmt = stmt.order_by(column.asc().nulls_first() if direction == "asc" else column.desc().nulls_last())
    return list(session.scalars(stmt.limit(limit)))


def compare(column: InstrumentedAttribute[Any], comparison: Comparison) -> ColumnElement[bool]:
    """Return the condition of a filter by time, exact to the microsecond."""
    return COMPARE[comparison.operator](column, comparison.moment)


def compare_seconds(column: InstrumentedAttribute[Any], comparison: Comparison) -> ColumnElement[bool]:
    """Return the condition of a filter by time as if the column kept whole seconds.

    An API that shows whole seconds gets them back from its clients, who mean the row that they were shown.
    """
    second = comparison.moment.replace(microsecond=0)
    after = second + timedelta(seconds=1)
    equal = and_(column >= second, column < after)
    found: dict[Operator, ColumnElement[bool]] = {
        "gt": column >= after,
        "gte": column >= second,
        "lt": column < second,
        "lte": column < after,
        "eq": equal,
        "neq": not_(equal),
    }
    return found[comparison.operator]


def _after(sort: Sort, marker: Any) -> ColumnElement[bool]:
    """Return (a, b) > (x, y) as `a > x or (a = x and b > y)`, which every database can read along an index."""
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
