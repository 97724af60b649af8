"""Groups of volumes: create, copy, list, show, change, delete; replication, which there is none of."""

from collections.abc import Sequence
from typing import Any

from flask import request
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from pileus_kit.web import allowed, caller, tools, version
from pileus_volume.api import listings
from pileus_volume.api.actions import BODY, Actions
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import BOOLEAN, NAME, TEXT, UUID, wrapped
from pileus_volume.core import group_snapshots, groups
from pileus_volume.core.groups import Change, Wish
from pileus_volume.db.models import Group, GroupType
from pileus_volume.errors import Invalid, NotOffered

resource = Resource("groups", __name__, url_prefix="/v3/groups")
actions = Actions()

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
STATUSES = ("error", "available", "creating", "deleting", "deleted", "updating", "error_deleting")
RESET = {
    "type": "object",
    "properties": {"status": {"type": "string", "enum": list(STATUSES)}},
    "required": ["status"],
    "additionalProperties": False,
}
ANYTHING = {"type": "object", "maxProperties": 64}
FAILOVER = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"allow_attached_volume": BOOLEAN, "secondary_backend_id": TEXT},
}
SORTABLE: dict[str, listings.Column] = {
    "id": Group.id,
    "status": Group.status,
    "name": Group.name,
    "created_at": Group.created_at,
    "updated_at": Group.updated_at,
    "group_type": Group.type_id,
    "availability_zone": Group.availability_zone,
    "project_id": Group.project_id,
}
PLAIN: dict[str, listings.Column] = {
    "id": Group.id,
    "status": Group.status,
    "name": Group.name,
    "group_type": Group.type_id,
    "group_type_id": Group.type_id,
    "availability_zone": Group.availability_zone,
    "group_snapshot_id": Group.group_snapshot_id,
    "source_group_id": Group.source_group_id,
}
PAGING = {"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "all_tenants", "with_count", "list_volume"}
LISTING = listings.Listing("groups", SORTABLE, Group.id, groups.find, links="group")


def summaries(session: Session, rows: Sequence[Group]) -> list[dict[str, Any]]:
    return [{"id": group.id, "name": group.name} for group in rows]


def details(session: Session, rows: Sequence[Group]) -> list[dict[str, Any]]:
    listed = version() >= (3, 25) and listings.flag("list_volume")
    members = groups.member_ids(session, [group.id for group in rows]) if listed else {}
    owners = version() >= (3, 58) and allowed("group:group_project_attribute")
    return [
        _detail(group)
        | ({"volumes": members[group.id]} if listed else {})
        | ({"project_id": group.project_id} if owners else {})
        for group in rows
    ]


def _detail(group: Group) -> dict[str, Any]:
    view: dict[str, Any] = {
        "id": group.id,
        "status": group.status,
        "availability_zone": group.availability_zone,
        "created_at": listings.stamp(group.created_at),
        "name": group.name,
        "description": group.description,
        "group_type": group.type_id,
        "volume_types": [kind.id for kind in group.volume_types],
    }
    if version() >= COPIED_SINCE:
        view |= {"group_snapshot_id": group.group_snapshot_id, "source_group_id": group.source_group_id}
    if version() >= (3, 38):
        view["replication_status"] = "disabled"
    return view


@resource.endpoint("POST", "", policy="group:create", body=CREATE, since=SINCE)
def create(body: dict[str, Any]) -> Any:
    asked = body["group"]
    wish = Wish(
        type=asked["group_type"],
        volume_types=asked["volume_types"],
        name=_text(asked, "name"),
        description=_text(asked, "description"),
        zone=asked.get("availability_zone") or None,
    )
    with tools().sessions.begin() as session:
        return {"group": summaries(session, [groups.create(session, caller(), wish)])[0]}, 202


def _text(asked: dict[str, Any], name: str) -> str | None:
    value = asked.get(name)
    return value.strip() if value else value


@resource.endpoint("POST", "/action", policy="group:create", body=COPY, since=COPIED_SINCE)
def copy(body: dict[str, Any]) -> Any:
    asked = body["create-from-src"]
    with tools().sessions.begin() as session:
        source = (
            groups.find(session, asked["source_group_id"], caller())
            if "source_group_id" in asked
            else group_snapshots.find(session, asked["group_snapshot_id"], caller())
        )
        group, jobs = groups.copy(session, caller(), source, _text(asked, "name"), _text(asked, "description"))
        view = {"group": summaries(session, [group])[0]}
    for job in jobs:
        tools().ring(job.id)
    return view, 202


@resource.endpoint("GET", "", policy="group:get_all", since=SINCE)
def index() -> Any:
    return LISTING.answer_all(_filtered(select(Group)), summaries)


@resource.endpoint("GET", "/detail", policy="group:get_all", since=SINCE)
def index_detail() -> Any:
    return LISTING.answer_all(_filtered(select(Group)), details, "/detail")


def _filtered(stmt: Select[Any]) -> Select[Any]:
    admin = caller().is_admin
    if not (admin and listings.flag("all_tenants")):
        stmt = stmt.where(Group.project_id == caller().project_id)
    unknown = []
    for key, value in request.args.items():
        if key in PLAIN:
            stmt = stmt.where(PLAIN[key] == value)
        elif key == "name~" and version() >= (3, 34):
            stmt = stmt.where(Group.name.contains(value[:255], autoescape=True))
        elif key == "host" and admin:
            stmt = stmt.where(Group.host == value)
        elif key in ("project_id", "tenant_id") and admin:
            stmt = stmt.where(Group.project_id == value)
        elif key not in PAGING:
            unknown.append(key[:40])
    if unknown and not admin and version() >= (3, 31):
        raise Invalid(why=f"Invalid filters {','.join(unknown)} are found in query options.")
    return stmt


@resource.endpoint("GET", "/<group_id>", policy="group:get", since=SINCE)
def show(group_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"group": details(session, [groups.find(session, group_id, caller())])[0]}


@resource.endpoint("PUT", "/<group_id>", policy="group:update", body=UPDATE, since=SINCE)
def update(group_id: str, body: dict[str, Any]) -> Any:
    asked = body["group"]
    values = {name: text for name in ("name", "description") if (text := _text(asked, name)) is not None}
    wish = Change(values, _ids(asked.get("add_volumes")), _ids(asked.get("remove_volumes")))
    with tools().sessions.begin() as session:
        groups.change(session, caller(), groups.usable(session, group_id, caller()), wish)
    return "", 202


def _ids(text: str | None) -> list[str]:
    """volume-1,volume-2; each once."""
    return list(dict.fromkeys(part.strip() for part in (text or "").strip(",").split(",") if part.strip()))


@resource.endpoint("POST", "/<group_id>/action", policy="group:get", body=BODY, since=SINCE)
def act(group_id: str, body: dict[str, Any]) -> Any:
    return actions.run(group_id, body)


@actions.action("delete", "group:delete", DELETE, since=SINCE)
def delete(group_id: str, asked: dict[str, Any]) -> Any:
    with_volumes = listings.truth(asked.get("delete-volumes", False), "delete-volumes")
    with tools().sessions.begin() as session:
        jobs = groups.remove(session, caller(), groups.find(session, group_id, caller()), with_volumes)
    for job in jobs:
        tools().ring(job.id)
    return "", 202


@actions.action("reset_status", "group:reset_status", RESET, since=(3, 20))
def reset(group_id: str, asked: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        groups.reset(groups.find(session, group_id, caller()), asked["status"])
    return "", 202


def _replicate(group_id: str, _: dict[str, Any]) -> Any:
    """No storage here replicates. Cinder says so of the group's type, if that doesn't ask for it."""
    with tools().sessions.read() as session:
        group = groups.find(session, group_id, caller())
        groups.replicated(group, session.get_one(GroupType, group.type_id).specs)
    raise NotOffered(what="Replication of groups")


for _name, _schema in (
    ("enable_replication", ANYTHING),
    ("disable_replication", ANYTHING),
    ("failover_replication", FAILOVER),
    ("list_replication_targets", ANYTHING),
):
    actions.action(_name, f"group:{_name}", _schema, since=(3, 38))(_replicate)
