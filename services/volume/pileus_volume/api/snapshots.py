"""Snapshots: create, list, show, change, delete."""

from typing import Any

from flask import request
from sqlalchemy import Select, select

from pileus_kit.web import allowed, caller, tools, version
from pileus_volume.api import listings
from pileus_volume.api.actions import BODY, Actions
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import BOOLEAN, METADATA_OR_NULL, TEXT, UUID_OR_NULL, wrapped
from pileus_volume.core import snapshots, volumes
from pileus_volume.core.visibility import sees_all
from pileus_volume.db.models import Snapshot
from pileus_volume.errors import Invalid, InvalidSnapshot, NotOffered

resource = Resource("snapshots", __name__, url_prefix="/v3/snapshots")
actions = Actions()

CREATE = {
    (3, 0): wrapped(
        "snapshot",
        {
            "name": TEXT,
            "description": TEXT,
            "display_name": TEXT,
            "display_description": TEXT,
            "volume_id": UUID_OR_NULL,
            "force": {"anyOf": [{"type": "null"}, BOOLEAN]},
            "metadata": METADATA_OR_NULL,
        },
        required=("volume_id",),
    )
}
UPDATE = {
    (3, 0): wrapped(
        "snapshot",
        {"name": TEXT, "description": TEXT, "display_name": TEXT, "display_description": TEXT},
        minProperties=1,
    )
}
STATUSES = ("available", "error", "creating", "deleting", "error_deleting")
RESET = {
    "type": "object",
    "properties": {"status": {"type": "string", "enum": list(STATUSES)}},
    "required": ["status"],
    "additionalProperties": False,
}
UPDATE_STATUS = {
    "type": "object",
    "required": ["status"],
    "additionalProperties": False,
    "properties": {
        "status": {"type": "string", "enum": list(STATUSES)},
        "progress": {"type": "string", "pattern": r"^(100|\d{1,2})%\Z"},
    },
}
SORTABLE: dict[str, listings.Column] = {
    "id": Snapshot.id,
    "status": Snapshot.status,
    "name": Snapshot.name,
    "display_name": Snapshot.name,
    "created_at": Snapshot.created_at,
    "updated_at": Snapshot.updated_at,
    "volume_id": Snapshot.volume_id,
    "volume_size": Snapshot.volume_size,
    "size": Snapshot.volume_size,
    "project_id": Snapshot.project_id,
    "description": Snapshot.description,
}
PAGING = {"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "all_tenants", "with_count"}
LISTING = listings.Listing("snapshots", SORTABLE, Snapshot.id, snapshots.find)
FORCE_IMPLIED = (3, 66)


def summary(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "id": snapshot.id,
        "name": snapshot.name,
        "description": snapshot.description,
        "volume_id": snapshot.volume_id,
        "status": snapshot.status,
        "size": snapshot.volume_size,
        "created_at": listings.stamp(snapshot.created_at),
        "updated_at": listings.stamp(snapshot.updated_at),
        "metadata": snapshot.meta,
    }


def made(snapshot: Snapshot) -> dict[str, Any]:
    """What `create` and `update` tell."""
    view = summary(snapshot)
    if version() >= (3, 14):
        view["group_snapshot_id"] = snapshot.group_snapshot_id
    if version() >= (3, 41):
        view["user_id"] = snapshot.user_id
    if version() >= (3, 65):
        view["consumes_quota"] = True
    return view


def detail(snapshot: Snapshot) -> dict[str, Any]:
    view = made(snapshot)
    if allowed("volume_extension:extended_snapshot_attributes"):
        view |= {
            "os-extended-snapshot-attributes:progress": snapshot.progress,
            "os-extended-snapshot-attributes:project_id": snapshot.project_id,
        }
    return view


@resource.endpoint("POST", "", policy="volume:create_snapshot", body=CREATE)
def create(body: dict[str, Any]) -> Any:
    asked = body["snapshot"]
    force = listings.truth(asked["force"], "force") if asked.get("force") is not None else None
    if version() >= FORCE_IMPLIED:
        if force is False:
            raise Invalid(
                why="Invalid value 'False' for 'force': from microversion 3.66 it is implied and may not be false"
            )
        force = True
    with tools().sessions.begin() as session:
        volume = volumes.find(session, str(asked["volume_id"]), caller())
        snapshot, job = snapshots.create(
            session,
            caller(),
            volume,
            name=asked.get("name", asked.get("display_name")),
            force=bool(force),
            description=asked.get("description", asked.get("display_description")),
            metadata=asked.get("metadata") or {},
        )
        view = {"snapshot": made(snapshot)}
    tools().ring(job.id)
    return view, 202


@resource.endpoint("GET", "", policy="volume:get_all_snapshots")
def index() -> Any:
    return LISTING.answer(_filtered(select(Snapshot)), summary)


@resource.endpoint("GET", "/detail", policy="volume:get_all_snapshots")
def index_detail() -> Any:
    return LISTING.answer(_filtered(select(Snapshot)), detail, "/detail")


def _filtered(stmt: Select[Any]) -> Select[Any]:
    admin = sees_all(caller())
    if not (admin and listings.flag("all_tenants")):
        stmt = stmt.where(Snapshot.project_id == caller().project_id)
    unknown = []
    for key, value in request.args.items():
        if key in PAGING:
            continue
        condition = _condition(key, value, admin)
        if condition is None:
            unknown.append(key[:40])
        else:
            stmt = stmt.where(*condition)
    if unknown and not admin and version() >= (3, 31):
        raise Invalid(why=f"Invalid filters {','.join(unknown)} are found in query options.")
    return stmt


def _condition(key: str, value: str, admin: bool) -> list[Any] | None:
    columns: dict[str, listings.Column] = {
        "id": Snapshot.id,
        "status": Snapshot.status,
        "name": Snapshot.name,
        "display_name": Snapshot.name,
        "volume_id": Snapshot.volume_id,
        "user_id": Snapshot.user_id,
    }
    if key in columns:
        return [columns[key] == value]
    if key == "group_snapshot_id" and version() >= (3, 14):
        return [Snapshot.group_snapshot_id == value]
    if key == "name~" and version() >= (3, 34):
        return [Snapshot.name.contains(value[:255], autoescape=True)]
    if key == "metadata" and version() >= (3, 22):
        return [Snapshot.meta[k].as_string() == v for k, v in listings.mapping(value, key).items()]
    if key in ("created_at", "updated_at") and version() >= (3, 60):
        return listings.times(getattr(Snapshot, key), value, key)
    if key == "consumes_quota" and version() >= (3, 65):
        return [] if listings.truth(value, key) else [Snapshot.id == ""]
    if key in ("project_id", "tenant_id") and admin:
        return [Snapshot.project_id == value]
    return None


@resource.endpoint("GET", "/<snapshot_id>", policy="volume:get_snapshot")
def show(snapshot_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"snapshot": detail(snapshots.find(session, snapshot_id, caller()))}


@resource.endpoint("PUT", "/<snapshot_id>", policy="volume:update_snapshot", body=UPDATE)
def update(snapshot_id: str, body: dict[str, Any]) -> Any:
    asked = body["snapshot"]
    values = {
        field: asked.get(field, asked.get(f"display_{field}"))
        for field in ("name", "description")
        if field in asked or f"display_{field}" in asked
    }
    with tools().sessions.begin() as session:
        return {"snapshot": made(snapshots.change(snapshots.find(session, snapshot_id, caller()), values))}


@resource.endpoint("DELETE", "/<snapshot_id>", policy="volume:delete_snapshot")
def delete(snapshot_id: str) -> Any:
    return _removed(snapshot_id, force=False)


def _removed(snapshot_id: str, force: bool) -> Any:
    with tools().sessions.begin() as session:
        job = snapshots.remove(session, caller(), snapshots.find(session, snapshot_id, caller()), force)
    tools().ring(job.id)
    return "", 202


@resource.endpoint("POST", "/<snapshot_id>/action", policy="volume:get_snapshot", body=BODY)
def act(snapshot_id: str, body: dict[str, Any]) -> Any:
    return actions.run(snapshot_id, body)


@actions.action("os-reset_status", "volume_extension:snapshot_admin_actions:reset_status", RESET)
def reset(snapshot_id: str, asked: dict[str, Any]) -> Any:
    return _changed(snapshot_id, {"status": asked["status"]})


@actions.action("os-force_delete", "volume_extension:snapshot_admin_actions:force_delete")
def force_delete(snapshot_id: str, _: Any) -> Any:
    return _removed(snapshot_id, force=True)


@actions.action("os-unmanage", "snapshot_extension:snapshot_unmanage")
def unmanage(snapshot_id: str, _: Any) -> Any:
    with tools().sessions.read() as session:
        snapshots.find(session, snapshot_id, caller())
    raise NotOffered(what="Leaving a snapshot to its storage")


@actions.action(
    "os-update_snapshot_status", "snapshot_extension:snapshot_actions:update_snapshot_status", UPDATE_STATUS
)
def update_status(snapshot_id: str, asked: dict[str, Any]) -> Any:
    """From compute, about a snapshot that a hypervisor takes."""
    allowed_moves = {"creating": ("creating", "available", "error"), "deleting": ("deleting", "error_deleting")}
    with tools().sessions.read() as session:
        now_is = snapshots.find(session, snapshot_id, caller()).status
    if asked["status"] not in allowed_moves.get(now_is, ()):
        raise InvalidSnapshot(
            why=f"Provided snapshot status {asked['status']} not allowed for snapshot with status {now_is}."
        )
    return _changed(snapshot_id, {k: asked[k] for k in ("status", "progress") if k in asked})


def _changed(snapshot_id: str, values: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        snapshots.change(snapshots.find(session, snapshot_id, caller()), values)
    return "", 202
