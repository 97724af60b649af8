"""/v3/policies: texts that this API only stores (deprecated; no service reads them)."""

from typing import Any

from sqlalchemy import select

from pileus_identity.api.views import View, asked, link, listed, wrapped
from pileus_identity.core import lists
from pileus_identity.core.bodies import apply, store
from pileus_identity.db.models import Policy
from pileus_identity.errors import Missing
from pileus_kit.web import Resource, tools

resource = Resource("policies", __name__, url_prefix="/v3/policies")

PROPERTIES = {
    "type": {"type": "string", "minLength": 1, "maxLength": 255},
    "blob": {"type": "string", "maxLength": 524_288},
}
KNOWN = ("type", "blob")


@resource.endpoint("POST", "", policy="identity:create_policy", body=wrapped("policy", PROPERTIES, KNOWN))
def create(body: View) -> Any:
    with tools().change() as session:
        policy = Policy(extra={})
        apply(policy, body["policy"], KNOWN)
        store(session, policy, "policy")
        return {"policy": show(policy)}, 201


@resource.endpoint("GET", "", policy="identity:list_policies")
def list_all() -> Any:
    return listed(lists.matching(select(Policy), Policy, asked(), ("type",)), Policy, "policies", show)


@resource.endpoint("GET", "/<policy_id>", policy="identity:get_policy")
def show_one(policy_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"policy": show(_found(session, policy_id))}


@resource.endpoint("PATCH", "/<policy_id>", policy="identity:update_policy", body=wrapped("policy", PROPERTIES))
def update(policy_id: str, body: View) -> Any:
    with tools().change() as session:
        policy = _found(session, policy_id)
        apply(policy, body["policy"], KNOWN)
        return {"policy": show(policy)}


@resource.endpoint("DELETE", "/<policy_id>", policy="identity:delete_policy")
def delete(policy_id: str) -> Any:
    with tools().change() as session:
        session.delete(_found(session, policy_id))
    return "", 204


def _found(session: Any, policy_id: str) -> Policy:
    policy = session.get(Policy, policy_id)
    if policy is None:
        raise Missing(kind="policy", id=policy_id)
    return policy


def show(policy: Policy) -> View:
    return {
        **policy.extra,
        "id": policy.id,
        "type": policy.type,
        "blob": policy.blob,
        "links": link("policies", policy.id),
    }
