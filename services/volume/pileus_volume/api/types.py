"""Volume types, their extra specs, and which projects may use private ones."""

from flask import request

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import allowed, caller
from pileus_volume.api import actions as action_tables
from pileus_volume.api.actions import BODY
from pileus_volume.api.listing import Listing
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import BOOLEAN, NAME, TEXT, wrapped
from pileus_volume.api.tools import tools
from pileus_volume.core import types
from pileus_volume.core.filters import parse_boolean
from pileus_volume.core.lists import VOLUME_TYPES, types_seen
from pileus_volume.db.models import VolumeType
from pileus_volume.errors import Invalid, SpecNotFound

resource = Resource("types", __name__, url_prefix="/v3/types")
actions = action_tables.new_table()

SPEC_KEY = r"^[a-zA-Z0-9\-_:. ]{1,255}\Z"
SPECS = {
    "type": "object",
    "patternProperties": {SPEC_KEY: {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
    "maxProperties": 128,
}
CREATE = {
    (3, 0): wrapped(
        "volume_type",
        {
            "name": NAME,
            "description": TEXT,
            "os-volume-type-access:is_public": BOOLEAN,
            "extra_specs": {"anyOf": [{"type": "null"}, SPECS]},
        },
        required=("name",),
    )
}
UPDATE = {(3, 0): wrapped("volume_type", {"name": NAME, "description": TEXT, "is_public": BOOLEAN}, minProperties=1)}
SET_SPECS = {
    (3, 0): {
        "type": "object",
        "properties": {"extra_specs": SPECS | {"minProperties": 1}},
        "required": ["extra_specs"],
        "additionalProperties": False,
    }
}
SET_SPEC = {
    (3, 0): {
        "type": "object",
        "patternProperties": {SPEC_KEY: {"type": "string", "maxLength": 255}},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
}
PROJECT = {
    "type": "object",
    "properties": {"project": {"type": "string", "minLength": 1, "maxLength": 255}},
    "required": ["project"],
    "additionalProperties": False,
}
PUBLIC_SPECS = ("multiattach", "RESKEY:availability_zones", "replication_enabled")  # every user sees these
LISTING = Listing(VOLUME_TYPES, "types", key="volume_types", links="volume_type")


def view(volume_type: VolumeType) -> JsonObject:
    """All of the type that the caller may see."""
    shown = created(volume_type)
    if allowed("volume_extension:access_types_qos_specs_id"):
        shown["qos_specs_id"] = volume_type.qos_id
    return shown


def created(volume_type: VolumeType) -> JsonObject:
    """The type as `create` shows it."""
    shown: JsonObject = {
        "id": volume_type.id,
        "name": volume_type.name,
        "description": volume_type.description,
        "is_public": volume_type.is_public,
    }
    if allowed("volume_extension:volume_type_access"):
        shown["os-volume-type-access:is_public"] = volume_type.is_public
    if allowed("volume_extension:access_types_extra_specs"):
        shown["extra_specs"] = _visible_specs(volume_type.extra_specs)
    return shown


def updated(volume_type: VolumeType) -> JsonObject:
    """The type as `update` shows it."""
    return {name: value for name, value in created(volume_type).items() if name != "os-volume-type-access:is_public"}


def _visible_specs(specs: dict[str, str]) -> dict[str, str]:
    if allowed("volume_extension:types_extra_specs:read_sensitive"):
        return specs
    return {key: value for key, value in specs.items() if key in PUBLIC_SPECS}


@resource.endpoint("GET", "", policy="volume_extension:type_get_all")
def index() -> Answer:
    word = request.args.get("is_public", "").lower()
    public = parse_boolean(word, "is_public") if caller().is_admin and word not in ("none", "") else None
    return LISTING.answer(view, types_seen(caller(), public, every=word == "none"))


@resource.endpoint("POST", "", policy="volume_extension:type_create", body=CREATE)
def create(body: JsonObject) -> Answer:
    asked = body["volume_type"]
    public = parse_boolean(asked.get("os-volume-type-access:is_public", True), "is_public")
    name, extra_specs = _parse_name(asked["name"]), asked.get("extra_specs") or {}
    with tools().sessions.begin() as session:
        volume_type = types.create(session, name, asked.get("description"), public, extra_specs)
        return {"volume_type": created(volume_type)}


def _parse_name(text: str) -> str:
    if not text.strip():
        raise Invalid(why="Volume type name can not be empty.")
    return text.strip()


@resource.endpoint("GET", "/default", policy="volume_extension:type_get")
def show_default() -> Answer:
    with tools().sessions.read() as session:
        return {"volume_type": view(types.get_default(session, caller()))}


@resource.endpoint("GET", "/<type_id>", policy="volume_extension:type_get")
def show(type_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"volume_type": view(types.find(session, type_id, caller()))}


@resource.endpoint("PUT", "/<type_id>", policy="volume_extension:type_update", body=UPDATE)
def update(type_id: str, body: JsonObject) -> Answer:
    asked = body["volume_type"]
    values: dict[str, object] = {"description": asked["description"]} if "description" in asked else {}
    if "name" in asked:
        values["name"] = _parse_name(asked["name"])
    if "is_public" in asked:
        values["is_public"] = parse_boolean(asked["is_public"], "is_public")
    with tools().sessions.begin() as session:
        return {"volume_type": updated(types.update(session, type_id, values))}


@resource.endpoint("DELETE", "/<type_id>", policy="volume_extension:type_delete")
def delete(type_id: str) -> Answer:
    with tools().sessions.begin() as session:
        types.delete(session, type_id)
    return "", 202


@resource.endpoint("GET", "/<type_id>/extra_specs", policy="volume_extension:types_extra_specs:index")
def index_extra_specs(type_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"extra_specs": _visible_specs(types.find(session, type_id, caller()).extra_specs)}


@resource.endpoint("POST", "/<type_id>/extra_specs", policy="volume_extension:types_extra_specs:create", body=SET_SPECS)
def create_extra_specs(type_id: str, body: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        types.set_extra_specs(session, type_id, body["extra_specs"])
    return {"extra_specs": body["extra_specs"]}


@resource.endpoint("GET", "/<type_id>/extra_specs/<key>", policy="volume_extension:types_extra_specs:show")
def show_extra_spec(type_id: str, key: str) -> Answer:
    with tools().sessions.read() as session:
        known = _visible_specs(types.find(session, type_id, caller()).extra_specs)
    if key not in known:
        raise SpecNotFound(type=type_id, key=key)
    return {key: known[key]}


@resource.endpoint(
    "PUT", "/<type_id>/extra_specs/<key>", policy="volume_extension:types_extra_specs:update", body=SET_SPEC
)
def update_extra_spec(type_id: str, key: str, body: JsonObject) -> Answer:
    if key not in body:
        raise Invalid(why="Request body and URI mismatch")
    with tools().sessions.begin() as session:
        types.set_extra_specs(session, type_id, body)
    return body


@resource.endpoint("DELETE", "/<type_id>/extra_specs/<key>", policy="volume_extension:types_extra_specs:delete")
def delete_extra_spec(type_id: str, key: str) -> Answer:
    with tools().sessions.begin() as session:
        types.delete_extra_spec(session, type_id, key)
    return "", 202


@resource.endpoint(
    "GET", "/<type_id>/os-volume-type-access", policy="volume_extension:volume_type_access:get_all_for_type"
)
def index_access(type_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {
            "volume_type_access": [
                {"volume_type_id": type_id, "project_id": project} for project in types.list_access(session, type_id)
            ]
        }


@resource.endpoint("POST", "/<type_id>/action", policy="volume_extension:type_get", body=BODY, actions=actions)
def act(type_id: str, body: JsonObject) -> Answer:
    return action_tables.run(actions, type_id, body)


@actions.action("addProjectAccess", policy="volume_extension:volume_type_access:addProjectAccess", schema=PROJECT)
def add_project_access(type_id: str, asked: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        types.add_access(session, type_id, asked["project"])
    return "", 202


@actions.action("removeProjectAccess", policy="volume_extension:volume_type_access:removeProjectAccess", schema=PROJECT)
def remove_project_access(type_id: str, asked: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        types.remove_access(session, type_id, asked["project"])
    return "", 202
