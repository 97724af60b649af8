"""/v3/limits."""

from pileus_identity.api import policy_targets
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view, views_with_links
from pileus_identity.api.registered_limits import NUMBER, RESOURCE_NAME
from pileus_identity.api.schemas import ID, REGION_OR_NULL, TEXT, wrapped, wrapped_list
from pileus_identity.api.tools import tools
from pileus_identity.core import limits
from pileus_identity.core.limits import OwnedLimit, Visibility
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, allowed, caller

resource = Resource("limits", __name__, url_prefix="/v3/limits")

OWNER: JsonObject = {"type": ["string", "null"], "maxLength": 64}
PROPERTIES = {
    "service_id": ID,
    "region_id": REGION_OR_NULL,
    "resource_name": RESOURCE_NAME,
    "resource_limit": NUMBER,
    "description": TEXT,
    "project_id": OWNER,
    "domain_id": OWNER,
}
CREATE = wrapped_list("limits", PROPERTIES, ["service_id", "resource_name", "resource_limit"])
UPDATE = wrapped("limit", {"resource_limit": NUMBER, "description": TEXT}, strict=True)


@resource.endpoint("GET", "/model", policy="identity:get_limit_model")
def show_model() -> Answer:
    return {
        "model": {
            "name": "flat",
            "description": "Limit enforcement and validation does not take project hierarchy into consideration.",
        }
    }


@resource.endpoint("POST", "", policy="identity:create_limits", body=CREATE)
def create(body: JsonObject) -> Answer:
    with tools().change() as session:
        return views_with_links("limits", [limit_view(one) for one in limits.create(session, body["limits"])]), 201


@resource.endpoint("GET", "", policy="identity:list_limits")
def index() -> Answer:
    """Administrators and services see all limits; others see those of their project, or of their domain's projects."""
    requester = caller()
    sees_all = allowed("identity:get_limit", {}) or "service" in requester.roles
    visibility = None if sees_all else Visibility(requester.project_id, requester.domain_id)
    with tools().sessions.read() as session:
        return list_view("limits", limits.list_page(session, list_query(), visibility), limit_view)


@resource.endpoint("GET", "/<limit_id>", policy="identity:get_limit", target=policy_targets.limit)
def show(limit_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"limit": limit_view(limits.find(session, limit_id))}


@resource.endpoint(
    "PATCH", "/<limit_id>", policy="identity:update_limit", target=policy_targets.existing_limit, body=UPDATE
)
def update(limit_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        owned = limits.find(session, limit_id)
        limits.update(session, owned.limit, body["limit"])
        return {"limit": limit_view(owned)}


@resource.endpoint("DELETE", "/<limit_id>", policy="identity:delete_limit", target=policy_targets.existing_limit)
def delete(limit_id: str) -> Answer:
    with tools().change() as session:
        limits.delete(session, limits.find(session, limit_id).limit)
    return "", 204


def limit_view(owned: OwnedLimit) -> JsonObject:
    """A limit as the API shows it."""
    return {
        "id": owned.limit.id,
        "service_id": owned.registered.service_id,
        "region_id": owned.registered.region_id or None,
        "resource_name": owned.registered.resource_name,
        "resource_limit": owned.limit.resource_limit,
        "description": owned.limit.description,
        "project_id": None if owned.owner.is_domain else owned.owner.id,
        "domain_id": owned.owner.id if owned.owner.is_domain else None,
        "links": self_link("limits", owned.limit.id),
    }
