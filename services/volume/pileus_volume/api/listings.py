"""What every list has: limit, marker, offset, sort, links to the next page, times to compare with."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlencode

from flask import request
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from pileus_kit import literals, paging
from pileus_kit.auth import Caller
from pileus_kit.web import caller, tools, version
from pileus_volume.api.project_paths import base_url
from pileus_volume.errors import Invalid

MOST = 1000
LONGEST_FILTER = 4096
MOST_KEYS = 64  # each is a condition, and costs milliseconds
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
Column = InstrumentedAttribute[Any]
TRUE, FALSE = ("1", "t", "true", "on", "y", "yes"), ("0", "f", "false", "off", "n", "no")


@dataclass(frozen=True)
class Page:
    limit: int
    offset: int
    marker: str | None
    sort: list[tuple[str, Literal["asc", "desc"]]]


def page() -> Page:
    """From the query; anything else than Cinder takes is 400."""
    args = request.args
    limit, offset = _number("limit", MOST), _number("offset", 0)
    return Page(min(limit, MOST), offset, args.get("marker") or None, _sort(args))


def _number(name: str, default: int) -> int:
    value = request.args.get(name)
    if value is None or value == "":
        return default
    if not value.isascii() or not value.isdecimal() or len(value) > 10:
        raise Invalid(why=f"{name} param must be an integer and not negative, not {value[:40]}")
    return int(value)


def _sort(args: Mapping[str, str]) -> list[tuple[str, Literal["asc", "desc"]]]:
    if "sort" in args and ("sort_key" in args or "sort_dir" in args):
        raise Invalid(why="The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with 'sort'")
    if "sort" in args:
        pairs = [part.strip().partition(":")[::2] for part in args["sort"].split(",")]
    elif "sort_key" in args or "sort_dir" in args:
        pairs = [(args.get("sort_key") or "created_at", args.get("sort_dir") or "desc")]
    else:
        pairs = [("created_at", "desc")]
    keys: list[tuple[str, Literal["asc", "desc"]]] = []
    for key, direction in pairs[:10]:
        if direction not in ("", "asc", "desc"):
            raise Invalid(why=f"Unknown sort direction {direction[:40]}, must be 'desc' or 'asc'")
        keys.append((key.strip(), "asc" if direction == "asc" else "desc"))
    return keys


@dataclass(frozen=True)
class Listing:
    """The list of a noun: its key in the answer and in the path, how it is sorted, how a marker is found, and what the
    links to the next page are called. `identity` makes the order total."""

    noun: str
    sortable: Mapping[str, Column]
    identity: Column
    find: Callable[[Session, str, Caller], Any]
    links: str = ""
    counted: bool = True

    def answer(self, stmt: Select[Any], view: Callable[[Any], Any], detail: str = "") -> dict[str, Any]:
        """The page that the request asks for, each row as `view` shows it. `detail`: the rest of the list's path."""
        return self.answer_all(stmt, lambda _, rows: [view(row) for row in rows], detail)

    def answer_all(
        self, stmt: Select[Any], views: Callable[[Session, list[Any]], list[Any]], detail: str = ""
    ) -> dict[str, Any]:
        """The same, where a view needs to know all rows."""
        asked = page()
        with tools().sessions.read() as session:
            marker = self.find(session, asked.marker, caller()) if asked.marker else None
            rows = fetch(session, stmt, asked, self.sortable, self.identity, marker)
            more = count(session, stmt) if self.counted else {}
            return {
                self.noun: views(session, rows),
                **more,
                **links(self.links or self.noun, asked, rows, f"{base_url()}/{self.noun}{detail}"),
            }


def fetch(
    session: Session, stmt: Select[Any], asked: Page, sortable: Mapping[str, Column], identity: Column, marker: Any
) -> list[Any]:
    """The page's rows. `identity` makes the order total; a sort key that isn't sortable is 400."""
    sort: list[tuple[Column, Literal["asc", "desc"]]] = []
    for key, direction in asked.sort:
        if key not in sortable:
            raise Invalid(why=f"sort key {key[:40]} is not one of {', '.join(sorted(sortable))}")
        sort.append((sortable[key], direction))
    if all(column is not identity for column, _ in sort):
        sort.append((identity, sort[-1][1]))
    if asked.limit == 0:
        return []
    return paging.fetch(session, stmt.offset(asked.offset) if asked.offset else stmt, sort, marker, asked.limit)


def links(noun: str, asked: Page, rows: Sequence[Any], url: str) -> dict[str, Any]:
    """`{noun}_links`, if there may be another page."""
    if not rows or len(rows) < asked.limit:
        return {}
    query = {k: v for k, v in request.args.items() if k not in ("marker", "offset")} | {"marker": rows[-1].id}
    return {f"{noun}_links": [{"rel": "next", "href": f"{url}?{urlencode(query)}"}]}


def count(session: Session, stmt: Select[Any]) -> dict[str, int]:
    """`count`, where the request asks for it (3.45)."""
    if version() < (3, 45) or not flag("with_count"):
        return {}
    return {"count": session.scalar(select(func.count()).select_from(stmt.order_by(None).subquery())) or 0}


def flag(name: str, default: bool = False) -> bool:
    """A boolean of the query."""
    value = request.args.get(name)
    return default if value is None else truth(value, name)


def truth(value: object, name: str) -> bool:
    """What Cinder takes for true and false."""
    text = str(value).strip().lower()
    if text in TRUE or text in FALSE:
        return text in TRUE
    raise Invalid(why=f"Invalid value '{str(value)[:40]}' for '{name}': it must be a boolean")


def mapping(text: str, name: str) -> dict[str, str]:
    """metadata={'key': 'value'} in a query, as clients write it: a Python literal."""
    try:
        value = literals.evaluate(text) if len(text) <= LONGEST_FILTER else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # a key that is a list, deep nesting
        value = None
    if not isinstance(value, dict):
        raise Invalid(why=f"Invalid value for {name}: it must be a dictionary")
    if len(value) > MOST_KEYS:
        raise Invalid(why=f"Invalid value for {name}: it has more than {MOST_KEYS} keys")
    return {str(k): str(v) for k, v in value.items()}


def times(column: Column, text: str, name: str) -> list[ColumnElement[bool]]:
    """created_at=gte:TIME,lt:TIME (3.60)."""
    found = []
    for part in text.split(",")[:10]:
        how, colon, when = part.partition(":")
        if how not in COMPARISONS or not colon:
            how, when = "eq", part
        found.append(COMPARISONS[how](column, _time(when, name)))
    return found


def _time(text: str, name: str) -> datetime:
    try:
        value = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise Invalid(why=f"{name}: {text[:40]} is not a time in ISO 8601") from None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def stamp(value: datetime | None) -> str | None:
    """Cinder's notation of a time: UTC, with microseconds, without a zone."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.%f") if value else None
