"""What a namespace defines: /v2/metadefs/namespaces/{namespace}/{properties,objects,tags,resource_types}."""

from typing import Any
from urllib.parse import quote

from flask import Response, g, request

from pileus_image.api import metadefs as spaces
from pileus_image.core import metadef_schemas, metadefs
from pileus_image.core.metadefs import Kind
from pileus_image.db.models import Definition, Namespace
from pileus_image.errors import Invalid
from pileus_kit.web import Resource, tools

resource = Resource("definitions", __name__, url_prefix="/v2/metadefs/namespaces/<namespace>")
PROPERTY, OBJECT = {(0, 0): metadef_schemas.PROPERTY}, {(0, 0): metadef_schemas.OBJECT}
TAG, TAGS = {(0, 0): metadef_schemas.TAG}, {(0, 0): metadef_schemas.TAGS}
ABOUT = {(0, 0): metadef_schemas.RESOURCE_TYPE}


def shown(space: Namespace, thing: Definition) -> dict[str, Any]:
    view = spaces.definition(thing)
    if thing.kind == "object":
        view["self"] = f"{spaces.path(space)}/objects/{quote(thing.name, safe='')}"
        view["schema"] = "/v2/schemas/metadefs/object"
    return view


def _all(kind: Kind) -> list[dict[str, Any]]:
    with tools().sessions.read() as session:
        things = metadefs.listed(session, [g.space], kind)[g.space.id]
    return [shown(g.space, thing) for thing in things]


def _one(kind: Kind, name: str) -> dict[str, Any]:
    with tools().sessions.read() as session:
        return shown(g.space, metadefs.get(session, g.space, kind, name))


