"""Group snapshots (3.14): create, list, show, delete."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import allowed, caller, version
from pileus_volume.api import actions as action_tables
from pileus_volume.api.actions import BODY
from pileus_volume.api.listing import Listing, stamp
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import TEXT, UUID, reset_status_to, wrapped
from pileus_volume.api.tools import notify_workers, tools
from pileus_volume.core import group_snapshots
from pileus_volume.core.lists import GROUP_SNAPSHOTS
from pileus_volume.db.models import GroupSnapshot

resource = Resource("group_snapshots", __name__, url_prefix="/v3/group_snapshots")
actions = action_tables.new_table()

SINCE = (3, 14)
CREATE = {
    SINCE: wrapped("group_snapshot", {"group_id": UUID, "name": TEXT, "description": TEXT}, required=("group_id",))
}
RESET = reset_status_to("error", "available", "creating", "deleting", "deleted", "updating", "error_deleting")
LISTING = Listing(GROUP_SNAPSHOTS, "group_snapshots", links="group_snapshot", counted=True)


def summary(group_snapshot: GroupSnapshot) -> JsonObject:
    """The group snapshot as the short list shows it."""
    return {"id": group_snapshot.id, "name": group_snapshot.name}


def detail(group_snapshot: GroupSnapshot) -> JsonObject:
    """All of the group snapshot."""
    view = {
        "id": group_snapshot.id,
        "group_id": group_snapshot.group_id,
        "group_type_id": group_snapshot.group_type_id,
        "status": group_snapshot.status,
        "created_at": stamp(group_snapshot.created_at),
        "name": group_snapshot.name,
        "description": group_snapshot.description,
    }
    if version() >= (3, 58) and allowed("group:group_snapshot_project_attribute"):
        view["project_id"] = group_snapshot.project_id
    return view


@resource.endpoint("POST", "", policy="group:create_group_snapshot", body=CREATE, since=SINCE)
def create(body: JsonObject) -> Answer:
    asked = body["group_snapshot"]
    with tools().sessions.begin() as session:
        group_snapshot, jobs = group_snapshots.create(
            session, caller(), asked["group_id"], asked.get("name"), asked.get("description")
        )
        view = {"group_snapshot": summary(group_snapshot) | {"group_type_id": group_snapshot.group_type_id}}
    notify_workers(*jobs)
    return view, 202


@resource.endpoint("GET", "", policy="group:get_all_group_snapshots", since=SINCE)
def index() -> Answer:
    return LISTING.answer(summary)


@resource.endpoint("GET", "/detail", policy="group:get_all_group_snapshots", since=SINCE)
def index_detail() -> Answer:
    return LISTING.answer(detail, below="/detail")


@resource.endpoint("GET", "/<group_snapshot_id>", policy="group:get_group_snapshot", since=SINCE)
def show(group_snapshot_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"group_snapshot": detail(group_snapshots.find(session, group_snapshot_id, caller()))}


@resource.endpoint("DELETE", "/<group_snapshot_id>", policy="group:delete_group_snapshot", since=SINCE)
def delete(group_snapshot_id: str) -> Answer:
    with tools().sessions.begin() as session:
        jobs = group_snapshots.delete(session, caller(), group_snapshots.find(session, group_snapshot_id, caller()))
    notify_workers(*jobs)
    return "", 202


@resource.endpoint(
    "POST",
    "/<group_snapshot_id>/action",
    policy="group:get_group_snapshot",
    body=BODY,
    since=SINCE,
    actions=actions,
)
def act(group_snapshot_id: str, body: JsonObject) -> Answer:
    return action_tables.run(actions, group_snapshot_id, body)


@actions.action("reset_status", policy="group:reset_group_snapshot_status", schema=RESET, since=(3, 19))
def reset_status(group_snapshot_id: str, asked: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        group_snapshots.reset_status(group_snapshots.find(session, group_snapshot_id, caller()), asked["status"])
    return "", 202
