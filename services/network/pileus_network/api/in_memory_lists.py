"""Lists that are no table of the database (agents, zones, providers), filtered, sorted and paged like all others."""

from collections.abc import Sequence

from flask import request

from pileus_kit.json_types import JsonObject
from pileus_network.api.listing import PAGING, is_backwards, page_limit, page_links, parse_boolean, parse_sort
from pileus_network.errors import HTTPBadRequest


def respond(plural: str, rows: Sequence[JsonObject], known: Sequence[str], key: str = "id") -> JsonObject:
    """Return the body that answers a list request. `known` are the attributes of a row; a marker is a row's `key`."""
    for name in request.args:
        if name not in PAGING and name not in known:
            raise HTTPBadRequest(why=f"['{name}'] is invalid attribute for filtering")
    found = _sort([row for row in rows if _is_selected(row)], known, key)
    limit, backwards = page_limit(), is_backwards()
    page = _page(found, key, limit, backwards)
    body: JsonObject = {plural: [_select_fields(row) for row in page]}
    if limit:
        body[f"{plural}_links"] = page_links([row[key] for row in page], len(page) >= limit, backwards)
    return body


def _is_selected(row: JsonObject) -> bool:
    return all(_matches(name, row.get(name)) for name in request.args if name not in PAGING)


def _matches(name: str, value: object) -> bool:
    """Texts are compared as Neutron's usual database does, where `DHCP Agent` finds `DHCP agent`."""
    texts = request.args.getlist(name)
    if isinstance(value, bool):
        return value in [parse_boolean(name, text) for text in texts]
    wanted = "" if value is None else str(value).casefold()
    return any(text.casefold() == wanted for text in texts)


def _sort(rows: list[JsonObject], known: Sequence[str], key: str) -> list[JsonObject]:
    order = parse_sort(set(known))
    if order or page_limit():
        rows = sorted(rows, key=lambda row: str(row[key]))
    for name, direction in reversed(order):
        rows = sorted(rows, key=lambda row, name=name: str(row.get(name)), reverse=direction == "desc")  # type: ignore[misc]
    return rows


def _page(rows: list[JsonObject], key: str, limit: int | None, backwards: bool) -> list[JsonObject]:
    marker = request.args.get("marker")
    if marker:
        at = next((number for number, row in enumerate(rows) if str(row[key]) == marker), None)
        if at is None:
            raise HTTPBadRequest(why=f"the marker {marker[:60]} could not be found")
        rows = rows[:at] if backwards else rows[at + 1 :]
    if not limit:
        return rows
    return rows[-limit:] if backwards else rows[:limit]


def _select_fields(row: JsonObject) -> JsonObject:
    fields = set(request.args.getlist("fields"))
    return {name: value for name, value in row.items() if name in fields} if fields else row
