"""How requests ask for lists, and how lists are answered: pages, filters, counts, links to the next page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from flask import request

from pileus_kit.json_types import JsonObject
from pileus_kit.listing import Page, next_url
from pileus_kit.web import caller, version
from pileus_volume.api.project_paths import base_url
from pileus_volume.api.tools import tools
from pileus_volume.core.filters import DIALECT, parse_boolean
from pileus_volume.core.queries import DEFAULT_SORT, Listed, ListRequest, Query
from pileus_volume.db.models import Model

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

MAX_ROWS = 1000
COUNTED_SINCE = (3, 45)

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """How the list of a noun is answered.

    `path`: below the project; `key`: of the list in the answer; `links`: what the links to the next page are called,
    LINKS_links; `counted`: whether the caller may ask for a count.
    """

    query: Query[Row]
    path: str
    key: str = ""
    links: str = ""
    counted: bool = False

    def answer(
        self,
        view: Callable[[Row], JsonObject],
        conditions: "Sequence[ColumnElement[bool]]" = (),
        *,
        below: str = "",
    ) -> JsonObject:
        """The page that the request asks for, each row as `view` shows it. `below`: the rest of the list's path."""
        return self.answer_all(lambda _, rows: [view(row) for row in rows], conditions, below=below)

    def answer_all(
        self,
        views: Callable[["Session", list[Row]], list[JsonObject]],
        conditions: "Sequence[ColumnElement[bool]]" = (),
        *,
        below: str = "",
    ) -> JsonObject:
        """The same, where a view needs all rows."""
        asked = self.parse()
        with tools().sessions.read() as session:
            listed = self.query.fetch(session, caller(), asked, conditions)
            shown: JsonObject = {self.key or self.path: views(session, listed.rows)}
        if listed.count is not None:
            shown["count"] = listed.count
        return shown | self._next(asked.page, listed, below)

    def parse(self) -> ListRequest:
        """What the query string asks for. Raises Invalid for a parameter that can't be read."""
        args = request.args
        page = Page(
            limit=DIALECT.limit(args, default=MAX_ROWS, maximum=MAX_ROWS),
            marker=args.get("marker") or None,
            offset=DIALECT.offset(args),
            sort=DIALECT.sort(args, sortable=self.query.sortable, default=DEFAULT_SORT),
        )
        with_count = self.counted and version() >= COUNTED_SINCE and flag("with_count")
        all_projects = self.query.sees_all(caller()) and flag("all_tenants")
        return ListRequest(page, dict(args.items()), all_projects, with_count, version())

    def _next(self, page: Page, listed: Listed[Row], below: str) -> JsonObject:
        """The link to the next page, if there may be one."""
        rows: Sequence[Model] = listed.rows
        if not rows or len(rows) < page.limit:
            return {}
        marker = str(getattr(rows[-1], "id"))  # noqa: B009 - every noun that is listed has an id
        url = next_url(f"{base_url()}/{self.path}{below}", request.args, marker, without=("offset",))
        return {f"{self.links or self.key or self.path}_links": [{"rel": "next", "href": url}]}


def flag(name: str, default: bool = False) -> bool:
    """A boolean of the query string. Raises Invalid for a word that is none."""
    value = request.args.get(name)
    return default if value is None else parse_boolean(value, name)


def stamp(value: datetime | None) -> str | None:
    """Cinder's notation of a time: UTC, with microseconds, without a zone."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.%f") if value else None
