"""What a metadata definition namespace defines: /v2/metadefs/namespaces/{namespace}/{properties,objects,tags,…}."""

from urllib.parse import quote

from flask import Response, g, request

from pileus_image.api import metadef_namespaces as namespaces
from pileus_image.api.tools import tools
from pileus_image.core import metadef_resources as core
from pileus_image.core import metadef_schemas
from pileus_image.core.metadef_resources import Kind
from pileus_image.db.models import MetadefNamespace, MetadefResource
from pileus_image.errors import Invalid
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("metadef_resources", __name__, url_prefix="/v2/metadefs/namespaces/<namespace>")
PROPERTY, OBJECT = {(0, 0): metadef_schemas.PROPERTY}, {(0, 0): metadef_schemas.OBJECT}
TAG, TAGS = {(0, 0): metadef_schemas.TAG}, {(0, 0): metadef_schemas.TAGS}
RESOURCE_TYPE = {(0, 0): metadef_schemas.RESOURCE_TYPE}


def _view(namespace: MetadefNamespace, found: MetadefResource) -> JsonObject:
    view = namespaces.resource_view(found)
    if found.kind == "object":
        view["self"] = f"{namespaces.path(namespace)}/objects/{quote(found.name, safe='')}"
        view["schema"] = "/v2/schemas/metadefs/object"
    return view


def _list(kind: Kind) -> list[JsonObject]:
    with tools().sessions.read() as session:
        found = core.list_resources(session, [g.namespace], kind)[g.namespace.id]
    return [_view(g.namespace, one) for one in found]


def _show(kind: Kind, name: str) -> JsonObject:
    with tools().sessions.read() as session:
        return _view(g.namespace, core.find(session, g.namespace, kind, name))


def _create(namespace: str, kind: Kind, name: str, body: JsonObject) -> tuple[JsonObject, int]:
    with namespaces.writing(namespace) as (session, found):
        return _view(found, core.create(session, found, kind, name, body)), 201


def _update(namespace: str, kind: Kind, name: str, body: JsonObject) -> JsonObject:
    with namespaces.writing(namespace) as (session, found):
        return _view(found, core.update(session, core.find(session, found, kind, name), body))


def _delete(namespace: str, kind: Kind, name: str) -> Response:
    with namespaces.writing(namespace) as (session, found):
        core.delete(session, found, kind, name)
    return Response(status=204)


def _delete_all(namespace: str, kind: Kind) -> Response:
    with namespaces.writing(namespace) as (session, found):
        core.delete_all(session, found, kind)
    return Response(status=204)


# -- properties ----------------------------------------------------------------------------------------------------


@resource.endpoint("GET", "/properties", policy="get_metadef_properties", target=namespaces.target)
def list_properties(namespace: str) -> Answer:
    """List the properties."""
    return {
        "properties": {view.pop("name"): view for view in _list("property")},
        "schema": "/v2/schemas/metadefs/properties",
    }


@resource.endpoint("POST", "/properties", policy="add_metadef_property", target=namespaces.target, body=PROPERTY)
def create_property(namespace: str, body: JsonObject) -> Answer:
    """Define a property."""
    return _create(namespace, "property", body["name"], body)


@resource.endpoint("DELETE", "/properties", policy="modify_metadef_namespace", target=namespaces.target)
def delete_properties(namespace: str) -> Answer:
    """Delete all properties."""
    return _delete_all(namespace, "property")


@resource.endpoint("GET", "/properties/<name>", policy="get_metadef_property", target=namespaces.target)
def show_property(namespace: str, name: str) -> Answer:
    """Show a property; with `?resource_type=` by the name that it has there, prefix included."""
    with tools().sessions.read() as session:
        found = core.find_property(session, g.namespace, name, request.args.get("resource_type"))
    return _view(g.namespace, found) | {"name": name}


@resource.endpoint(
    "PUT", "/properties/<name>", policy="modify_metadef_property", target=namespaces.target, body=PROPERTY
)
def update_property(namespace: str, name: str, body: JsonObject) -> Answer:
    """Replace a property."""
    return _update(namespace, "property", name, body)


@resource.endpoint("DELETE", "/properties/<name>", policy="remove_metadef_property", target=namespaces.target)
def delete_property(namespace: str, name: str) -> Answer:
    """Delete a property."""
    return _delete(namespace, "property", name)


# -- objects -------------------------------------------------------------------------------------------------------


@resource.endpoint("GET", "/objects", policy="get_metadef_objects", target=namespaces.target)
def list_objects(namespace: str) -> Answer:
    """List the objects."""
    return {"objects": _list("object"), "schema": "/v2/schemas/metadefs/objects"}


