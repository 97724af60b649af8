"""Snapshots: create, list, show, update, delete."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import allowed, caller, version
from pileus_volume.api import actions as action_tables
from pileus_volume.api.actions import BODY, NO_ARGUMENTS
from pileus_volume.api.listing import Listing, stamp
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import (
    BOOLEAN,
    METADATA_OR_NULL,
    TEXT,
    UUID_OR_NULL,
    only,
    reset_status_to,
    wrapped,
)
from pileus_volume.api.tools import notify_workers, tools
from pileus_volume.core import managed_snapshots, snapshots, volumes
from pileus_volume.core.filters import parse_boolean
from pileus_volume.core.lists import SNAPSHOTS
from pileus_volume.core.snapshots import SnapshotRequest
from pileus_volume.db.models import Snapshot
from pileus_volume.errors import Invalid

resource = Resource("snapshots", __name__, url_prefix="/v3/snapshots")
actions = action_tables.new_table()

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
RESET = reset_status_to(*STATUSES)
UPDATE_STATUS = only(
    ("status",),
    status={"type": "string", "enum": list(STATUSES)},
    progress={"type": "string", "pattern": r"^(100|\d{1,2})%\Z"},
)
LISTING = Listing(SNAPSHOTS, "snapshots", counted=True)
FORCE_IMPLIED = (3, 66)


def summary(snapshot: Snapshot) -> JsonObject:
    """The snapshot as the short list shows it."""
    return {
        "id": snapshot.id,
        "name": snapshot.name,
        "description": snapshot.description,
        "volume_id": snapshot.volume_id,
        "status": snapshot.status,
        "size": snapshot.volume_size,
        "created_at": stamp(snapshot.created_at),
        "updated_at": stamp(snapshot.updated_at),
        "metadata": snapshot.meta,
    }


def changed(snapshot: Snapshot) -> JsonObject:
    """The snapshot as `create` and `update` show it."""
    view = summary(snapshot)
    if version() >= (3, 14):
        view["group_snapshot_id"] = snapshot.group_snapshot_id
    if version() >= (3, 41):
        view["user_id"] = snapshot.user_id
    if version() >= (3, 65):
        view["consumes_quota"] = True
    return view


def detail(snapshot: Snapshot) -> JsonObject:
    """All of the snapshot."""
    view = changed(snapshot)
    if allowed("volume_extension:extended_snapshot_attributes"):
        view |= {
            "os-extended-snapshot-attributes:progress": snapshot.progress,
            "os-extended-snapshot-attributes:project_id": snapshot.project_id,
        }
    return view


@resource.endpoint("POST", "", policy="volume:create_snapshot", body=CREATE)
def create(body: JsonObject) -> Answer:
    asked = body["snapshot"]
    snapshot_request = SnapshotRequest(
        name=asked.get("name", asked.get("display_name")),
        description=asked.get("description", asked.get("display_description")),
        metadata=asked.get("metadata") or {},
        force=_parse_force(asked.get("force")),
    )
    with tools().sessions.begin() as session:
        volume = volumes.find(session, str(asked["volume_id"]), caller())
        snapshot, job = snapshots.create(session, caller(), volume, snapshot_request)
        view = {"snapshot": changed(snapshot)}
    notify_workers(job)
    return view, 202


def _parse_force(asked: object) -> bool:
    force = None if asked is None else parse_boolean(asked, "force")
    if version() < FORCE_IMPLIED:
        return bool(force)
    if force is False:
        raise Invalid(
            why="Invalid value 'False' for 'force': from microversion 3.66 it is implied and may not be false"
        )
    return True


@resource.endpoint("GET", "", policy="volume:get_all_snapshots")
def index() -> Answer:
    return LISTING.answer(summary)


@resource.endpoint("GET", "/detail", policy="volume:get_all_snapshots")
def index_detail() -> Answer:
    return LISTING.answer(detail, below="/detail")


@resource.endpoint("GET", "/<snapshot_id>", policy="volume:get_snapshot")
def show(snapshot_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"snapshot": detail(snapshots.find(session, snapshot_id, caller()))}


@resource.endpoint("PUT", "/<snapshot_id>", policy="volume:update_snapshot", body=UPDATE)
def update(snapshot_id: str, body: JsonObject) -> Answer:
    asked = body["snapshot"]
    values = {
        field: asked.get(field, asked.get(f"display_{field}"))
        for field in ("name", "description")
        if field in asked or f"display_{field}" in asked
    }
    with tools().sessions.begin() as session:
        snapshot = snapshots.update(snapshots.find(session, snapshot_id, caller()), values)
        return {"snapshot": changed(snapshot)}


@resource.endpoint("DELETE", "/<snapshot_id>", policy="volume:delete_snapshot")
def delete(snapshot_id: str) -> Answer:
    return _delete(snapshot_id, force=False)


def _delete(snapshot_id: str, force: bool) -> Answer:
    with tools().sessions.begin() as session:
        job = snapshots.delete(session, caller(), snapshots.find(session, snapshot_id, caller()), force=force)
    notify_workers(job)
    return "", 202


@resource.endpoint("POST", "/<snapshot_id>/action", policy="volume:get_snapshot", body=BODY, actions=actions)
def act(snapshot_id: str, body: JsonObject) -> Answer:
    return action_tables.run(actions, snapshot_id, body)


@actions.action("os-reset_status", policy="volume_extension:snapshot_admin_actions:reset_status", schema=RESET)
def reset_status(snapshot_id: str, asked: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        snapshots.update(snapshots.find(session, snapshot_id, caller()), {"status": asked["status"]})
    return "", 202


@actions.action("os-force_delete", policy="volume_extension:snapshot_admin_actions:force_delete", schema=NO_ARGUMENTS)
def force_delete(snapshot_id: str, _: object) -> Answer:
    return _delete(snapshot_id, force=True)


@actions.action("os-unmanage", policy="snapshot_extension:snapshot_unmanage", schema=NO_ARGUMENTS)
def unmanage(snapshot_id: str, _: object) -> Answer:
    with tools().sessions.begin() as session:
        managed_snapshots.unmanage(session, snapshots.find(session, snapshot_id, caller()))
    return "", 202


@actions.action(
    "os-update_snapshot_status",
    policy="snapshot_extension:snapshot_actions:update_snapshot_status",
    schema=UPDATE_STATUS,
)
def update_status(snapshot_id: str, asked: JsonObject) -> Answer:
    """Compute sends this about a snapshot that a hypervisor takes or removes."""
    with tools().sessions.begin() as session:
        snapshot = snapshots.find(session, snapshot_id, caller())
        snapshots.update_status(snapshot, asked["status"], asked.get("progress"))
    return "", 202
