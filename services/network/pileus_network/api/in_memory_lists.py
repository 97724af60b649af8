"""Lists that are no table of the database (zones, agents, providers): filtered, sorted and cut like all others."""

from collections.abc import Sequence
from typing import Any

from flask import request

from pileus_network.api.listing import PAGING, is_backwards, page_limit, page_links, parse_boolean
from pileus_network.errors import HTTPBadRequest

Row = dict[str, Any]


def respond(plural: str, rows: Sequence[Row], known: Sequence[str], key: str = "id") -> dict[str, Any]:
    """The body of a list request. `known` are the attributes of a row, `key` is what a marker names."""
    for name in request.args:
        if name not in PAGING and name not in known:
            raise HTTPBadRequest(why=f"['{name}'] is invalid attribute for filtering")
    found = _sorted([row for row in rows if _is_selected(row)], known, key)
    limit, backwards = page_limit(), is_backwards()
    page = _page(found, key, limit, backwards)
    body: dict[str, Any] = {plural: [_select_fields(row) for row in page]}
    if limit:
        body[f"{plural}_links"] = page_links([row[key] for row in page], len(page) >= limit, backwards)
    return body


def _is_selected(row: Row) -> bool:
    return all(_matches(name, row.get(name)) for name in request.args if name not in PAGING)


def _matches(name: str, value: Any) -> bool:
    asked = request.args.getlist(name)
    if isinstance(value, bool):
        return value in [parse_boolean(name, text) for text in asked]
    return ("" if value is None else str(value)) in asked


def _sorted(rows: list[Row], known: Sequence[str], key: str) -> list[Row]:
    keys, directions = request.args.getlist("sort_key"), request.args.getlist("sort_dir")
    if directions and len(keys) != len(directions):
        raise HTTPBadRequest(why="The number of sort_keys and sort_dirs must be same")
    rows = sorted(rows, key=lambda row: str(row[key])) if keys or page_limit() else rows
    for name, direction in reversed(list(zip(keys, directions or ["asc"] * len(keys), strict=True))):
        if name not in known:
            raise HTTPBadRequest(why=f"'{name}' is an invalid attribute for sort key")
        if direction not in ("asc", "desc"):
            raise HTTPBadRequest(why=f"{direction} is invalid value for sort_dirs, valid value is 'asc' and 'desc'")
        rows = sorted(rows, key=lambda row, name=name: str(row.get(name)), reverse=direction == "desc")  # type: ignore[misc]
    return rows


def _page(rows: list[Row], key: str, limit: int | None, backwards: bool) -> list[Row]:
    marker = request.args.get("marker")
    if marker:
        at = next((number for number, row in enumerate(rows) if str(row[key]) == marker), None)
        if at is None:
            raise HTTPBadRequest(why=f"the marker {marker[:60]} could not be found")
        rows = rows[:at] if backwards else rows[at + 1 :]
    if not limit:
        return rows
    return rows[-limit:] if backwards else rows[:limit]


def _select_fields(row: Row) -> Row:
    fields = set(request.args.getlist("fields"))
    return {name: value for name, value in row.items() if name in fields} if fields else row
