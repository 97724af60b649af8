"""/v3/registered_limits."""

from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view, views_with_links
from pileus_identity.api.schemas import ID, REGION_OR_NULL, TEXT, wrapped, wrapped_list
from pileus_identity.api.tools import tools
from pileus_identity.core import registered_limits
from pileus_identity.db.models import RegisteredLimit
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("registered_limits", __name__, url_prefix="/v3/registered_limits")

NUMBER: JsonObject = {"type": "integer", "minimum": -1, "maximum": 0x7FFFFFFF}
RESOURCE_NAME: JsonObject = {"type": "string", "minLength": 1, "maxLength": 255}
PROPERTIES = {
    "service_id": ID,
    "region_id": REGION_OR_NULL,
    "resource_name": RESOURCE_NAME,
    "default_limit": NUMBER,
    "description": TEXT,
}
CREATE = wrapped_list("registered_limits", PROPERTIES, ["service_id", "resource_name", "default_limit"])
UPDATE = wrapped("registered_limit", PROPERTIES, strict=True)


@resource.endpoint("POST", "", policy="identity:create_registered_limits", body=CREATE)
def create(body: JsonObject) -> Answer:
    with tools().change() as session:
        created = registered_limits.create(session, body["registered_limits"])
        return views_with_links("registered_limits", [registered_limit_view(limit) for limit in created]), 201


@resource.endpoint("GET", "", policy="identity:list_registered_limits")
def index() -> Answer:
    with tools().sessions.read() as session:
        found = registered_limits.list_page(session, list_query())
        return list_view("registered_limits", found, registered_limit_view)


@resource.endpoint("GET", "/<limit_id>", policy="identity:get_registered_limit")
def show(limit_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"registered_limit": registered_limit_view(registered_limits.find(session, limit_id))}


@resource.endpoint("PATCH", "/<limit_id>", policy="identity:update_registered_limit", body=UPDATE)
def update(limit_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        registered = registered_limits.find(session, limit_id)
        registered_limits.update(session, registered, body["registered_limit"])
        return {"registered_limit": registered_limit_view(registered)}


@resource.endpoint("DELETE", "/<limit_id>", policy="identity:delete_registered_limit")
def delete(limit_id: str) -> Answer:
    with tools().change() as session:
        registered_limits.delete(session, registered_limits.find(session, limit_id))
    return "", 204


def registered_limit_view(registered: RegisteredLimit) -> JsonObject:
    """A registered limit as the API shows it."""
    return {
        "id": registered.id,
        "service_id": registered.service_id,
        "region_id": registered.region_id or None,
        "resource_name": registered.resource_name,
        "default_limit": registered.default_limit,
        "description": registered.description,
        "links": self_link("registered_limits", registered.id),
    }
