"""Queries for lists: the rows of a noun that a caller sees, filtered and sorted as asked, a page at a time."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from pileus_kit import paging
from pileus_kit.auth import Caller
from pileus_kit.listing import Page, SortKeys, complete_sort
from pileus_volume.core.filters import FIRST, Column, Filter, Version
from pileus_volume.db.models import Model
from pileus_volume.errors import Invalid

Row = TypeVar("Row", bound=Model)

DEFAULT_SORT: SortKeys = (("created_at", "desc"),)
STRICT_SINCE = (3, 31)  # from this microversion on a filter that is not known is refused
PAGING = frozenset({"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "all_tenants", "with_count"})
"""Query parameters that are no filters."""


@dataclass(frozen=True)
class ListRequest:
    """A list as the caller asked for it. `filters`: the query parameters that may be filters."""

    page: Page
    filters: Mapping[str, str] = field(default_factory=dict)
    all_projects: bool = False
    with_count: bool = False
    version: Version = FIRST


@dataclass(frozen=True)
class Listed(Generic[Row]):
    """The page's rows and, if it was asked for, how many rows there are in all."""

    rows: list[Row]
    count: int | None = None


def _is_administrator(caller: Caller) -> bool:
    return caller.is_admin


@dataclass(frozen=True)
class Query(Generic[Row]):
    """The list of a noun.

    `find` reads the row that a marker names; `project`: the column of the owner, None if rows belong to no project;
    `sees_all`: who may ask for the rows of all projects; `strict`: whether unknown filters are refused; `ignored`:
    further query parameters that are no filters.
    """

    model: type[Row]
    find: Callable[[Session, str, Caller], Row]
    sortable: Mapping[str, Column]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    project: Column | None = None
    sees_all: Callable[[Caller], bool] = _is_administrator
    strict: bool = True
    ignored: Collection[str] = ()

    def fetch(
        self, session: Session, caller: Caller, request: ListRequest, conditions: Sequence[ColumnElement[bool]] = ()
    ) -> Listed[Row]:
        """The page that is asked for, of the rows that the caller sees and that meet the filters and `conditions`."""
        stmt = self.statement(caller, request).where(*conditions)
        page = request.page
        marker = self.find(session, page.marker, caller) if page.marker else None
        rows: list[Row] = []
        if page.limit:
            sort = [(self.sortable[key], direction) for key, direction in complete_sort(page.sort, ("id",))]
            rows = paging.fetch(session, stmt.offset(page.offset) if page.offset else stmt, sort, marker, page.limit)
        if not request.with_count:
            return Listed(rows)
        return Listed(rows, session.scalar(select(func.count()).select_from(stmt.order_by(None).subquery())) or 0)

    def statement(self, caller: Caller, request: ListRequest) -> Select[Any]:
        """All rows that the caller sees and that meet the filters. Raises Invalid for an unknown filter."""
        sees_all, stmt = self.sees_all(caller), select(self.model)
        if self.project is not None and not (sees_all and request.all_projects):
            stmt = stmt.where(self.project == caller.project_id)
        unknown = []
        for name, text in request.filters.items():
            if name in PAGING or name in self.ignored:
                continue
            known = self.filters.get(name)
            if known is None or request.version < known.since or (known.admin and not sees_all):
                unknown.append(name[:40])
            else:
                stmt = stmt.where(*known.conditions(text, name))
        if unknown and self.strict and not sees_all and request.version >= STRICT_SINCE:
            raise Invalid(why=f"Invalid filters {','.join(unknown)} are found in query options.")
        return stmt
