"""Group types and their specs."""

from typing import Any

from flask import request
from sqlalchemy import select

from pileus_kit.web import allowed, caller, tools
from pileus_volume.api import listings
from pileus_volume.api.project_paths import Resource, base_url
from pileus_volume.api.schemas import BOOLEAN, NAME, TEXT, wrapped
from pileus_volume.core import group_types
from pileus_volume.db.models import GroupType
from pileus_volume.errors import GroupSpecNotFound, Invalid

resource = Resource("group_types", __name__, url_prefix="/v3/group_types")

SINCE = (3, 11)
SPECS: dict[str, Any] = {
    "type": "object",
    "patternProperties": {r"^[a-zA-Z0-9\-_:.]{1,255}\Z": {"type": ["string", "null"], "maxLength": 255}},
    "additionalProperties": False,
    "maxProperties": 128,
}
FIRST_SPECS: dict[str, Any] = {
    "type": ["object", "null"],
    "patternProperties": {r"^[a-zA-Z0-9\-_:. /]{1,255}\Z": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
    "maxProperties": 128,
}
CREATE = {
    SINCE: wrapped(
        "group_type",
        {"name": NAME, "description": TEXT, "is_public": BOOLEAN, "group_specs": FIRST_SPECS},
        required=("name",),
    )
}
UPDATE = {SINCE: wrapped("group_type", {"name": TEXT, "description": TEXT, "is_public": BOOLEAN})}
SET_SPECS = {
    SINCE: {
        "type": "object",
        "properties": {"group_specs": SPECS},
        "required": ["group_specs"],
        "additionalProperties": False,
    }
}
SET_SPEC = {SINCE: SPECS | {"minProperties": 1, "maxProperties": 1}}
SORTABLE: dict[str, listings.Column] = {
    "id": GroupType.id,
    "name": GroupType.name,
    "is_public": GroupType.is_public,
    "created_at": GroupType.created_at,
    "updated_at": GroupType.updated_at,
}


def view(kind: GroupType) -> dict[str, Any]:
    shown = {"id": kind.id, "name": kind.name, "description": kind.description, "is_public": kind.is_public}
    return shown | {"group_specs": kind.specs} if allowed("group:access_group_types_specs") else shown


@resource.endpoint("GET", "", policy="group:group_types:get_all", since=SINCE)
def index() -> Any:
    asked = listings.page()
    stmt = select(GroupType)
    public = request.args.get("is_public", "true").lower() if caller().is_admin else "true"
    if public != "none":
        stmt = stmt.where(GroupType.is_public.is_(listings.truth(public, "is_public")))
    with tools().sessions.read() as session:
        marker = group_types.get(session, asked.marker, caller()) if asked.marker else None
        rows = listings.fetch(session, stmt, asked, SORTABLE, GroupType.id, marker)
        return {
            "group_types": [view(kind) for kind in rows],
            **listings.links("group_type", asked, rows, f"{base_url()}/group_types"),
        }


@resource.endpoint("POST", "", policy="group:group_types:create", body=CREATE, since=SINCE)
def create(body: dict[str, Any]) -> Any:
    asked = body["group_type"]
    with tools().sessions.begin() as session:
        return {
            "group_type": view(
                group_types.create(
                    session,
                    _name(asked["name"]),
                    asked.get("description"),
                    listings.truth(asked.get("is_public", True), "is_public"),
                    asked.get("group_specs") or {},
                )
            )
        }, 202


def _name(text: str) -> str:
    if not text.strip():
        raise Invalid(why="Group type name can not be empty.")
    return text.strip()


@resource.endpoint("GET", "/default", policy="group:group_types:get", since=SINCE)
def show_default() -> Any:
    with tools().sessions.read() as session:
        return {"group_type": view(group_types.default(session))}


@resource.endpoint("GET", "/<type_id>", policy="group:group_types:get", since=SINCE)
def show(type_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"group_type": view(group_types.get(session, type_id, caller()))}


@resource.endpoint("PUT", "/<type_id>", policy="group:group_types:update", body=UPDATE, since=SINCE)
def update(type_id: str, body: dict[str, Any]) -> Any:
    values = {name: value for name, value in body["group_type"].items() if value is not None}
    if not values:
        raise Invalid(why="Specify group type name, description or a combination thereof.")
    if "name" in values:
        values["name"] = _name(values["name"])
    if "is_public" in values:
        values["is_public"] = listings.truth(values["is_public"], "is_public")
    with tools().sessions.begin() as session:
        return {"group_type": view(group_types.change(session, group_types.get(session, type_id, caller()), values))}


@resource.endpoint("DELETE", "/<type_id>", policy="group:group_types:delete", since=SINCE)
def delete(type_id: str) -> Any:
    with tools().sessions.begin() as session:
        group_types.remove(session, group_types.get(session, type_id, caller()))
    return "", 202


@resource.endpoint("GET", "/<type_id>/group_specs", policy="group:group_types_specs:get_all", since=SINCE)
def specs(type_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"group_specs": group_types.get(session, type_id, caller()).specs}


@resource.endpoint(
    "POST", "/<type_id>/group_specs", policy="group:group_types_specs:create", body=SET_SPECS, since=SINCE
)
def add_specs(type_id: str, body: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        group_types.set_specs(group_types.get(session, type_id, caller()), body["group_specs"])
    return body, 202


@resource.endpoint("GET", "/<type_id>/group_specs/<key>", policy="group:group_types_specs:get", since=SINCE)
def spec(type_id: str, key: str) -> Any:
    with tools().sessions.read() as session:
        known = group_types.get(session, type_id, caller()).specs
    if key not in known:
        raise GroupSpecNotFound(type=type_id, key=key)
    return {key: known[key]}


@resource.endpoint(
    "PUT", "/<type_id>/group_specs/<key>", policy="group:group_types_specs:update", body=SET_SPEC, since=SINCE
)
def set_spec(type_id: str, key: str, body: dict[str, Any]) -> Any:
    if key not in body:
        raise Invalid(why="Request body and URI mismatch")
    with tools().sessions.begin() as session:
        group_types.set_specs(group_types.get(session, type_id, caller()), body)
    return body


@resource.endpoint("DELETE", "/<type_id>/group_specs/<key>", policy="group:group_types_specs:delete", since=SINCE)
def delete_spec(type_id: str, key: str) -> Any:
    with tools().sessions.begin() as session:
        group_types.unset_spec(group_types.get(session, type_id, caller()), key)
    return "", 202
