"""Metadata definition namespaces: /v2/metadefs/namespaces; and resource types."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, g, request
from sqlalchemy.orm import Session

from pileus_image.api import views
from pileus_image.core import metadef_schemas, metadefs
from pileus_image.db.models import Definition, Namespace
from pileus_image.errors import Invalid
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource, caller, tools

resource = Resource("metadefs", __name__, url_prefix="/v2/metadefs")
USUAL_PAGE, LARGEST_PAGE = 25, 1000
BODY = {(0, 0): metadef_schemas.NAMESPACE}
QUERY = {
    (0, 0): {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {"type": "array", "maxItems": 1, "items": {"type": "string", "maxLength": 1000}}
            for name in ("limit", "marker", "visibility", "resource_types", "sort_key", "sort_dir")
        },
    }
}


def target(namespace: str, **_: str) -> Mapping[str, Any]:
    """The namespace as policy sees it; the handler finds it in `g.space`. 404 if the caller may not know of it."""
    with tools().sessions.read() as session:
        g.space = metadefs.find(session, caller(), namespace)
    return metadefs.target(g.space)


@contextmanager
def writing(namespace: str) -> Iterator[tuple[Session, Namespace]]:
    """The namespace in a transaction that may change it; policy has allowed it already."""
    with tools().sessions.begin() as session:
        yield session, metadefs.find(session, caller(), namespace, lock=True)


def path(space: Namespace) -> str:
    return f"/v2/metadefs/namespaces/{quote(space.namespace, safe='')}"


def shown(space: Namespace, things: Sequence[Definition]) -> dict[str, Any]:
    """A namespace with its resource types, and whatever else is among `things`."""
    view: dict[str, Any] = {name: getattr(space, name) for name in metadefs.OWN}
    view |= {
        "created_at": views.time(space.created_at),
        "updated_at": views.time(space.updated_at),
        "self": path(space),
        "schema": "/v2/schemas/metadefs/namespace",
        "resource_type_associations": [definition(t) for t in things if t.kind == "resource_type"],
    }
    properties = {t.name: t.body for t in things if t.kind == "property"}
    for name, value in (
        ("properties", properties),
        ("objects", [definition(t) for t in things if t.kind == "object"]),
        ("tags", [{"name": t.name} for t in things if t.kind == "tag"]),
    ):
        if value:
            view[name] = value
    return {name: value for name, value in view.items() if value is not None}


def definition(thing: Definition) -> dict[str, Any]:
    """A definition; a property has no times."""
    times = {"created_at": views.time(thing.created_at), "updated_at": views.time(thing.updated_at)}
    return {"name": thing.name, **thing.body, **(times if thing.kind != "property" else {})}


@resource.endpoint("GET", "/resource_types", policy="list_metadef_resource_types")
def resource_types() -> Any:
    """What definitions can be about."""
    with tools().sessions.read() as session:
        return {"resource_types": [{"name": name} for name in metadefs.resource_types(session)]}


@resource.endpoint("POST", "/namespaces", policy="add_metadef_namespace", body=BODY)
def create(body: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        space = metadefs.create(session, caller(), body)
        view = shown(space, _everything(session, space))
    return view, 201, {"Location": request.host_url.rstrip("/") + view["self"]}


@resource.endpoint("GET", "/namespaces", policy="get_metadef_namespaces", query=QUERY)
def listed() -> Any:
    """What the caller may know of, newest first, page by page."""
    limit = parse_whole_number(request.args.get("limit", str(USUAL_PAGE)))
    if limit is None:
        raise Invalid(why=f"limit: '{request.args['limit'][:64]}' is not a number that can be")
    types = [name for name in request.args.get("resource_types", "").split(",") if name]
    with tools().sessions.read() as session:
        spaces = metadefs.page(
            session,
            caller(),
            request.args.get("visibility"),
            types,
            request.args.get("marker"),
            min(limit, LARGEST_PAGE),
        )
        things = metadefs.listed(session, spaces, "resource_type")
    view: dict[str, Any] = {
        "namespaces": [shown(space, things[space.id]) for space in spaces],
        "schema": "/v2/schemas/metadefs/namespaces",
        "first": "/v2/metadefs/namespaces",
    }
    if spaces and len(spaces) == limit:
        arguments = request.args.to_dict() | {"marker": spaces[-1].namespace}
        view["next"] = f"/v2/metadefs/namespaces?{urlencode(arguments)}"
    return view


@resource.endpoint("GET", "/namespaces/<namespace>", policy="get_metadef_namespace", target=target)
def show(namespace: str) -> Any:
    """The namespace with all its definitions."""
    with tools().sessions.read() as session:
        return shown(g.space, _everything(session, g.space))


@resource.endpoint("PUT", "/namespaces/<namespace>", policy="modify_metadef_namespace", target=target, body=BODY)
def update(namespace: str, body: dict[str, Any]) -> Any:
    with writing(namespace) as (session, space):
        metadefs.replace(session, space, body)
        return shown(space, metadefs.listed(session, [space], "resource_type")[space.id])


@resource.endpoint("DELETE", "/namespaces/<namespace>", policy="delete_metadef_namespace", target=target)
def delete(namespace: str) -> Any:
    """The namespace and all its definitions."""
    with writing(namespace) as (session, space):
        metadefs.delete(session, space)
    return Response(status=204)


def _everything(session: Session, space: Namespace) -> list[Definition]:
    return metadefs.listed(session, [space], *metadefs.PLURAL)[space.id]
