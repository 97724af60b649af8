"""Volume types, their extra specs, who may use private ones."""

from typing import Any

from flask import request
from sqlalchemy import select

from pileus_kit.web import allowed, caller, tools, version
from pileus_volume.api import listings
from pileus_volume.api.actions import BODY, Actions
from pileus_volume.api.project_paths import Resource, base_url
from pileus_volume.api.schemas import BOOLEAN, NAME, TEXT, wrapped
from pileus_volume.core import types
from pileus_volume.db.models import VolumeType
from pileus_volume.errors import Invalid, SpecNotFound

resource = Resource("types", __name__, url_prefix="/v3/types")
actions = Actions()

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
OPEN_SPECS = ("multiattach", "RESKEY:availability_zones", "replication_enabled")  # anybody may know these
SORTABLE: dict[str, listings.Column] = {
    "id": VolumeType.id,
    "name": VolumeType.name,
    "created_at": VolumeType.created_at,
    "is_public": VolumeType.is_public,
}


def view(kind: VolumeType) -> dict[str, Any]:
    shown = made(kind)
    if allowed("volume_extension:access_types_qos_specs_id"):
        shown["qos_specs_id"] = kind.qos_id
    return shown


def made(kind: VolumeType) -> dict[str, Any]:
    """What `create` tells."""
    shown: dict[str, Any] = {
        "id": kind.id,
        "name": kind.name,
        "description": kind.description,
        "is_public": kind.is_public,
    }
    if allowed("volume_extension:volume_type_access"):
        shown["os-volume-type-access:is_public"] = kind.is_public
    if allowed("volume_extension:access_types_extra_specs"):
        shown["extra_specs"] = _visible(kind.extra_specs)
    return shown


def changed(kind: VolumeType) -> dict[str, Any]:
    """What `update` tells."""
    return {name: value for name, value in made(kind).items() if name != "os-volume-type-access:is_public"}


def _visible(specs: dict[str, str]) -> dict[str, str]:
    if allowed("volume_extension:types_extra_specs:read_sensitive"):
        return specs
    return {key: value for key, value in specs.items() if key in OPEN_SPECS}


@resource.endpoint("GET", "", policy="volume_extension:type_get_all")
def index() -> Any:
    asked = listings.page()
    stmt = select(VolumeType)
    public = request.args.get("is_public", "").lower()
    if not caller().is_admin:
        stmt = stmt.where(types.visible(caller()))
    elif public not in ("none", ""):
        stmt = stmt.where(VolumeType.is_public.is_(listings.truth(public, "is_public")))
    elif public == "":
        stmt = stmt.where(types.visible(caller()))
    if "name" in request.args:
        stmt = stmt.where(VolumeType.name == request.args["name"])
    if version() >= (3, 52) and "extra_specs" in request.args:
        for key, value in listings.mapping(request.args["extra_specs"], "extra_specs").items():
            stmt = stmt.where(VolumeType.extra_specs[key].as_string() == value)
    with tools().sessions.read() as session:
        marker = types.get(session, asked.marker, caller()) if asked.marker else None
        rows = listings.fetch(session, stmt, asked, SORTABLE, VolumeType.id, marker)
        return {
            "volume_types": [view(kind) for kind in rows],
            **listings.links("volume_type", asked, rows, f"{base_url()}/types"),
        }


@resource.endpoint("POST", "", policy="volume_extension:type_create", body=CREATE)
def create(body: dict[str, Any]) -> Any:
    asked = body["volume_type"]
    public = listings.truth(asked.get("os-volume-type-access:is_public", True), "is_public")
    with tools().sessions.begin() as session:
        return {
            "volume_type": made(
                types.create(
                    session, _name(asked["name"]), asked.get("description"), public, asked.get("extra_specs") or {}
                )
            )
        }


def _name(text: str) -> str:
    if not text.strip():
        raise Invalid(why="Volume type name can not be empty.")
    return text.strip()


@resource.endpoint("GET", "/default", policy="volume_extension:type_get")
def show_default() -> Any:
    with tools().sessions.read() as session:
        return {"volume_type": view(types.default(session, caller()))}


@resource.endpoint("GET", "/<type_id>", policy="volume_extension:type_get")
def show(type_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"volume_type": view(types.get(session, type_id, caller()))}


@resource.endpoint("PUT", "/<type_id>", policy="volume_extension:type_update", body=UPDATE)
def update(type_id: str, body: dict[str, Any]) -> Any:
    asked = body["volume_type"]
    values: dict[str, Any] = {k: asked[k] for k in ("description",) if k in asked}
    if "name" in asked:
        values["name"] = _name(asked["name"])
    if "is_public" in asked:
        values["is_public"] = listings.truth(asked["is_public"], "is_public")
    with tools().sessions.begin() as session:
        return {"volume_type": changed(types.change(session, type_id, values))}


@resource.endpoint("DELETE", "/<type_id>", policy="volume_extension:type_delete")
def delete(type_id: str) -> Any:
    with tools().sessions.begin() as session:
        types.remove(session, type_id)
    return "", 202


@resource.endpoint("GET", "/<type_id>/extra_specs", policy="volume_extension:types_extra_specs:index")
def specs(type_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"extra_specs": _visible(types.get(session, type_id, caller()).extra_specs)}


@resource.endpoint("POST", "/<type_id>/extra_specs", policy="volume_extension:types_extra_specs:create", body=SET_SPECS)
def add_specs(type_id: str, body: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        types.set_specs(session, type_id, body["extra_specs"])
    return {"extra_specs": body["extra_specs"]}


@resource.endpoint("GET", "/<type_id>/extra_specs/<key>", policy="volume_extension:types_extra_specs:show")
def spec(type_id: str, key: str) -> Any:
    with tools().sessions.read() as session:
        known = _visible(types.get(session, type_id, caller()).extra_specs)
    if key not in known:
        raise SpecNotFound(type=type_id, key=key)
    return {key: known[key]}


@resource.endpoint(
    "PUT", "/<type_id>/extra_specs/<key>", policy="volume_extension:types_extra_specs:update", body=SET_SPEC
)
def set_spec(type_id: str, key: str, body: dict[str, Any]) -> Any:
    if key not in body:
        raise Invalid(why="Request body and URI mismatch")
    with tools().sessions.begin() as session:
        types.set_specs(session, type_id, body)
    return body


@resource.endpoint("DELETE", "/<type_id>/extra_specs/<key>", policy="volume_extension:types_extra_specs:delete")
def delete_spec(type_id: str, key: str) -> Any:
    with tools().sessions.begin() as session:
        types.unset_spec(session, type_id, key)
    return "", 202


@resource.endpoint(
    "GET", "/<type_id>/os-volume-type-access", policy="volume_extension:volume_type_access:get_all_for_type"
)
def access(type_id: str) -> Any:
    with tools().sessions.read() as session:
        return {
            "volume_type_access": [
                {"volume_type_id": type_id, "project_id": project} for project in types.projects(session, type_id)
            ]
        }


@resource.endpoint("POST", "/<type_id>/action", policy="volume_extension:type_get", body=BODY)
def act(type_id: str, body: dict[str, Any]) -> Any:
    return actions.run(type_id, body)


@actions.action("addProjectAccess", "volume_extension:volume_type_access:addProjectAccess", PROJECT)
def grant(type_id: str, asked: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        types.grant(session, type_id, asked["project"])
    return "", 202


@actions.action("removeProjectAccess", "volume_extension:volume_type_access:removeProjectAccess", PROJECT)
def revoke(type_id: str, asked: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        types.revoke(session, type_id, asked["project"])
    return "", 202
