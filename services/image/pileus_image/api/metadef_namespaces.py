"""Metadata definition namespaces, /v2/metadefs/namespaces, and resource types, /v2/metadefs/resource_types."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Response, g, request

from pileus_image.api import views
from pileus_image.api.tools import tools
from pileus_image.core import metadef_namespaces as core
from pileus_image.core import metadef_resources, metadef_schemas
from pileus_image.db.models import MetadefNamespace, MetadefResource
from pileus_image.errors import Invalid
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.listing import next_url
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource, caller

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("metadef_namespaces", __name__, url_prefix="/v2/metadefs")
DEFAULT_LIMIT, MAX_LIMIT = 25, 1000
BODY = {(0, 0): metadef_schemas.NAMESPACE}
QUERY: dict[tuple[int, int], JsonObject] = {
    (0, 0): {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {"type": "array", "maxItems": 1, "items": {"type": "string", "maxLength": 1000}}
            for name in ("limit", "marker", "visibility", "resource_types", "sort_key", "sort_dir")
        },
    }
}


def target(namespace: str, **_: str) -> Mapping[str, str | None]:
    """Return what policy checks of the namespace, and keep it in `g.namespace`.

    Raises NoSuchResource if the caller may not know of it.
    """
    with tools().sessions.read() as session:
        g.namespace = core.find(session, caller(), namespace)
    return core.policy_target(g.namespace)


@contextmanager
def writing(name: str) -> Iterator[tuple["Session", MetadefNamespace]]:
    """Open a transaction and lock the namespace in it. Policy has allowed the change already."""
    with tools().sessions.begin() as session:
        yield session, core.find(session, caller(), name, lock=True)


def path(namespace: MetadefNamespace) -> str:
    """Return the path of the namespace."""
    return f"/v2/metadefs/namespaces/{quote(namespace.namespace, safe='')}"


def _view(namespace: MetadefNamespace, resources: Sequence[MetadefResource]) -> JsonObject:
    """Return the view of a namespace with its resource types, and what else is among `resources`."""
    view: JsonObject = {name: getattr(namespace, name) for name in core.FIELDS}
    view |= {
        "created_at": views.time(namespace.created_at),
        "updated_at": views.time(namespace.updated_at),
        "self": path(namespace),
        "schema": "/v2/schemas/metadefs/namespace",
        "resource_type_associations": [resource_view(one) for one in resources if one.kind == "resource_type"],
    }
    for name, value in (
        ("properties", {one.name: one.body for one in resources if one.kind == "property"}),
        ("objects", [resource_view(one) for one in resources if one.kind == "object"]),
        ("tags", [{"name": one.name} for one in resources if one.kind == "tag"]),
    ):
        if value:
            view[name] = value
    return {name: value for name, value in view.items() if value is not None}


def resource_view(resource: MetadefResource) -> JsonObject:
    """Return the view of what a namespace defines. A property has no times."""
    times = {"created_at": views.time(resource.created_at), "updated_at": views.time(resource.updated_at)}
    return {"name": resource.name, **resource.body, **(times if resource.kind != "property" else {})}


@resource.endpoint("GET", "/resource_types", policy="list_metadef_resource_types")
def resource_types() -> Answer:
    """List the resource types that definitions can be about."""
    with tools().sessions.read() as session:
        return {"resource_types": [{"name": name} for name in metadef_resources.list_resource_types(session)]}


@resource.endpoint("POST", "/namespaces", policy="add_metadef_namespace", body=BODY)
def create(body: JsonObject) -> Answer:
    """Create a namespace with all that the body defines in it."""
    with tools().sessions.begin() as session:
        namespace = core.create(session, caller(), body)
        view = _view(namespace, _all_resources(session, namespace))
    return view, 201, {"Location": request.url_root.rstrip("/") + view["self"]}


@resource.endpoint("GET", "/namespaces", policy="get_metadef_namespaces", query=QUERY)
def index() -> Answer:
    """List a page of the namespaces that the caller may know of, the newest first."""
    limit = parse_whole_number(request.args.get("limit", str(DEFAULT_LIMIT)))
    if limit is None:
        raise Invalid(why=f"limit: '{request.args['limit'][:64]}' is not a whole number in the range of the service")
    types = [name for name in request.args.get("resource_types", "").split(",") if name]
    visibility, marker = request.args.get("visibility"), request.args.get("marker")
    with tools().sessions.read() as session:
        namespaces = core.list_namespaces(session, caller(), visibility, types, marker, min(limit, MAX_LIMIT))
        resources = metadef_resources.list_resources(session, namespaces, "resource_type")
    view: JsonObject = {
        "namespaces": [_view(namespace, resources[namespace.id]) for namespace in namespaces],
        "schema": "/v2/schemas/metadefs/namespaces",
        "first": "/v2/metadefs/namespaces",
    }
    if namespaces and len(namespaces) == limit:
        view["next"] = next_url("/v2/metadefs/namespaces", request.args, namespaces[-1].namespace)
    return view


@resource.endpoint("GET", "/namespaces/<namespace>", policy="get_metadef_namespace", target=target)
def show(namespace: str) -> Answer:
    """Show a namespace with all that it defines."""
    with tools().sessions.read() as session:
        return _view(g.namespace, _all_resources(session, g.namespace))


@resource.endpoint("PUT", "/namespaces/<namespace>", policy="modify_metadef_namespace", target=target, body=BODY)
def update(namespace: str, body: JsonObject) -> Answer:
    """Replace the namespace's own fields; what it defines stays."""
    with writing(namespace) as (session, found):
        core.update(session, found, body)
        return _view(found, metadef_resources.list_resources(session, [found], "resource_type")[found.id])


@resource.endpoint("DELETE", "/namespaces/<namespace>", policy="delete_metadef_namespace", target=target)
def delete(namespace: str) -> Answer:
    """Delete a namespace with all that it defines."""
    with writing(namespace) as (session, found):
        core.delete(session, found)
    return Response(status=204)


def _all_resources(session: "Session", namespace: MetadefNamespace) -> list[MetadefResource]:
    return metadef_resources.list_resources(session, [namespace], *metadef_resources.PLURAL)[namespace.id]
