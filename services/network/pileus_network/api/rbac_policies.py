"""/v2.0/rbac-policies: networks shared with one project, or with all ("*")."""

from typing import Any

from sqlalchemy import true
from sqlalchemy.orm import Session

from pileus_network.api import converters
from pileus_network.api.attributes import JSON_OBJECT, READ_ONLY, REQUIRED, Attribute, AttributeMap, viewer
from pileus_network.api.listing import Listing
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import read, write
from pileus_network.core import rbac_policies
from pileus_network.core.visibility import EXTERNAL, SHARED
from pileus_network.db.models import RbacPolicy

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
)

LISTING = Listing(
    ATTRIBUTE_MAP,
    RbacPolicy,
    columns={
        "id": RbacPolicy.id,
        "object_id": RbacPolicy.network_id,
        "action": RbacPolicy.action,
        "target_tenant": RbacPolicy.target_project,
        "project_id": RbacPolicy.project_id,
        "tenant_id": RbacPolicy.project_id,
    },
    clauses={"object_type": lambda found: true() if "network" in found else ~true()},
)


def view(row: RbacPolicy) -> dict[str, Any]:
    return {
        "id": row.id,
        "object_type": "network",
        "object_id": row.network_id,
        "action": row.action,
        "target_tenant": row.target_project,
        "project_id": row.project_id,
        "tenant_id": row.project_id,
    }


def _target(project_id: str, shared_with: str) -> dict[str, Any]:
    return {"project_id": project_id, "tenant_id": project_id, "rbac:target": shared_with}


@resource.endpoint("GET", "", policy="get_rbac_policy")
def index() -> dict[str, Any]:
    return LISTING.respond(rbac_policies.visible_policies(viewer()), view)


@resource.endpoint("POST", "", policy="create_rbac_policy", body=JSON_OBJECT)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    requests = ATTRIBUTE_MAP.parse_post(body)
    for requested in requests:
        ATTRIBUTE_MAP.authorize("create", _target(requested["project_id"], requested["target_tenant"]), requested)
    views = write(lambda session: [view(rbac_policies.create(session, requested, viewer())) for requested in requests])
    return ATTRIBUTE_MAP.post_response(body, views), 201


@resource.endpoint("GET", "/<share_id>", policy="get_rbac_policy")
def show(share_id: str) -> dict[str, Any]:
    return ATTRIBUTE_MAP.response(read(lambda session: view(rbac_policies.find(session, share_id, viewer()))))


@resource.endpoint("PUT", "/<share_id>", policy="update_rbac_policy", body=JSON_OBJECT)
def update(body: dict[str, Any], share_id: str) -> dict[str, Any]:
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: Session) -> dict[str, Any]:
        row = rbac_policies.find(session, share_id, viewer())
        ATTRIBUTE_MAP.authorize(
            "update", _target(row.project_id, requested.get("target_tenant", row.target_project)), requested
        )
        rbac_policies.update(session, row, requested.get("target_tenant", row.target_project))
        return view(row)

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/<share_id>", policy="delete_rbac_policy")
def delete(share_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row = rbac_policies.find(session, share_id, viewer())
        ATTRIBUTE_MAP.authorize("delete", _target(row.project_id, row.target_project))
        rbac_policies.delete(session, row)

    write(work)
    return "", 204
