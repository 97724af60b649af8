"""Reads the query of a list and shows the page that the core has found."""

from collections.abc import Callable
from typing import TypeVar

from flask import request

from pileus_identity.api.links import base_url
from pileus_identity.api.tools import tools
from pileus_identity.core.listing import ListPage, ListQuery, is_true
from pileus_identity.errors import ValidationFailed
from pileus_kit.json_types import JsonObject
from pileus_kit.listing import Dialect, Page, next_url

T = TypeVar("T")

DIALECT = Dialect(error=ValidationFailed, not_a_number="{name} has to be a number, not {value}.")


def list_query() -> ListQuery:
    """The query of this request. A limit of 0 is the operator's, which is also the maximum."""
    maximum = tools().config.list_limit
    limit = DIALECT.limit(request.args, default=maximum, maximum=maximum)
    return ListQuery(request.args.to_dict(), Page(limit or maximum, request.args.get("marker")))


def query_flag(name: str) -> bool:
    """Whether this request's query has a flag that is true."""
    return name in request.args and is_true(request.args[name])


def list_view(key: str, page: ListPage[T], view: Callable[[T], JsonObject]) -> JsonObject:
    """A page of a list with its links."""
    return views_with_links(key, [view(row) for row in page.rows], page.has_more)


def views_with_links(key: str, views: list[JsonObject], has_more: bool = False) -> JsonObject:
    """A list with its links; with `has_more` it links to the page after its last id."""
    here = base_url() + request.path.removeprefix("/v3")
    links: dict[str, str | None] = {
        "self": here if not request.query_string else f"{here}?{request.query_string.decode('latin-1')}",
        "previous": None,
        "next": None,
    }
    view: JsonObject = {key: views, "links": links}
    if has_more:
        links["next"] = next_url(here, request.args, views[-1]["id"])
        view["truncated"] = True
    return view
