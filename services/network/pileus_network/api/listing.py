"""Lists: parses filters, order and pages of a request, and shows the page with its links."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from flask import request

from pileus_kit.json_types import JsonObject
from pileus_kit.numbers import parse_whole_number
from pileus_network.api.attributes import AttributeMap, viewer
from pileus_network.api.converters import boolean, integer
from pileus_network.api.transactions import read
from pileus_network.core.listing import MAX_PAGE, Direction, FilterKind, FilterValue, Listing, ListQuery
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import Model
from pileus_network.errors import HTTPBadRequest

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Row = TypeVar("Row", bound=Model)
View = Callable[[Row], JsonObject]
PAGING = frozenset({"fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"})
INT32 = integer(-(2**31), 2**31 - 1)


def respond(
    listing: Listing[Row],
    attribute_map: AttributeMap,
    view: "View[Row]",
    *,
    visible_to: Viewer | None = None,
    prepare: "Callable[[Session, list[Row]], View[Row]] | None" = None,
) -> JsonObject:
    """Return the body that answers a list request.

    `prepare` reads what the views of all rows need, at once, and returns the view.
    """
    query = parse_query(listing, attribute_map)

    def work(session: "Session") -> tuple[list[JsonObject], list[str], bool]:
        page = listing.list_page(session, visible_to or viewer(), query)
        show = prepare(session, page.rows) if prepare else view
        return [show(row) for row in page.rows], page.ids, page.is_full

    views, ids, is_full = read(work)
    body: JsonObject = {attribute_map.plural: attribute_map.select_fields(views)}
    links = page_links(ids, is_full, query.backwards) if query.limit or is_full else []
    if links:
        body[f"{attribute_map.plural}_links"] = links
    return body


# -- the query ---------------------------------------------------------------------------------------------------------


def parse_query(listing: Listing[Row], attribute_map: AttributeMap) -> ListQuery:
    hidden = attribute_map.hidden_attributes()
    filters = {
        name: _parse_filter(listing, name, request.args.getlist(name), name in hidden)
        for name in request.args
        if name not in PAGING
    }
    sortable = listing.columns.keys() - hidden
    return ListQuery(filters, parse_sort(sortable), page_limit(), request.args.get("marker") or None, is_backwards())


def _parse_filter(listing: Listing[Row], name: str, texts: list[str], is_hidden: bool) -> list[FilterValue]:
    kind = listing.filter_kind(name)
    if kind is None or is_hidden:
        raise HTTPBadRequest(why=f"['{name}'] is invalid attribute for filtering")
    if kind is FilterKind.TAGS:
        return [tag for text in texts for tag in text.split(",")]
    if name in listing.flags:
        return [parse_boolean(name, text) for text in texts]
    return [_parse_value(kind, name, text) for text in texts]


def _parse_value(kind: FilterKind, name: str, text: str) -> FilterValue:
    try:
        if kind is FilterKind.BOOLEAN:
            return boolean(text)
        if kind is FilterKind.INTEGER:
            return INT32(text) if text else None
    except ValueError:
        raise HTTPBadRequest(why=f"Invalid input for {name}. Reason: '{text}' is not a valid value.") from None
    return _parse_time(text) if kind is FilterKind.TIME else text


def _parse_time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise HTTPBadRequest(why=f"'{text[:40]}' is not a time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def parse_boolean(name: str, text: str) -> bool:
    try:
        return boolean(text)
    except ValueError as err:
        raise HTTPBadRequest(why=f"Invalid input for {name}. Reason: {err}.") from None


def parse_sort(sortable: "set[str] | frozenset[str]") -> tuple[tuple[str, Direction], ...]:
    """Return the order that pairs of `sort_key` and `sort_dir` ask for, ascending without a direction."""
    keys, directions = request.args.getlist("sort_key"), request.args.getlist("sort_dir")
    if directions and len(keys) != len(directions):
        raise HTTPBadRequest(why="The number of sort_keys and sort_dirs must be same")
    found: list[tuple[str, Direction]] = []
    for key, direction in zip(keys, directions or ["asc"] * len(keys), strict=True):
        if key not in sortable:
            raise HTTPBadRequest(why=f"'{key}' is an invalid attribute for sort key")
        if direction not in ("asc", "desc"):
            raise HTTPBadRequest(why=f"{direction} is invalid value for sort_dirs, valid value is 'asc' and 'desc'")
        found.append((key, "asc" if direction == "asc" else "desc"))
    return tuple(found)


def is_backwards() -> bool:
    return request.args.get("page_reverse", "").lower() in ("true", "1")


def page_limit() -> int | None:
    """Return the rows of a page, None for as many as one answer may have."""
    text = request.args.get("limit")
    if text is None:
        return None
    number = 0 if text == "infinite" else parse_whole_number(text)
    if number is None:
        raise HTTPBadRequest(why="Limit must be an integer 0 or greater and not '" + text[:40] + "'")
    return min(number, MAX_PAGE) or None


# -- links -------------------------------------------------------------------------------------------------------------


def page_links(ids: list[str], is_full: bool, backwards: bool) -> list[dict[str, str]]:
    """A full page has pages on both sides. One that isn't is the end of the list, in the direction of reading."""
    links = []
    if is_full or backwards:
        links.append({"rel": "next", "href": _page_url(ids[-1:], backwards=False)})
    if is_full or not backwards:
        links.append({"rel": "previous", "href": _page_url(ids[:1], backwards=True)})
    return links


def _page_url(markers: list[str], backwards: bool) -> str:
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
