"""/v3/OS-TRUST/trusts."""

from collections.abc import Sequence

from pileus_identity.api import policy_targets
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view, views_with_links
from pileus_identity.api.roles import short_role_view
from pileus_identity.api.schemas import FLAG, FLAG_OR_NULL, ID, ID_OR_NULL, NAME, TIME_OR_NULL, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import delegation, trusts
from pileus_identity.core.times import format_time
from pileus_identity.core.trusts import TrustRequest
from pileus_identity.db.models import Role, Trust
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, allowed, caller, enforce

resource = Resource("trusts", __name__, url_prefix="/v3/OS-TRUST/trusts")

ROLE: JsonObject = {"type": "object", "properties": {"id": ID, "name": NAME}, "minProperties": 1}
NUMBER: JsonObject = {"type": ["integer", "null"], "minimum": 1, "maximum": 0x7FFFFFFF}
CREATE = wrapped(
    "trust",
    {
        "trustor_user_id": ID,
        "trustee_user_id": ID,
        "impersonation": FLAG,
        "project_id": ID_OR_NULL,
        "remaining_uses": NUMBER,
        "expires_at": TIME_OR_NULL,
        "allow_redelegation": FLAG_OR_NULL,
        "redelegation_count": NUMBER | {"minimum": 0},
        "roles": {"type": "array", "items": ROLE, "maxItems": 100},
    },
    ["trustor_user_id", "trustee_user_id", "impersonation"],
)


@resource.endpoint("POST", "", policy="identity:create_trust", target=policy_targets.own_trust, body=CREATE)
def create(body: JsonObject) -> Answer:
    delegation.require_may_manage_trusts(caller())
    enforce("identity:create_trust", {"target.trust.trustor_user_id": body["trust"]["trustor_user_id"]})
    with tools().change() as session:
        trust = trusts.create(session, caller(), TrustRequest.parse(body["trust"]), tools().config.user_limit)
        return {"trust": trust_with_roles_view(trust, trusts.list_roles(session, trust))}, 201


@resource.endpoint("GET", "", policy="identity:list_trusts_for_trustor", target=policy_targets.own_trust)
def index() -> Answer:
    """Callers who may not see all trusts have to ask for those of which they are trustor or trustee."""
    delegation.require_may_manage_trusts(caller())
    query = list_query()
    if not allowed("identity:list_trusts", {}):
        role = "trustor" if "trustor_user_id" in query.filters else "trustee"
        enforce(
            "identity:list_trusts_for_trustor" if role == "trustor" else "identity:list_trusts_for_trustee",
            {
                "target.trust.trustor_user_id": query.filters.get("trustor_user_id", ""),
                "target.trust.trustee_user_id": query.filters.get("trustee_user_id", ""),
            },
        )
    with tools().sessions.read() as session:
        return list_view("trusts", trusts.list_page(session, query), trust_view)


@resource.endpoint("GET", "/<trust_id>", policy="identity:get_trust", target=policy_targets.trust)
def show(trust_id: str) -> Answer:
    delegation.require_may_manage_trusts(caller())
    with tools().sessions.read() as session:
        trust = trusts.find(session, trust_id)
        return {"trust": trust_with_roles_view(trust, trusts.list_roles(session, trust))}


@resource.endpoint("DELETE", "/<trust_id>", policy="identity:delete_trust", target=policy_targets.trust)
def delete(trust_id: str) -> Answer:
    delegation.require_may_manage_trusts(caller())
    with tools().change() as session:
        trusts.delete(session, trusts.find(session, trust_id))
    return "", 204


@resource.endpoint("GET", "/<trust_id>/roles", policy="identity:list_roles_for_trust", target=policy_targets.trust)
def index_roles(trust_id: str) -> Answer:
    delegation.require_may_manage_trusts(caller())
    with tools().sessions.read() as session:
        found = trusts.list_roles(session, trusts.find(session, trust_id))
        return views_with_links("roles", [short_role_view(role) for role in found])


@resource.endpoint(
    "GET", "/<trust_id>/roles/<role_id>", policy="identity:get_role_for_trust", target=policy_targets.trust
)
def show_role(trust_id: str, role_id: str) -> Answer:
    delegation.require_may_manage_trusts(caller())
    with tools().sessions.read() as session:
        return {"role": short_role_view(trusts.find_role(session, trusts.find(session, trust_id), role_id))}


def trust_view(trust: Trust) -> JsonObject:
    """A trust as lists show it."""
    return {
        "id": trust.id,
        "trustor_user_id": trust.trustor_id,
        "trustee_user_id": trust.trustee_id,
        "project_id": trust.project_id,
        "impersonation": trust.impersonation,
        "remaining_uses": trust.remaining_uses,
        "expires_at": format_time(trust.expires_at),
        "deleted_at": None,
        "redelegation_count": trust.redelegation_count,
        "redelegated_trust_id": trust.redelegated_trust_id,
        "links": self_link("OS-TRUST", "trusts", trust.id),
        "roles_links": {**self_link("OS-TRUST", "trusts", trust.id, "roles"), "previous": None, "next": None},
    }


def trust_with_roles_view(trust: Trust, roles: Sequence[Role]) -> JsonObject:
    """A trust as the API shows it alone."""
    return trust_view(trust) | {"roles": [short_role_view(role) for role in roles]}
