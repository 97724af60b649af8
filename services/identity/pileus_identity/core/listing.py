"""Filters and pages of lists, the same for all resources. Every list is bounded and ordered by id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from pileus_kit.listing import Page

Row = TypeVar("Row")
T = TypeVar("T")

MAX_PATTERN_CHARACTERS = 256  # one more than any of these columns holds; SQLite refuses patterns of 50,000
FALSE_WORDS = ("0", "false", "off", "no", "n", "f")
COMPARISONS = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith")


@dataclass(frozen=True)
class ListQuery:
    """The query of a list: one value for each name, and the page that it asks for."""

    filters: Mapping[str, str]
    page: Page

    def flag(self, name: str) -> bool:
        """Whether a flag is given and true."""
        return name in self.filters and is_true(self.filters[name])


@dataclass(frozen=True)
class ListPage(Generic[T]):
    """One page of rows, and whether there are more after it."""

    rows: list[T]
    has_more: bool


def is_true(text: str) -> bool:
    """Read a flag of a query: a bare `?effective` is true, as is everything but a false word."""
    return text.lower() not in FALSE_WORDS


def apply_filters(
    stmt: Select[Row],
    filters: Mapping[str, str],
    texts: Sequence[InstrumentedAttribute[Any]] = (),
    flags: Sequence[InstrumentedAttribute[bool]] = (),
) -> Select[Row]:
    """Narrow a statement to equal texts, `name__contains` and its like, and flags; other filters are ignored."""
    for column in texts:
        if column.key in filters:
            stmt = stmt.where(column == filters[column.key])
        for comparison in COMPARISONS:
            pattern = filters.get(f"{column.key}__{comparison}")
            if pattern is not None:
                stmt = stmt.where(getattr(column, comparison)(pattern[:MAX_PATTERN_CHARACTERS], autoescape=True))
    for flag in flags:
        if flag.key in filters:
            stmt = stmt.where(flag.is_(is_true(filters[flag.key])))
    return stmt


def fetch_page(session: Session, stmt: Select[Row], id_column: InstrumentedAttribute[str], page: Page) -> ListPage[Row]:
    """Read the rows of a page in the order of their ids."""
    if page.marker is not None:
        stmt = stmt.where(id_column > page.marker)
    rows = list(session.scalars(stmt.order_by(id_column).limit(page.limit + 1)))
    return ListPage(rows[: page.limit], len(rows) > page.limit)
