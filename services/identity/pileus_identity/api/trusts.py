"""/v3/OS-TRUST/trusts."""

from typing import Any

from pileus_identity.api import targets
from pileus_identity.api.roles import brief
from pileus_identity.api.views import FLAG, FLAG_OR_NULL, ID, ID_OR_NULL, NAME, View, asked, link, page, wrapped
from pileus_identity.core import delegation, lists, trusts
from pileus_identity.core.payloads import iso
from pileus_identity.db.models import Role, Trust
from pileus_identity.errors import Missing
from pileus_kit.web import Resource, allowed, caller, enforce, tools

resource = Resource("trusts", __name__, url_prefix="/v3/OS-TRUST/trusts")

ROLE = {"type": "object", "properties": {"id": ID, "name": NAME}, "minProperties": 1}
NUMBER = {"type": ["integer", "null"], "minimum": 1, "maximum": 0x7FFFFFFF}
CREATE = wrapped(
    "trust",
    {
        "trustor_user_id": ID,
        "trustee_user_id": ID,
        "impersonation": FLAG,
        "project_id": ID_OR_NULL,
        "remaining_uses": NUMBER,
        "expires_at": {"type": ["string", "null"], "maxLength": 64},
        "allow_redelegation": FLAG_OR_NULL,
        "redelegation_count": NUMBER | {"minimum": 0},
        "roles": {"type": "array", "items": ROLE, "maxItems": 100},
    },
    ["trustor_user_id", "trustee_user_id", "impersonation"],
)


def _no_delegates() -> None:
    delegation.manages_trusts(caller())


def mine() -> View:
    return {"target.trust.trustor_user_id": caller().user_id}


@resource.endpoint("POST", "", policy="identity:create_trust", target=mine, body=CREATE)
def create(body: View) -> Any:
    _no_delegates()
    enforce("identity:create_trust", {"target.trust.trustor_user_id": body["trust"]["trustor_user_id"]})
    with tools().change() as session:
        trust = trusts.create(session, caller(), body["trust"], tools().config.user_limit)
        return {"trust": show(trust, trusts.roles_of(session, trust))}, 201


@resource.endpoint("GET", "", policy="identity:list_trusts_for_trustor", target=mine)
def list_all() -> Any:
    """Everybody's needs a right to all; one's own as trustor or trustee doesn't."""
    _no_delegates()
    given = asked()
    if not allowed("identity:list_trusts", {}):
        enforce(
            "identity:list_trusts_for_trustor" if "trustor_user_id" in given else "identity:list_trusts_for_trustee",
            {
                "target.trust.trustor_user_id": given.get("trustor_user_id", ""),
                "target.trust.trustee_user_id": given.get("trustee_user_id", ""),
            },
        )
    with tools().sessions.read() as session:
        rows, more = lists.page(session, trusts.find(given), Trust, given, tools().config.list_limit)
        return page("trusts", [show(row) for row in rows], rows[-1].id if more else None)


@resource.endpoint("GET", "/<trust_id>", policy="identity:get_trust", target=targets.trust)
def show_one(trust_id: str) -> Any:
    _no_delegates()
    with tools().sessions.read() as session:
        trust = trusts.get(session, trust_id)
        return {"trust": show(trust, trusts.roles_of(session, trust))}


@resource.endpoint("DELETE", "/<trust_id>", policy="identity:delete_trust", target=targets.trust)
def delete(trust_id: str) -> Any:
    _no_delegates()
    with tools().change() as session:
        trusts.remove(session, trusts.get(session, trust_id))
    return "", 204


@resource.endpoint("GET", "/<trust_id>/roles", policy="identity:list_roles_for_trust", target=targets.trust)
def list_roles(trust_id: str) -> Any:
    _no_delegates()
    with tools().sessions.read() as session:
        return page("roles", [brief(role) for role in trusts.roles_of(session, trusts.get(session, trust_id))])


@resource.endpoint("GET", "/<trust_id>/roles/<role_id>", policy="identity:get_role_for_trust", target=targets.trust)
def show_role(trust_id: str, role_id: str) -> Any:
    _no_delegates()
    with tools().sessions.read() as session:
        for role in trusts.roles_of(session, trusts.get(session, trust_id)):
            if role.id == role_id:
                return {"role": brief(role)}
    raise Missing(kind="role", id=role_id)


def show(trust: Trust, roles: list[Role] | None = None) -> View:
    view: View = {
        "id": trust.id,
        "trustor_user_id": trust.trustor_id,
        "trustee_user_id": trust.trustee_id,
        "project_id": trust.project_id,
        "impersonation": trust.impersonation,
        "remaining_uses": trust.remaining_uses,
        "expires_at": trust.expires_at and iso(int(trust.expires_at.timestamp() * 1_000_000)),
        "deleted_at": None,
        "redelegation_count": trust.redelegation_count,
        "redelegated_trust_id": trust.redelegated_trust_id,
        "links": link("OS-TRUST", "trusts", trust.id),
        "roles_links": {**link("OS-TRUST", "trusts", trust.id, "roles"), "previous": None, "next": None},
    }
    return view if roles is None else view | {"roles": [brief(role) for role in roles]}
