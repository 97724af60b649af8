"""/v2.0/rbac-policies: networks shared with one project, or with all ("*")."""

from typing import TYPE_CHECKING

from pileus_kit.json_types import Answer, JsonObject
from pileus_network.api import converters
from pileus_network.api.attributes import JSON_OBJECT, READ_ONLY, REQUIRED, Attribute, AttributeMap, viewer
from pileus_network.api.listing import respond
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import read, write
from pileus_network.core import rbac_policies
from pileus_network.core.rbac_policies import NewRbacPolicy, RbacPolicyUpdate
from pileus_network.core.visibility import EXTERNAL, SHARED
from pileus_network.db.models import RbacPolicy

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("rbac_policies", __name__, get="get_rbac_policy", url_prefix="/v2.0/rbac-policies")

ATTRIBUTE_MAP = AttributeMap(
    "rbac_policy",
    "rbac_policies",
    {
        "id": READ_ONLY,
        "object_type": Attribute(converters.one_of("network"), REQUIRED, allow_put=False),
        "object_id": Attribute(converters.uuid, REQUIRED, allow_put=False),
        "action": Attribute(converters.one_of(SHARED, EXTERNAL), REQUIRED, allow_put=False),
        "target_tenant": Attribute(converters.text(255, 1), REQUIRED),
    },
    NewRbacPolicy,
    RbacPolicyUpdate,
)


def view(row: RbacPolicy) -> JsonObject:
    return {
        "id": row.id,
        "object_type": "network",
        "object_id": row.network_id,
        "action": row.action,
        "target_tenant": row.target_project,
        "project_id": row.project_id,
        "tenant_id": row.project_id,
    }


def _target(project_id: str, shared_with: str) -> dict[str, object]:
    return {"project_id": project_id, "tenant_id": project_id, "rbac:target": shared_with}


@resource.endpoint("GET", "", policy="get_rbac_policy")
def index() -> Answer:
    return respond(rbac_policies.LISTING, ATTRIBUTE_MAP, view)


@resource.endpoint("POST", "", policy="create_rbac_policy", body=JSON_OBJECT)
def create(body: JsonObject) -> Answer:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize_create(_target(requested.project_id, requested.target_tenant), requested)
    views = write(lambda session: [view(rbac_policies.create(session, requested, viewer())) for requested in requests])
    return ATTRIBUTE_MAP.post_response(body, views), 201


@resource.endpoint("GET", "/<policy_id>", policy="get_rbac_policy")
def show(policy_id: str) -> Answer:
    return ATTRIBUTE_MAP.response(read(lambda session: view(rbac_policies.find(session, policy_id, viewer()))))


@resource.endpoint("PUT", "/<policy_id>", policy="update_rbac_policy", body=JSON_OBJECT)
def update(body: JsonObject, policy_id: str) -> Answer:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: "Session") -> JsonObject:
        row = rbac_policies.find(session, policy_id, viewer())
        target_project = requested.get("target_tenant", row.target_project)
        ATTRIBUTE_MAP.authorize_update(_target(row.project_id, target_project), requested)
        rbac_policies.update(session, row, target_project)
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<policy_id>", policy="delete_rbac_policy")
def delete(policy_id: str) -> Answer:
    def work(session: "Session") -> None:
        row = rbac_policies.find(session, policy_id, viewer())
        ATTRIBUTE_MAP.authorize_delete(_target(row.project_id, row.target_project))
        rbac_policies.delete(session, row)

    write(work)
    return "", 204
