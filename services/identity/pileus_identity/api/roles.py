"""/v3/roles."""

from typing import TYPE_CHECKING

from pileus_identity.api import policy_targets
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.schemas import ID_OR_NULL, IMMUTABLE, NAME, TEXT, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import roles
from pileus_identity.db.models import Role
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, enforce

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("roles", __name__, url_prefix="/v3/roles")

PROPERTIES = {"name": NAME, "description": TEXT, "domain_id": ID_OR_NULL, "options": IMMUTABLE}
CREATE = wrapped("role", PROPERTIES, ["name"])
UPDATE = wrapped("role", PROPERTIES)


@resource.endpoint("POST", "", policy="identity:create_role", body=CREATE)
def create(body: JsonObject) -> Answer:
    if body["role"].get("domain_id"):
        enforce("identity:create_domain_role")
    with tools().change() as session:
        return {"role": role_view(roles.create(session, body["role"]))}, 201


@resource.endpoint("GET", "", policy="identity:list_roles")
def index() -> Answer:
    query = list_query()
    if query.filters.get("domain_id"):
        enforce("identity:list_domain_roles")
    with tools().sessions.read() as session:
        return list_view("roles", roles.list_page(session, query), role_view)


@resource.endpoint("GET", "/<role_id>", policy="identity:get_role", target=policy_targets.role)
def show(role_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"role": role_view(_find(session, role_id, "get"))}


@resource.endpoint("PATCH", "/<role_id>", policy="identity:update_role", target=policy_targets.role, body=UPDATE)
def update(role_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        role = _find(session, role_id, "update")
        roles.update(session, role, body["role"])
        return {"role": role_view(role)}


@resource.endpoint("DELETE", "/<role_id>", policy="identity:delete_role", target=policy_targets.role)
def delete(role_id: str) -> Answer:
    with tools().change() as session:
        roles.delete(session, _find(session, role_id, "delete"))
    return "", 204


def _find(session: "Session", role_id: str, verb: str) -> Role:
    """A domain-specific role has policy rules of its own."""
    role = roles.find(session, role_id)
    if role.domain_id is not None:
        enforce(f"identity:{verb}_domain_role")
    return role


def short_role_view(role: Role) -> JsonObject:
    """A role as other resources show it."""
    return {"id": role.id, "name": role.name, "domain_id": role.domain_id, "links": self_link("roles", role.id)}


def role_view(role: Role) -> JsonObject:
    """A role as the API shows it."""
    return {
        **role.extra,
        "id": role.id,
        "name": role.name,
        "domain_id": role.domain_id,
        "description": role.description,
        "options": role.options,
        "links": self_link("roles", role.id),
    }
