"""/v3/users, their passwords and projects."""

from flask import request

from pileus_identity.api import policy_targets
from pileus_identity.api.domain_scope import own_domain_target, visible_domain_id
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.projects import project_view
from pileus_identity.api.schemas import FLAG, FLAG_OR_NULL, ID, ID_OR_NULL, NAME, TEXT, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import projects, user_passwords, users
from pileus_identity.core.times import format_time
from pileus_identity.db.models import User
from pileus_identity.errors import AuthenticationFailed, ResourceNotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("users", __name__, url_prefix="/v3/users")

PASSWORD: JsonObject = {"type": ["string", "null"], "minLength": 1, "maxLength": 4096}
OPTIONS: JsonObject = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(
            (
                "ignore_change_password_upon_first_use",
                "ignore_password_expiry",
                "ignore_lockout_failure_attempts",
                "lock_password",
                "ignore_user_inactivity",
                "multi_factor_auth_enabled",
            ),
            FLAG_OR_NULL,
        ),
        "multi_factor_auth_rules": {
            "type": ["array", "null"],
            "maxItems": 16,
            "uniqueItems": True,
            "items": {
                "type": "array",
                "minItems": 1,
                "maxItems": 8,
                "uniqueItems": True,
                "items": {"type": "string", "maxLength": 64},
            },
        },
    },
}
PROPERTIES = {
    "name": NAME,
    "description": TEXT,
    "enabled": FLAG,
    "domain_id": ID,
    "default_project_id": ID_OR_NULL,
    "password": PASSWORD,
    "options": OPTIONS,
}
CREATE = wrapped("user", PROPERTIES, ["name"])
UPDATE = wrapped("user", PROPERTIES)
CHANGE_PASSWORD = wrapped(
    "user",
    {"original_password": PASSWORD | {"type": "string"}, "password": PASSWORD | {"type": "string"}},
    ["original_password", "password"],
    strict=True,
)


@resource.endpoint("POST", "", policy="identity:create_user", target=own_domain_target("user"), body=CREATE)
def create(body: JsonObject) -> Answer:
    domain_id = policy_targets.resolve_domain_id("identity:create_user", "user", body["user"])
    with tools().change() as session:
        return {"user": user_view(users.create(session, tools().config, body["user"], domain_id))}, 201


@resource.endpoint("GET", "", policy="identity:list_users", target=own_domain_target("user"))
def index() -> Answer:
    with tools().sessions.read() as session:
        return list_view("users", users.list_page(session, list_query(), visible_domain_id()), user_view)


@resource.endpoint("GET", "/<user_id>", policy="identity:get_user", target=policy_targets.user)
def show(user_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"user": user_view(users.find(session, user_id))}


@resource.endpoint("PATCH", "/<user_id>", policy="identity:update_user", target=policy_targets.user, body=UPDATE)
def update(user_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        user = users.find(session, user_id)
        users.update(session, tools().config, user, body["user"])
        return {"user": user_view(user)}


@resource.endpoint("DELETE", "/<user_id>", policy="identity:delete_user", target=policy_targets.user)
def delete(user_id: str) -> Answer:
    with tools().change() as session:
        users.delete(session, users.find(session, user_id))
    return "", 204


@resource.endpoint("POST", "/<user_id>/password", public="the old password proves who it is", body=CHANGE_PASSWORD)
def change_password(user_id: str, body: JsonObject) -> Answer:
    """Works with an expired password, too: that is what the call is for."""
    given = body["user"]
    tools().authentication.check_password(user_id, given["original_password"], request.remote_addr or "")
    with tools().change() as session:
        try:
            user = users.find(session, user_id)
        except ResourceNotFound:  # deleted meanwhile
            raise AuthenticationFailed from None
        user_passwords.change_own_password(session, tools().config, user, given["password"])
    return "", 204


@resource.endpoint("GET", "/<user_id>/projects", policy="identity:list_user_projects", target=policy_targets.user)
def index_projects(user_id: str) -> Answer:
    with tools().sessions.read() as session:
        users.find(session, user_id)
        return list_view("projects", projects.list_page_of_user(session, user_id, list_query()), project_view)


def user_view(user: User) -> JsonObject:
    """A user as the API shows it."""
    view: JsonObject = {
        **user.extra,
        "id": user.id,
        "name": user.name,
        "domain_id": user.domain_id,
        "enabled": user.enabled,
        "options": user.options,
        "password_expires_at": format_time(user.password_expires_at),
        "links": self_link("users", user.id),
    }
    if user.description is not None:
        view["description"] = user.description
    if user.default_project_id is not None:
        view["default_project_id"] = user.default_project_id
    return view
