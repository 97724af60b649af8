"""/v3/users, their passwords and projects."""

from typing import Any

from flask import request

from pileus_identity.api import projects as project_views
from pileus_identity.api import targets
from pileus_identity.api.views import (
    FLAG,
    FLAG_OR_NULL,
    ID,
    ID_OR_NULL,
    NAME,
    TEXT,
    View,
    asked,
    link,
    listed,
    own_as,
    visible_domain,
    wrapped,
)
from pileus_identity.core import projects, users
from pileus_identity.core.payloads import iso
from pileus_identity.db.models import Project, User
from pileus_identity.errors import LoginFailed
from pileus_kit.web import Resource, tools

resource = Resource("users", __name__, url_prefix="/v3/users")

PASSWORD = {"type": ["string", "null"], "minLength": 1, "maxLength": 4096}
OPTIONS = {
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
CHANGE_PASSWORD = wrapped(
    "user",
    {"original_password": PASSWORD | {"type": "string"}, "password": PASSWORD | {"type": "string"}},
    ["original_password", "password"],
    strict=True,
)


@resource.endpoint(
    "POST", "", policy="identity:create_user", target=own_as("user"), body=wrapped("user", PROPERTIES, ["name"])
)
def create(body: View) -> Any:
    home = targets.home("identity:create_user", "user", body["user"])
    with tools().change() as session:
        return {"user": show(users.create(session, tools().config, body["user"], home))}, 201


@resource.endpoint("GET", "", policy="identity:list_users", target=own_as("user"))
def list_all() -> Any:
    stmt = users.find(asked())
    if visible_domain() is not None:
        stmt = stmt.where(User.domain_id == visible_domain())
    return listed(stmt, User, "users", show)


@resource.endpoint("GET", "/<user_id>", policy="identity:get_user", target=targets.user)
def show_one(user_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"user": show(users.get(session, user_id))}


@resource.endpoint(
    "PATCH", "/<user_id>", policy="identity:update_user", target=targets.user, body=wrapped("user", PROPERTIES)
)
def update(user_id: str, body: View) -> Any:
    with tools().change() as session:
        user = users.get(session, user_id)
        users.change(session, tools().config, user, body["user"])
        return {"user": show(user)}


@resource.endpoint("DELETE", "/<user_id>", policy="identity:delete_user", target=targets.user)
def delete(user_id: str) -> Any:
    with tools().change() as session:
        users.remove(session, users.get(session, user_id))
    return "", 204


@resource.endpoint("POST", "/<user_id>/password", public="the old password proves who it is", body=CHANGE_PASSWORD)
def change_password(user_id: str, body: View) -> Any:
    """Works with an expired password: that is what it is for."""
    tools().logins.check_old(user_id, body["user"]["original_password"], request.remote_addr or "")
    with tools().change() as session:
        user = session.get(User, user_id)
        if user is None:
            raise LoginFailed
        users.choose_password(session, tools().config, user, body["user"])
    return "", 204


@resource.endpoint("GET", "/<user_id>/projects", policy="identity:list_user_projects", target=targets.user)
def list_projects(user_id: str) -> Any:
    with tools().sessions.read() as session:
        users.get(session, user_id)
    return listed(projects.of_user(user_id, asked()), Project, "projects", project_views.show)


def show(user: User) -> View:
    view: View = {
        **user.extra,
        "id": user.id,
        "name": user.name,
        "domain_id": user.domain_id,
        "enabled": user.enabled,
        "options": user.options,
        "password_expires_at": None,
        "links": link("users", user.id),
    }
    if user.password_expires_at is not None:
        view["password_expires_at"] = iso(int(user.password_expires_at.timestamp() * 1_000_000))
    if user.description is not None:
        view["description"] = user.description
    if user.default_project_id is not None:
        view["default_project_id"] = user.default_project_id
    return view
