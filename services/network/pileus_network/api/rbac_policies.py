"""/v2.0/rbac-policies: networks shared with one project, or with all ("*")."""

from typing import Any

from sqlalchemy import true
from sqlalchemy.orm import Session

from pileus_network.api import values
from pileus_network.api.attributes import ANY, READ_ONLY, REQUIRED, Attr, Shape, scope
from pileus_network.api.listing import Listing
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import change, read
from pileus_network.core import shares
from pileus_network.core.scopes import EXTERNAL, SHARED
from pileus_network.db.models import Share

resource = Resource("rbac_policies", __name__, get="get_rbac_policy", url_prefix="/v2.0/rbac-policies")

SHAPE = Shape(
    "rbac_policy",
    "rbac_policies",
    {
        "id": READ_ONLY,
        "object_type": Attr(values.one_of("network"), REQUIRED, put=False),
        "object_id": Attr(values.uuid, REQUIRED, put=False),
        "action": Attr(values.one_of(SHARED, EXTERNAL), REQUIRED, put=False),
        "target_tenant": Attr(values.text(255, 1), REQUIRED),
    },
)

LISTING = Listing(
    SHAPE,
    Share,
    columns={
        "id": Share.id,
        "object_id": Share.network_id,
        "action": Share.action,
        "target_tenant": Share.target_project,
        "project_id": Share.project_id,
        "tenant_id": Share.project_id,
    },
    clauses={"object_type": lambda found: true() if "network" in found else ~true()},
)


def view(row: Share) -> dict[str, Any]:
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
    return LISTING.answer(shares.visible(scope()), view)


@resource.endpoint("POST", "", policy="create_rbac_policy", body=ANY)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    wishes = SHAPE.posted(body)
    for wish in wishes:
        SHAPE.permit("create", _target(wish["project_id"], wish["target_tenant"]), wish)
    views = change(lambda session: [view(shares.create(session, wish, scope())) for wish in wishes])
    return SHAPE.reply(body, views), 201


@resource.endpoint("GET", "/<share_id>", policy="get_rbac_policy")
def show(share_id: str) -> dict[str, Any]:
    return SHAPE.show(read(lambda session: view(shares.get(session, share_id, scope()))))


@resource.endpoint("PUT", "/<share_id>", policy="update_rbac_policy", body=ANY)
def update(body: dict[str, Any], share_id: str) -> dict[str, Any]:
    wish = SHAPE.put(body)

    def work(session: Session) -> dict[str, Any]:
        row = shares.get(session, share_id, scope())
        SHAPE.permit("update", _target(row.project_id, wish.get("target_tenant", row.target_project)), wish)
        shares.retarget(session, row, wish.get("target_tenant", row.target_project))
        return view(row)

    return SHAPE.show(change(work))


@resource.endpoint("DELETE", "/<share_id>", policy="delete_rbac_policy")
def delete(share_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row = shares.get(session, share_id, scope())
        SHAPE.permit("delete", _target(row.project_id, row.target_project))
        shares.delete(session, row)

    change(work)
    return "", 204