def _create(namespace: str, kind: Kind, name: str, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    with spaces.writing(namespace) as (session, space):
        return shown(space, metadefs.define(session, space, kind, name, body)), 201


def _change(namespace: str, kind: Kind, name: str, body: dict[str, Any]) -> dict[str, Any]:
    with spaces.writing(namespace) as (session, space):
        thing = metadefs.get(session, space, kind, name)
        return shown(space, metadefs.redefine(session, thing, body["name"], body))


def _drop(namespace: str, kind: Kind, name: str | None) -> Response:
    with spaces.writing(namespace) as (session, space):
        if name is None:
            metadefs.drop_all(session, space, kind)
        else:
            session.delete(metadefs.get(session, space, kind, name))
    return Response(status=204)


# -- properties ----------------------------------------------------------------------------------------------------


@resource.endpoint("GET", "/properties", policy="get_metadef_properties", target=spaces.target)
def properties(namespace: str) -> Any:
    return {
        "properties": {view.pop("name"): view for view in _all("property")},
        "schema": "/v2/schemas/metadefs/properties",
    }


@resource.endpoint("POST", "/properties", policy="add_metadef_property", target=spaces.target, body=PROPERTY)
def create_property(namespace: str, body: dict[str, Any]) -> Any:
    return _create(namespace, "property", body["name"], body)


@resource.endpoint("DELETE", "/properties", policy="modify_metadef_namespace", target=spaces.target)
def delete_properties(namespace: str) -> Any:
    return _drop(namespace, "property", None)


@resource.endpoint("GET", "/properties/<name>", policy="get_metadef_property", target=spaces.target)
def show_property(namespace: str, name: str) -> Any:
    """The property; with `?resource_type=` by the name that it has there, prefix included."""
    kind = request.args.get("resource_type")
    prefix = ""
    if kind:
        with tools().sessions.read() as session:
            prefix = metadefs.get(session, g.space, "resource_type", kind).body.get("prefix") or ""
        if not name.startswith(prefix):
            raise Invalid(
                why=f"Property {name[:80]} does not start with the expected resource type association "
                f"prefix of '{prefix}'."
            )
    view = _one("property", name[len(prefix) :])
    return view | {"name": name}


@resource.endpoint("PUT", "/properties/<name>", policy="modify_metadef_property", target=spaces.target, body=PROPERTY)
def update_property(namespace: str, name: str, body: dict[str, Any]) -> Any:
    return _change(namespace, "property", name, body)


@resource.endpoint("DELETE", "/properties/<name>", policy="remove_metadef_property", target=spaces.target)
def delete_property(namespace: str, name: str) -> Any:
    return _drop(namespace, "property", name)


# -- objects -------------------------------------------------------------------------------------------------------


@resource.endpoint("GET", "/objects", policy="get_metadef_objects", target=spaces.target)
def objects(namespace: str) -> Any:
    return {"objects": _all("object"), "schema": "/v2/schemas/metadefs/objects"}


@resource.endpoint("POST", "/objects", policy="add_metadef_object", target=spaces.target, body=OBJECT)
def create_object(namespace: str, body: dict[str, Any]) -> Any:
    return _create(namespace, "object", body["name"], body)


@resource.endpoint("DELETE", "/objects", policy="modify_metadef_namespace", target=spaces.target)
def delete_objects(namespace: str) -> Any:
    return _drop(namespace, "object", None)


@resource.endpoint("GET", "/objects/<name>", policy="get_metadef_object", target=spaces.target)
def show_object(namespace: str, name: str) -> Any:
    return _one("object", name)


@resource.endpoint("PUT", "/objects/<name>", policy="modify_metadef_object", target=spaces.target, body=OBJECT)
def update_object(namespace: str, name: str, body: dict[str, Any]) -> Any:
    return _change(namespace, "object", name, body)


@resource.endpoint("DELETE", "/objects/<name>", policy="delete_metadef_object", target=spaces.target)
def delete_object(namespace: str, name: str) -> Any:
    return _drop(namespace, "object", name)


# -- tags ----------------------------------------------------------------------------------------------------------


@resource.endpoint("GET", "/tags", policy="get_metadef_tags", target=spaces.target)
def tags(namespace: str) -> Any:
    return {"tags": _all("tag"), "schema": "/v2/schemas/metadefs/tags"}


@resource.endpoint("POST", "/tags", policy="add_metadef_tags", target=spaces.target, body=TAGS)
def create_tags(namespace: str, body: dict[str, Any]) -> Any:
    """These tags instead of those that are there; besides them with `X-OpenStack-Append: true`."""
    with spaces.writing(namespace) as (session, space):
        if request.headers.get("X-OpenStack-Append", "").lower() != "true":
            metadefs.drop_all(session, space, "tag")
        made = [metadefs.define(session, space, "tag", tag["name"], {}) for tag in body["tags"]]
        return {"tags": [{"name": tag.name} for tag in made]}, 201


@resource.endpoint("DELETE", "/tags", policy="delete_metadef_tags", target=spaces.target)
def delete_tags(namespace: str) -> Any:
    return _drop(namespace, "tag", None)


@resource.endpoint("GET", "/tags/<name>", policy="get_metadef_tag", target=spaces.target)
def show_tag(namespace: str, name: str) -> Any:
    return _one("tag", name)


@resource.endpoint("POST", "/tags/<name>", policy="add_metadef_tag", target=spaces.target)
def create_tag(namespace: str, name: str) -> Any:
    if len(name) > metadef_schemas.NAME["maxLength"]:
        raise Invalid(why="A tag may have at most 80 characters.")
    return _create(namespace, "tag", name, {})


@resource.endpoint("PUT", "/tags/<name>", policy="modify_metadef_tag", target=spaces.target, body=TAG)
def update_tag(namespace: str, name: str, body: dict[str, Any]) -> Any:
    return _change(namespace, "tag", name, body)


@resource.endpoint("DELETE", "/tags/<name>", policy="delete_metadef_tag", target=spaces.target)
def delete_tag(namespace: str, name: str) -> Any:
    return _drop(namespace, "tag", name)


# -- resource types ------------------------------------------------------------------------------------------------


@resource.endpoint("GET", "/resource_types", policy="get_metadef_resource_type", target=spaces.target)
def associations(namespace: str) -> Any:
    return {"resource_type_associations": _all("resource_type")}


@resource.endpoint(
    "POST", "/resource_types", policy="add_metadef_resource_type_association", target=spaces.target, body=ABOUT
)
def associate(namespace: str, body: dict[str, Any]) -> Any:
    return _create(namespace, "resource_type", body["name"], body)


@resource.endpoint(
    "DELETE", "/resource_types/<name>", policy="remove_metadef_resource_type_association", target=spaces.target
)
def dissociate(namespace: str, name: str) -> Any:
    return _drop(namespace, "resource_type", name)
