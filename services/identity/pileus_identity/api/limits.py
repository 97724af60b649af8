"""/v3/registered_limits and /v3/limits."""

from typing import Any

from pileus_identity.api import targets
from pileus_identity.api.views import ID, TEXT, View, asked, link, listed, page, wrapped
from pileus_identity.core import limits, lists
from pileus_identity.db.models import Limit, Project, RegisteredLimit
from pileus_kit.web import Resource, allowed, caller, tools

resource = Resource("limits", __name__, url_prefix="/v3")

NUMBER = {"type": "integer", "minimum": -1, "maximum": 0x7FFFFFFF}
RESOURCE = {"type": "string", "minLength": 1, "maxLength": 255}
REGION = {"type": ["string", "null"], "maxLength": 255}
REGISTERED = {
    "service_id": ID,
    "region_id": REGION,
    "resource_name": RESOURCE,
    "default_limit": NUMBER,
    "description": TEXT,
}
OWN = {
    "service_id": ID,
    "region_id": REGION,
    "resource_name": RESOURCE,
    "resource_limit": NUMBER,
    "description": TEXT,
    "project_id": {"type": ["string", "null"], "maxLength": 64},
    "domain_id": {"type": ["string", "null"], "maxLength": 64},
}


def many(key: str, properties: View, required: list[str]) -> View:
    one = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "object", "required": [key], "properties": {key: {"type": "array", "items": one, "maxItems": 1000}}}


@resource.endpoint(
    "POST",
    "/registered_limits",
    policy="identity:create_registered_limits",
    body=many("registered_limits", REGISTERED, ["service_id", "resource_name", "default_limit"]),
)
def register(body: View) -> Any:
    with tools().change() as session:
        made = limits.register(session, body["registered_limits"])
        return page("registered_limits", [show_registered(one) for one in made]), 201


@resource.endpoint("GET", "/registered_limits", policy="identity:list_registered_limits")
def list_registered() -> Any:
    return listed(limits.find_registered(asked()), RegisteredLimit, "registered_limits", show_registered)


@resource.endpoint("GET", "/registered_limits/<limit_id>", policy="identity:get_registered_limit")
def show_one_registered(limit_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"registered_limit": show_registered(limits.get_registered(session, limit_id))}


@resource.endpoint(
    "PATCH",
    "/registered_limits/<limit_id>",
    policy="identity:update_registered_limit",
    body=wrapped("registered_limit", REGISTERED, strict=True),
)
def update_registered(limit_id: str, body: View) -> Any:
    with tools().change() as session:
        registered = limits.get_registered(session, limit_id)
        limits.change_registered(session, registered, body["registered_limit"])
        return {"registered_limit": show_registered(registered)}


@resource.endpoint("DELETE", "/registered_limits/<limit_id>", policy="identity:delete_registered_limit")
def unregister(limit_id: str) -> Any:
    with tools().change() as session:
        limits.unregister(session, limits.get_registered(session, limit_id))
    return "", 204


@resource.endpoint("GET", "/limits/model", policy="identity:get_limit_model")
def model() -> Any:
    return {
        "model": {
            "name": "flat",
            "description": "Limit enforcement and validation does not take project hierarchy into consideration.",
        }
    }


@resource.endpoint(
    "POST",
    "/limits",
    policy="identity:create_limits",
    body=many("limits", OWN, ["service_id", "resource_name", "resource_limit"]),
)
def create(body: View) -> Any:
    with tools().change() as session:
        return page("limits", [show(*pair) for pair in limits.create(session, body["limits"])]), 201


@resource.endpoint("GET", "/limits", policy="identity:list_limits")
def list_all() -> Any:
    """All limits for administrators and services; a domain's and its projects' for a domain; else the own project's."""
    stmt, who = limits.find(asked()), caller()
    if not (allowed("identity:get_limit", {}) or "service" in who.roles):
        mine = Limit.owner_id == (who.project_id or who.domain_id or "")
        stmt = stmt.where(mine | (Project.domain_id == who.domain_id) if who.domain_id else mine)
    if "marker" in asked():
        stmt = stmt.where(Limit.id > asked()["marker"])
    limit = lists.bound(asked(), tools().config.list_limit)
    with tools().sessions.read() as session:
        rows = session.execute(stmt.order_by(Limit.id).limit(limit + 1)).all()
        views = [show(row[0], row[1], row[2]) for row in rows[:limit]]
        return page("limits", views, views[-1]["id"] if len(rows) > limit else None)


@resource.endpoint("GET", "/limits/<limit_id>", policy="identity:get_limit", target=targets.limit)
def show_one(limit_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"limit": show(*limits.get(session, limit_id))}


@resource.endpoint(
    "PATCH",
    "/limits/<limit_id>",
    policy="identity:update_limit",
    target=targets.existing_limit,
    body=wrapped("limit", {"resource_limit": NUMBER, "description": TEXT}, strict=True),
)
def update(limit_id: str, body: View) -> Any:
    with tools().change() as session:
        limit, registered, owner = limits.get(session, limit_id)
        limits.change(session, limit, body["limit"])
        return {"limit": show(limit, registered, owner)}


@resource.endpoint("DELETE", "/limits/<limit_id>", policy="identity:delete_limit", target=targets.existing_limit)
def delete(limit_id: str) -> Any:
    with tools().change() as session:
        limits.remove(session, limits.get(session, limit_id)[0])
    return "", 204


def show_registered(registered: RegisteredLimit) -> View:
    return {
        "id": registered.id,
        "service_id": registered.service_id,
        "region_id": registered.region_id or None,
        "resource_name": registered.resource_name,
        "default_limit": registered.default_limit,
        "description": registered.description,
        "links": link("registered_limits", registered.id),
    }


def show(limit: Limit, registered: RegisteredLimit, owner: Project) -> View:
    return {
        "id": limit.id,
        "service_id": registered.service_id,
        "region_id": registered.region_id or None,
        "resource_name": registered.resource_name,
        "resource_limit": limit.resource_limit,
        "description": limit.description,
        "project_id": None if owner.is_domain else owner.id,
        "domain_id": owner.id if owner.is_domain else None,
        "links": link("limits", limit.id),
    }
