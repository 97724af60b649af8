"""Group types (3.11) and their group specs."""

from flask import request

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import allowed, caller
from pileus_volume.api.listing import Listing
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import BOOLEAN, NAME, TEXT, wrapped
from pileus_volume.api.tools import tools
from pileus_volume.core import group_types
from pileus_volume.core.filters import parse_boolean
from pileus_volume.core.lists import GROUP_TYPES, group_types_seen
from pileus_volume.db.models import GroupType
from pileus_volume.errors import GroupSpecNotFound, Invalid

resource = Resource("group_types", __name__, url_prefix="/v3/group_types")

SINCE = (3, 11)
SPECS: JsonObject = {
    "type": "object",
    "patternProperties": {r"^[a-zA-Z0-9\-_:.]{1,255}\Z": {"type": ["string", "null"], "maxLength": 255}},
    "additionalProperties": False,
    "maxProperties": 128,
}
FIRST_SPECS: JsonObject = {
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
LISTING = Listing(GROUP_TYPES, "group_types", links="group_type")


def view(group_type: GroupType) -> JsonObject:
    """All of the group type that the caller may see."""
    shown = {
        "id": group_type.id,
        "name": group_type.name,
        "description": group_type.description,
        "is_public": group_type.is_public,
    }
    return shown | {"group_specs": group_type.specs} if allowed("group:access_group_types_specs") else shown


@resource.endpoint("GET", "", policy="group:group_types:get_all", since=SINCE)
def index() -> Answer:
    word = request.args.get("is_public", "true").lower() if caller().is_admin else "true"
    public = None if word == "none" else parse_boolean(word, "is_public")
    return LISTING.answer(view, group_types_seen(caller(), public))


@resource.endpoint("POST", "", policy="group:group_types:create", body=CREATE, since=SINCE)
def create(body: JsonObject) -> Answer:
    asked = body["group_type"]
    name, specs = _parse_name(asked["name"]), asked.get("group_specs") or {}
    is_public = parse_boolean(asked.get("is_public", True), "is_public")
    with tools().sessions.begin() as session:
        group_type = group_types.create(session, name, asked.get("description"), is_public, specs)
        return {"group_type": view(group_type)}, 202


def _parse_name(text: str) -> str:
    if not text.strip():
        raise Invalid(why="Group type name can not be empty.")
    return text.strip()


@resource.endpoint("GET", "/default", policy="group:group_types:get", since=SINCE)
def show_default() -> Answer:
    with tools().sessions.read() as session:
        return {"group_type": view(group_types.get_default(session))}


@resource.endpoint("GET", "/<type_id>", policy="group:group_types:get", since=SINCE)
def show(type_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"group_type": view(group_types.find(session, type_id, caller()))}


@resource.endpoint("PUT", "/<type_id>", policy="group:group_types:update", body=UPDATE, since=SINCE)
def update(type_id: str, body: JsonObject) -> Answer:
    values = {name: value for name, value in body["group_type"].items() if value is not None}
    if not values:
        raise Invalid(why="Specify group type name, description or a combination thereof.")
    if "name" in values:
        values["name"] = _parse_name(values["name"])
    if "is_public" in values:
        values["is_public"] = parse_boolean(values["is_public"], "is_public")
    with tools().sessions.begin() as session:
        return {"group_type": view(group_types.update(session, group_types.find(session, type_id, caller()), values))}


@resource.endpoint("DELETE", "/<type_id>", policy="group:group_types:delete", since=SINCE)
def delete(type_id: str) -> Answer:
    with tools().sessions.begin() as session:
        group_types.delete(session, group_types.find(session, type_id, caller()))
    return "", 202


@resource.endpoint("GET", "/<type_id>/group_specs", policy="group:group_types_specs:get_all", since=SINCE)
def index_specs(type_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"group_specs": group_types.find(session, type_id, caller()).specs}


@resource.endpoint(
    "POST", "/<type_id>/group_specs", policy="group:group_types_specs:create", body=SET_SPECS, since=SINCE
)
def create_specs(type_id: str, body: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        group_types.set_group_specs(group_types.find(session, type_id, caller()), body["group_specs"])
    return body, 202


@resource.endpoint("GET", "/<type_id>/group_specs/<key>", policy="group:group_types_specs:get", since=SINCE)
def show_spec(type_id: str, key: str) -> Answer:
    with tools().sessions.read() as session:
        known = group_types.find(session, type_id, caller()).specs
    if key not in known:
        raise GroupSpecNotFound(type=type_id, key=key)
    return {key: known[key]}


@resource.endpoint(
    "PUT", "/<type_id>/group_specs/<key>", policy="group:group_types_specs:update", body=SET_SPEC, since=SINCE
)
def update_spec(type_id: str, key: str, body: JsonObject) -> Answer:
    if key not in body:
        raise Invalid(why="Request body and URI mismatch")
    with tools().sessions.begin() as session:
        group_types.set_group_specs(group_types.find(session, type_id, caller()), body)
    return body


@resource.endpoint("DELETE", "/<type_id>/group_specs/<key>", policy="group:group_types_specs:delete", since=SINCE)
def delete_spec(type_id: str, key: str) -> Answer:
    with tools().sessions.begin() as session:
        group_types.delete_group_spec(group_types.find(session, type_id, caller()), key)
    return "", 202
