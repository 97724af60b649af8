"""What all resources of this API share: links, pages, the names and flags of the schemas."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from flask import request
from sqlalchemy import Select

from pileus_identity.api.discovery import base
from pileus_identity.core import lists
from pileus_identity.core.bootstrap import DEFAULT_DOMAIN
from pileus_kit.web import caller, tools

View = dict[str, Any]
Schema = dict[str, Any]

ID: Schema = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9-]+$"}
ID_OR_NULL: Schema = ID | {"type": ["string", "null"]}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
SHORT_NAME: Schema = NAME | {"maxLength": 64}
TEXT: Schema = {"type": ["string", "null"], "maxLength": 65_535}
FLAG: Schema = {"type": "boolean"}
FLAG_OR_NULL: Schema = {"type": ["boolean", "null"]}
TAG: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,/]*$"}
TAGS: Schema = {"type": "array", "items": TAG, "maxItems": 80, "uniqueItems": True}
IMMUTABLE: Schema = {"type": "object", "additionalProperties": False, "properties": {"immutable": FLAG_OR_NULL}}


def wrapped(key: str, properties: Schema, required: Iterable[str] = (), strict: bool = False) -> Schema:
    """The schema of {key: {properties}}. Unless `strict`, more attributes may come and are kept: this API says so."""
    inner: Schema = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": not strict,
    }
    return {"type": "object", "required": [key], "properties": {key: inner}}


def asked() -> dict[str, str]:
    """The query, one value for each name."""
    return request.args.to_dict()


def link(*path: str) -> View:
    return {"self": "/".join((base(), *path))}


def listed(stmt: Select[Any], model: Any, key: str, show: Callable[[Any], View]) -> View:
    """One page of what `stmt` finds."""
    with tools().sessions.read() as session:
        rows, more = lists.page(session, stmt, model, asked(), tools().config.list_limit)
        return page(key, [show(row) for row in rows], rows[-1].id if more else None)


def page(key: str, views: list[View], marker: str | None = None) -> View:
    """A list with its links; `marker` is the last id where there is more."""
    here = base() + request.path.removeprefix("/v3")
    links: View = {
        "self": here if not request.query_string else f"{here}?{request.query_string.decode('latin-1')}",
        "previous": None,
        "next": None,
    }
    view: View = {key: views, "links": links}
    if marker is not None:
        links["next"] = f"{here}?{urlencode(asked() | {'marker': marker})}"
        view["truncated"] = True
    return view


def own_domain() -> str:
    """Where things go that name no domain: the domain of the caller's token."""
    who = caller()
    return who.domain_id or who.project_domain_id or DEFAULT_DOMAIN


def own_as(*kinds: str) -> Callable[..., Mapping[str, Any]]:
    """A policy target that stands for 'something in the domain of the caller's token'; handlers check the real one."""

    def target(**_: str) -> Mapping[str, Any]:
        return {"target.domain_id": caller().domain_id, "target.domain.id": caller().domain_id} | {
            f"target.{kind}.domain_id": caller().domain_id for kind in kinds
        }

    return target


def visible_domain() -> str | None:
    """The only domain that a token of a domain sees, whatever its roles; None for other tokens, whose rules decide."""
    return caller().domain_id
