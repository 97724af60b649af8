"""/v3/roles/{prior_id}/implies and /v3/role_inferences."""

from flask import request

from pileus_identity.api import policy_targets
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import views_with_links
from pileus_identity.api.roles import short_role_view
from pileus_identity.api.tools import tools
from pileus_identity.core import implied_roles, roles
from pileus_identity.db.models import Role
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, enforce

resource = Resource("implied_roles", __name__, url_prefix="/v3")

IMPLIES = "/roles/<prior_id>/implies"
ONE = IMPLIES + "/<implied_id>"


@resource.endpoint("GET", IMPLIES, policy="identity:list_implied_roles", target=policy_targets.implied_role)
def index(prior_id: str) -> Answer:
    with tools().sessions.read() as session:
        prior = roles.find(session, prior_id)
        inference = _inference_view(prior, implied_roles.list_implied_by(session, prior.id))
        return {"role_inference": inference, "links": self_link("roles", prior.id, "implies")}


@resource.endpoint("GET", ONE, policy="identity:get_implied_role", target=policy_targets.implied_role)
def show(prior_id: str, implied_id: str) -> Answer:
    """Answers HEAD, too, which has a rule of its own."""
    is_check = request.method == "HEAD"
    if is_check:
        enforce("identity:check_implied_role")
    with tools().sessions.read() as session:
        prior, implied = roles.find(session, prior_id), roles.find(session, implied_id)
        implied_roles.find(session, prior.id, implied.id)
        return ("", 204) if is_check else _implication_view(prior, implied)


@resource.endpoint("PUT", ONE, policy="identity:create_implied_role", target=policy_targets.implied_role)
def create(prior_id: str, implied_id: str) -> Answer:
    with tools().change() as session:
        prior, implied = roles.find(session, prior_id), roles.find(session, implied_id)
        implied_roles.create(session, prior, implied)
        return _implication_view(prior, implied), 201


@resource.endpoint("DELETE", ONE, policy="identity:delete_implied_role", target=policy_targets.implied_role)
def delete(prior_id: str, implied_id: str) -> Answer:
    with tools().change() as session:
        implied_roles.delete(session, prior_id, implied_id)
    return "", 204


@resource.endpoint("GET", "/role_inferences", policy="identity:list_role_inference_rules")
def index_inferences() -> Answer:
    with tools().sessions.read() as session:
        found = implied_roles.list_all(session, tools().config.list_limit)
        return views_with_links("role_inferences", [_inference_view(prior, implied) for prior, implied in found])


def _inference_view(prior: Role, implied: list[Role]) -> JsonObject:
    return {"prior_role": short_role_view(prior), "implies": [short_role_view(role) for role in implied]}


def _implication_view(prior: Role, implied: Role) -> JsonObject:
    return {
        "role_inference": {"prior_role": short_role_view(prior), "implies": short_role_view(implied)},
        "links": self_link("roles", prior.id, "implies", implied.id),
    }