@resource.endpoint("POST", "/objects", policy="add_metadef_object", target=namespaces.target, body=OBJECT)
def create_object(namespace: str, body: JsonObject) -> Answer:
    """Define an object."""
    return _create(namespace, "object", body["name"], body)


@resource.endpoint("DELETE", "/objects", policy="modify_metadef_namespace", target=namespaces.target)
def delete_objects(namespace: str) -> Answer:
    """Delete all objects."""
    return _delete_all(namespace, "object")


@resource.endpoint("GET", "/objects/<name>", policy="get_metadef_object", target=namespaces.target)
def show_object(namespace: str, name: str) -> Answer:
    """Show an object."""
    return _show("object", name)


@resource.endpoint("PUT", "/objects/<name>", policy="modify_metadef_object", target=namespaces.target, body=OBJECT)
def update_object(namespace: str, name: str, body: JsonObject) -> Answer:
    """Replace an object."""
    return _update(namespace, "object", name, body)


@resource.endpoint("DELETE", "/objects/<name>", policy="delete_metadef_object", target=namespaces.target)
def delete_object(namespace: str, name: str) -> Answer:
    """Delete an object."""
    return _delete(namespace, "object", name)


# -- tags ----------------------------------------------------------------------------------------------------------


@resource.endpoint("GET", "/tags", policy="get_metadef_tags", target=namespaces.target)
def list_tags(namespace: str) -> Answer:
    """List the tags."""
    return {"tags": _list("tag"), "schema": "/v2/schemas/metadefs/tags"}


@resource.endpoint("POST", "/tags", policy="add_metadef_tags", target=namespaces.target, body=TAGS)
def create_tags(namespace: str, body: JsonObject) -> Answer:
    """Define these tags in place of those that are there, or besides them with `X-OpenStack-Append: true`."""
    append = request.headers.get("X-OpenStack-Append", "").lower() == "true"
    names = [tag["name"] for tag in body["tags"]]
    with namespaces.writing(namespace) as (session, found):
        tags = core.create_tags(session, found, names, append)
        return {"tags": [{"name": tag.name} for tag in tags]}, 201


@resource.endpoint("DELETE", "/tags", policy="delete_metadef_tags", target=namespaces.target)
def delete_tags(namespace: str) -> Answer:
    """Delete all tags."""
    return _delete_all(namespace, "tag")


@resource.endpoint("GET", "/tags/<name>", policy="get_metadef_tag", target=namespaces.target)
def show_tag(namespace: str, name: str) -> Answer:
    """Show a tag."""
    return _show("tag", name)


@resource.endpoint("POST", "/tags/<name>", policy="add_metadef_tag", target=namespaces.target)
def create_tag(namespace: str, name: str) -> Answer:
    """Define a tag."""
    if len(name) > metadef_schemas.NAME["maxLength"]:
        raise Invalid(why="A tag may have at most 80 characters.")
    return _create(namespace, "tag", name, {})


@resource.endpoint("PUT", "/tags/<name>", policy="modify_metadef_tag", target=namespaces.target, body=TAG)
def update_tag(namespace: str, name: str, body: JsonObject) -> Answer:
    """Rename a tag."""
    return _update(namespace, "tag", name, body)


@resource.endpoint("DELETE", "/tags/<name>", policy="delete_metadef_tag", target=namespaces.target)
def delete_tag(namespace: str, name: str) -> Answer:
    """Delete a tag."""
    return _delete(namespace, "tag", name)


# -- resource types ------------------------------------------------------------------------------------------------


@resource.endpoint("GET", "/resource_types", policy="get_metadef_resource_type", target=namespaces.target)
def list_resource_types(namespace: str) -> Answer:
    """List the associated resource types."""
    return {"resource_type_associations": _list("resource_type")}


@resource.endpoint(
    "POST",
    "/resource_types",
    policy="add_metadef_resource_type_association",
    target=namespaces.target,
    body=RESOURCE_TYPE,
)
def create_resource_type(namespace: str, body: JsonObject) -> Answer:
    """Associate the namespace with a resource type."""
    return _create(namespace, "resource_type", body["name"], body)


@resource.endpoint(
    "DELETE", "/resource_types/<name>", policy="remove_metadef_resource_type_association", target=namespaces.target
)
def delete_resource_type(namespace: str, name: str) -> Answer:
    """End the association with a resource type."""
    return _delete(namespace, "resource_type", name)
