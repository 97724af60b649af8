"""Group snapshots: create, list, show, delete."""

from typing import Any

from flask import request
from sqlalchemy import Select, select

from pileus_kit.web import allowed, caller, tools, version
from pileus_volume.api import listings
from pileus_volume.api.actions import BODY, Actions
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import TEXT, UUID, wrapped
from pileus_volume.core import group_snapshots
from pileus_volume.db.models import GroupSnapshot
from pileus_volume.errors import Invalid

resource = Resource("group_snapshots", __name__, url_prefix="/v3/group_snapshots")
actions = Actions()

SINCE = (3, 14)
CREATE = {
    SINCE: wrapped("group_snapshot", {"group_id": UUID, "name": TEXT, "description": TEXT}, required=("group_id",))
}
STATUSES = ("error", "available", "creating", "deleting", "deleted", "updating", "error_deleting")
RESET = {
    "type": "object",
    "properties": {"status": {"type": "string", "enum": list(STATUSES)}},
    "required": ["status"],
    "additionalProperties": False,
}
SORTABLE: dict[str, listings.Column] = {
    "id": GroupSnapshot.id,
    "status": GroupSnapshot.status,
    "name": GroupSnapshot.name,
    "created_at": GroupSnapshot.created_at,
    "updated_at": GroupSnapshot.updated_at,
    "group_id": GroupSnapshot.group_id,
    "project_id": GroupSnapshot.project_id,
}
PLAIN: dict[str, listings.Column] = {
    "id": GroupSnapshot.id,
    "status": GroupSnapshot.status,
    "name": GroupSnapshot.name,
    "group_id": GroupSnapshot.group_id,
    "group_type_id": GroupSnapshot.group_type_id,
}
PAGING = {"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "all_tenants", "with_count"}
LISTING = listings.Listing("group_snapshots", SORTABLE, GroupSnapshot.id, group_snapshots.find, links="group_snapshot")


def summary(shot: GroupSnapshot) -> dict[str, Any]:
    return {"id": shot.id, "name": shot.name}


def detail(shot: GroupSnapshot) -> dict[str, Any]:
    view = {
        "id": shot.id,
        "group_id": shot.group_id,
        "group_type_id": shot.group_type_id,
        "status": shot.status,
        "created_at": listings.stamp(shot.created_at),
        "name": shot.name,
        "description": shot.description,
    }
    if version() >= (3, 58) and allowed("group:group_snapshot_project_attribute"):
        view["project_id"] = shot.project_id
    return view


@resource.endpoint("POST", "", policy="group:create_group_snapshot", body=CREATE, since=SINCE)
def create(body: dict[str, Any]) -> Any:
    asked = body["group_snapshot"]
    with tools().sessions.begin() as session:
        shot, jobs = group_snapshots.create(
            session, caller(), asked["group_id"], asked.get("name"), asked.get("description")
        )
        view = {"group_snapshot": summary(shot) | {"group_type_id": shot.group_type_id}}
    for job in jobs:
        tools().ring(job.id)
    return view, 202


@resource.endpoint("GET", "", policy="group:get_all_group_snapshots", since=SINCE)
def index() -> Any:
    return LISTING.answer(_filtered(select(GroupSnapshot)), summary)


@resource.endpoint("GET", "/detail", policy="group:get_all_group_snapshots", since=SINCE)
def index_detail() -> Any:
    return LISTING.answer(_filtered(select(GroupSnapshot)), detail, "/detail")


def _filtered(stmt: Select[Any]) -> Select[Any]:
    admin = caller().is_admin
    if not (admin and listings.flag("all_tenants")):
        stmt = stmt.where(GroupSnapshot.project_id == caller().project_id)
    unknown = []
    for key, value in request.args.items():
        if key in PLAIN:
            stmt = stmt.where(PLAIN[key] == value)
        elif key == "name~" and version() >= (3, 34):
            stmt = stmt.where(GroupSnapshot.name.contains(value[:255], autoescape=True))
        elif key in ("project_id", "tenant_id") and admin:
            stmt = stmt.where(GroupSnapshot.project_id == value)
        elif key not in PAGING:
            unknown.append(key[:40])
    if unknown and not admin and version() >= (3, 31):
        raise Invalid(why=f"Invalid filters {','.join(unknown)} are found in query options.")
    return stmt


@resource.endpoint("GET", "/<group_snapshot_id>", policy="group:get_group_snapshot", since=SINCE)
def show(group_snapshot_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"group_snapshot": detail(group_snapshots.find(session, group_snapshot_id, caller()))}


@resource.endpoint("DELETE", "/<group_snapshot_id>", policy="group:delete_group_snapshot", since=SINCE)
def delete(group_snapshot_id: str) -> Any:
    with tools().sessions.begin() as session:
        jobs = group_snapshots.remove(session, caller(), group_snapshots.find(session, group_snapshot_id, caller()))
    for job in jobs:
        tools().ring(job.id)
    return "", 202


@resource.endpoint("POST", "/<group_snapshot_id>/action", policy="group:get_group_snapshot", body=BODY, since=SINCE)
def act(group_snapshot_id: str, body: dict[str, Any]) -> Any:
    return actions.run(group_snapshot_id, body)


@actions.action("reset_status", "group:reset_group_snapshot_status", RESET, since=(3, 19))
def reset(group_snapshot_id: str, asked: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        group_snapshots.reset(group_snapshots.find(session, group_snapshot_id, caller()), asked["status"])
    return "", 202
