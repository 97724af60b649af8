"""/v3/policies: texts that this API only stores (deprecated; no service reads them)."""

from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.schemas import wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import policies
from pileus_identity.db.models import Policy
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("policies", __name__, url_prefix="/v3/policies")

PROPERTIES: JsonObject = {
    "type": {"type": "string", "minLength": 1, "maxLength": 255},
    "blob": {"type": "string", "maxLength": 524_288},
}
CREATE = wrapped("policy", PROPERTIES, ["type", "blob"])
UPDATE = wrapped("policy", PROPERTIES)


@resource.endpoint("POST", "", policy="identity:create_policy", body=CREATE)
def create(body: JsonObject) -> Answer:
    with tools().change() as session:
        return {"policy": policy_view(policies.create(session, body["policy"]))}, 201


@resource.endpoint("GET", "", policy="identity:list_policies")
def index() -> Answer:
    with tools().sessions.read() as session:
        return list_view("policies", policies.list_page(session, list_query()), policy_view)


@resource.endpoint("GET", "/<policy_id>", policy="identity:get_policy")
def show(policy_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"policy": policy_view(policies.find(session, policy_id))}


@resource.endpoint("PATCH", "/<policy_id>", policy="identity:update_policy", body=UPDATE)
def update(policy_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        policy = policies.find(session, policy_id)
        policies.update(policy, body["policy"])
        return {"policy": policy_view(policy)}


@resource.endpoint("DELETE", "/<policy_id>", policy="identity:delete_policy")
def delete(policy_id: str) -> Answer:
    with tools().change() as session:
        policies.delete(session, policies.find(session, policy_id))
    return "", 204


def policy_view(policy: Policy) -> JsonObject:
    """A policy as the API shows it."""
    return {
        **policy.extra,
        "id": policy.id,
        "type": policy.type,
        "blob": policy.blob,
        "links": self_link("policies", policy.id),
    }
