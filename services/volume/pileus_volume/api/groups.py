"""Groups of volumes (3.13): create, copy, list, show, update, delete; replication, which isn't offered."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import allowed, caller, version
from pileus_volume.api import actions as action_tables
from pileus_volume.api.actions import BODY
from pileus_volume.api.listing import Listing, flag, stamp
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import BOOLEAN, NAME, TEXT, UUID, reset_status_to, stripped, wrapped
from pileus_volume.api.tools import notify_workers, tools
from pileus_volume.core import group_snapshots, groups
from pileus_volume.core.filters import parse_boolean
from pileus_volume.core.group_volumes import list_volume_ids
from pileus_volume.core.groups import GroupRequest, GroupUpdate
from pileus_volume.core.lists import GROUPS
from pileus_volume.db.models import Group
from pileus_volume.errors import NotOffered

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("groups", __name__, url_prefix="/v3/groups")
actions = action_tables.new_table()

SINCE = (3, 13)
COPIED_SINCE = (3, 14)
CREATE = {
    SINCE: wrapped(
        "group",
        {
            "name": TEXT,
            "description": TEXT,
            "group_type": NAME,
            "availability_zone": TEXT,
            "volume_types": {
                "type": "array",
                "items": {"type": "string", "maxLength": 255},
                "minItems": 1,
                "maxItems": 100,
                "uniqueItems": True,
            },
        },
        required=("group_type", "volume_types"),
    )
}
UPDATE = {
    SINCE: wrapped(
        "group", {"name": TEXT, "description": TEXT, "add_volumes": TEXT, "remove_volumes": TEXT}, minProperties=1
    )
}
COPY = {
    COPIED_SINCE: wrapped(
        "create-from-src",
        {"name": TEXT, "description": TEXT, "group_snapshot_id": UUID, "source_group_id": UUID},
        oneOf=[{"required": ["group_snapshot_id"]}, {"required": ["source_group_id"]}],
    )
}
DELETE = {"type": "object", "properties": {"delete-volumes": BOOLEAN}, "additionalProperties": False}
RESET = reset_status_to("error", "available", "creating", "deleting", "deleted", "updating", "error_deleting")
ANYTHING = {"type": "object", "maxProperties": 64}
FAILOVER = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"allow_attached_volume": BOOLEAN, "secondary_backend_id": TEXT},
}
LISTING = Listing(GROUPS, "groups", links="group", counted=True)


def summaries(session: "Session", rows: Sequence[Group]) -> list[JsonObject]:
    """The groups as the short list and `create` show them."""
    return [{"id": group.id, "name": group.name} for group in rows]


def details(session: "Session", rows: Sequence[Group]) -> list[JsonObject]:
    """All of the groups; with their volumes if the request asks for them (3.25)."""
    listed = version() >= (3, 25) and flag("list_volume")
    members = list_volume_ids(session, [group.id for group in rows]) if listed else {}
    owners = version() >= (3, 58) and allowed("group:group_project_attribute")
    return [
        _detail(group)
        | ({"volumes": members[group.id]} if listed else {})
        | ({"project_id": group.project_id} if owners else {})
        for group in rows
    ]


def _detail(group: Group) -> JsonObject:
    view: JsonObject = {
        "id": group.id,
        "status": group.status,
        "availability_zone": group.availability_zone,
        "created_at": stamp(group.created_at),
        "name": group.name,
        "description": group.description,
        "group_type": group.type_id,
        "volume_types": [volume_type.id for volume_type in group.volume_types],
    }
    if version() >= COPIED_SINCE:
        view |= {"group_snapshot_id": group.group_snapshot_id, "source_group_id": group.source_group_id}
    if version() >= (3, 38):
        view["replication_status"] = "disabled"
    return view


@resource.endpoint("POST", "", policy="group:create", body=CREATE, since=SINCE)
def create(body: JsonObject) -> Answer:
    asked = body["group"]
    group_request = GroupRequest(
        type=asked["group_type"],
        volume_types=asked["volume_types"],
        name=stripped(asked, "name"),
        description=stripped(asked, "description"),
        availability_zone=asked.get("availability_zone") or None,
    )
    with tools().sessions.begin() as session:
        group = groups.create(session, caller(), group_request)
        return {"group": summaries(session, [group])[0]}, 202


@resource.endpoint("POST", "/action", policy="group:create", body=COPY, since=COPIED_SINCE)
def copy(body: JsonObject) -> Answer:
    asked = body["create-from-src"]
    with tools().sessions.begin() as session:
        source = (
            groups.find(session, asked["source_group_id"], caller())
            if "source_group_id" in asked
            else group_snapshots.find(session, asked["group_snapshot_id"], caller())
        )
        group, jobs = groups.copy(session, caller(), source, stripped(asked, "name"), stripped(asked, "description"))
        view = {"group": summaries(session, [group])[0]}
    notify_workers(*jobs)
    return view, 202


@resource.endpoint("GET", "", policy="group:get_all", since=SINCE)
def index() -> Answer:
    return LISTING.answer_all(summaries)


@resource.endpoint("GET", "/detail", policy="group:get_all", since=SINCE)
def index_detail() -> Answer:
    return LISTING.answer_all(details, below="/detail")


@resource.endpoint("GET", "/<group_id>", policy="group:get", since=SINCE)
def show(group_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"group": details(session, [groups.find(session, group_id, caller())])[0]}


@resource.endpoint("PUT", "/<group_id>", policy="group:update", body=UPDATE, since=SINCE)
def update(group_id: str, body: JsonObject) -> Answer:
    asked = body["group"]
    values = {name: text for name in ("name", "description") if (text := stripped(asked, name)) is not None}
    changes = GroupUpdate(values, _parse_ids(asked.get("add_volumes")), _parse_ids(asked.get("remove_volumes")))
    with tools().sessions.begin() as session:
        groups.update(session, caller(), groups.find_available(session, group_id, caller()), changes)
    return "", 202


def _parse_ids(text: str | None) -> list[str]:
    """The ids in a text such as ID,ID, without repetitions."""
    return list(dict.fromkeys(part.strip() for part in (text or "").strip(",").split(",") if part.strip()))


@resource.endpoint("POST", "/<group_id>/action", policy="group:get", body=BODY, since=SINCE, actions=actions)
def act(group_id: str, body: JsonObject) -> Answer:
    return action_tables.run(actions, group_id, body)


@actions.action("delete", policy="group:delete", schema=DELETE, since=SINCE)
def delete(group_id: str, asked: JsonObject) -> Answer:
    with_volumes = parse_boolean(asked.get("delete-volumes", False), "delete-volumes")
    with tools().sessions.begin() as session:
        jobs = groups.delete(session, caller(), groups.find(session, group_id, caller()), with_volumes)
    notify_workers(*jobs)
    return "", 202


@actions.action("reset_status", policy="group:reset_status", schema=RESET, since=(3, 20))
def reset_status(group_id: str, asked: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        groups.reset_status(groups.find(session, group_id, caller()), asked["status"])
    return "", 202


def _refuse_replication(group_id: str, _: object) -> Answer:
    """No storage here replicates. As in Cinder, the refusal is about the group's type if that doesn't ask for it."""
    with tools().sessions.read() as session:
        groups.check_replicated(session, groups.find(session, group_id, caller()))
    raise NotOffered(what="Replication of groups")


for _name, _schema in (
    ("enable_replication", ANYTHING),
    ("disable_replication", ANYTHING),
    ("failover_replication", FAILOVER),
    ("list_replication_targets", ANYTHING),
):
    actions.action(_name, policy=f"group:{_name}", schema=_schema, since=(3, 38))(_refuse_replication)
