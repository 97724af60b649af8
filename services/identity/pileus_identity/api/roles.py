"""/v3/roles, and what they imply."""

from typing import Any

from flask import request

from pileus_identity.api import targets
from pileus_identity.api.views import (
    ID_OR_NULL,
    IMMUTABLE,
    NAME,
    TEXT,
    View,
    asked,
    link,
    listed,
    page,
    wrapped,
)
from pileus_identity.core import roles
from pileus_identity.db.models import Role
from pileus_kit.web import Resource, enforce, tools

resource = Resource("roles", __name__, url_prefix="/v3")

PROPERTIES = {"name": NAME, "description": TEXT, "domain_id": ID_OR_NULL, "options": IMMUTABLE}
ONE = "/roles/<role_id>"
IMPLIES = "/roles/<prior_id>/implies"


def named(role_id: str) -> View:
    """The role's name, as far as it is no domain's own: that has rules of its own. An unknown role is a 404 for all."""
    with tools().sessions.read() as session:
        role = roles.get(session, role_id)
        return {} if role.domain_id else {"target.role.name": role.name}


@resource.endpoint("POST", "/roles", policy="identity:create_role", body=wrapped("role", PROPERTIES, ["name"]))
def create(body: View) -> Any:
    if body["role"].get("domain_id"):
        enforce("identity:create_domain_role")
    with tools().change() as session:
        return {"role": show(roles.create(session, body["role"]))}, 201


@resource.endpoint("GET", "/roles", policy="identity:list_roles")
def list_all() -> Any:
    if asked().get("domain_id"):
        enforce("identity:list_domain_roles")
    return listed(roles.find(asked()), Role, "roles", show)


@resource.endpoint("GET", ONE, policy="identity:get_role", target=named)
def show_one(role_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"role": show(_found(session, role_id, "get"))}


@resource.endpoint("PATCH", ONE, policy="identity:update_role", target=named, body=wrapped("role", PROPERTIES))
def update(role_id: str, body: View) -> Any:
    with tools().change() as session:
        role = _found(session, role_id, "update")
        roles.change(session, role, body["role"])
        return {"role": show(role)}


@resource.endpoint("DELETE", ONE, policy="identity:delete_role", target=named)
def delete(role_id: str) -> Any:
    with tools().change() as session:
        roles.remove(session, _found(session, role_id, "delete"))
    return "", 204


def _found(session: Any, role_id: str, verb: str) -> Role:
    """A domain's own role has its own rule."""
    role = roles.get(session, role_id)
    if role.domain_id is not None:
        enforce(f"identity:{verb}_domain_role")
    return role


@resource.endpoint("GET", IMPLIES, policy="identity:list_implied_roles", target=targets.implication)
def list_implied(prior_id: str) -> Any:
    with tools().sessions.read() as session:
        prior = roles.get(session, prior_id)
        implied = roles.implied_by(session, prior.id)
        return {
            "role_inference": {"prior_role": brief(prior), "implies": [brief(role) for role in implied]},
            "links": link("roles", prior.id, "implies"),
        }


@resource.endpoint("GET", IMPLIES + "/<implied_id>", policy="identity:get_implied_role", target=targets.implication)
def show_implied(prior_id: str, implied_id: str) -> Any:
    checks = request.method == "HEAD"
    if checks:
        enforce("identity:check_implied_role")
    with tools().sessions.read() as session:
        prior, implied = roles.get(session, prior_id), roles.get(session, implied_id)
        roles.implication(session, prior.id, implied.id)
        return ("", 204) if checks else _inference(prior, implied)


@resource.endpoint("PUT", IMPLIES + "/<implied_id>", policy="identity:create_implied_role", target=targets.implication)
def imply(prior_id: str, implied_id: str) -> Any:
    with tools().change() as session:
        prior, implied = roles.get(session, prior_id), roles.get(session, implied_id)
        roles.imply(session, prior, implied)
        return _inference(prior, implied), 201


@resource.endpoint(
    "DELETE", IMPLIES + "/<implied_id>", policy="identity:delete_implied_role", target=targets.implication
)
def unimply(prior_id: str, implied_id: str) -> Any:
    with tools().change() as session:
        roles.unimply(session, prior_id, implied_id)
    return "", 204


@resource.endpoint("GET", "/role_inferences", policy="identity:list_role_inference_rules")
def list_inferences() -> Any:
    with tools().sessions.read() as session:
        table = roles.implications(session, tools().config.list_limit)
        return page(
            "role_inferences",
            [
                {"prior_role": brief(prior), "implies": [brief(role) for role in implied]}
                for prior, implied in table.values()
            ],
        )


def _inference(prior: Role, implied: Role) -> View:
    return {
        "role_inference": {"prior_role": brief(prior), "implies": brief(implied)},
        "links": link("roles", prior.id, "implies", implied.id),
    }


def brief(role: Role) -> View:
    return {"id": role.id, "name": role.name, "domain_id": role.domain_id, "links": link("roles", role.id)}


def show(role: Role) -> View:
    return {
        **role.extra,
        "id": role.id,
        "name": role.name,
        "domain_id": role.domain_id,
        "description": role.description,
        "options": role.options,
        "links": link("roles", role.id),
    }
