"""What this cloud offers: versions, stores, import methods, usage, schemas."""

from typing import Any

from flask import request

from pileus_image.core import attributes, imports, metadef_schemas, quotas
from pileus_image.errors import NoSuch
from pileus_kit.web import Resource, caller, tools

root = Resource("versions", __name__)
resource = Resource("info", __name__, url_prefix="/v2")

NEWEST = 16
UNOFFERED = (14,)  # the cache API: our hosts keep their own caches
WHY_PUBLIC = "clients ask it before they have a token"


def _versions() -> dict[str, Any]:
    link = [{"rel": "self", "href": f"{request.host_url}v2/"}]
    return {
        "versions": [
            {"id": f"v2.{minor}", "status": "CURRENT" if minor == NEWEST else "SUPPORTED", "links": link}
            for minor in range(NEWEST, -1, -1)
            if minor not in UNOFFERED
        ]
    }


@root.endpoint("GET", "/", public=WHY_PUBLIC)
def choices() -> Any:
    return _versions(), 300


@root.endpoint("GET", "/versions", public=WHY_PUBLIC)
def versions() -> Any:
    return _versions()


@root.endpoint("GET", "/v2", public=WHY_PUBLIC)
def version_2() -> Any:
    return _versions(), 300


@resource.endpoint("GET", "/info/import", policy="pileus:get_schemas")
def import_methods() -> Any:
    return {
        "import-methods": {"description": "Import methods available.", "type": "array", "value": list(imports.METHODS)}
    }


@resource.endpoint("GET", "/info/stores", policy="pileus:get_schemas")
def stores() -> Any:
    return {"stores": [_store(name) for name in tools().stores]}


@resource.endpoint("GET", "/info/stores/detail", policy="stores_info_detail")
def stores_in_detail() -> Any:
    return {"stores": [_store(name) | {"type": name, "weight": 0, "properties": {}} for name in tools().stores]}


def _store(name: str) -> dict[str, Any]:
    view: dict[str, Any] = {"id": name, "description": f"The {name} store"}
    return view | {"default": "true"} if name == tools().config.store else view


@resource.endpoint("GET", "/info/usage", policy="get_images")
def usage() -> Any:
    with tools().sessions.read() as session:
        return {"usage": quotas.usage(session, caller().project_id, tools().limits)}


def _listing(name: str, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "properties": {
            name: {"type": "array", "items": item},
            "first": {"type": "string"},
            "next": {"type": "string"},
            "schema": {"type": "string"},
        },
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }


TIMES = {"created_at": {"type": "string"}, "updated_at": {"type": "string"}}
SCHEMA_LINK = {"schema": {"type": "string", "readOnly": True}}
MEMBER = {
    "name": "member",
    "properties": {
        "member_id": {"type": "string", "description": "An identifier for the image member (tenantId)"},
        "image_id": {"type": "string", "pattern": attributes.UUID},
        **TIMES,
        "status": {"type": "string", "enum": ["pending", "accepted", "rejected"]},
        **SCHEMA_LINK,
    },
}
TASK = {
    "name": "task",
    "properties": {
        "id": {"type": "string", "pattern": attributes.UUID},
        "type": {"type": "string", "enum": ["import", "api_image_import"]},
        "status": {"type": "string", "enum": ["pending", "processing", "success", "failure"]},
        "input": {"type": ["null", "object"]},
        "result": {"type": ["null", "object"]},
        "owner": {"type": "string"},
        "message": {"type": "string"},
        "image_id": {"type": "string"},
        "request_id": {"type": "string"},
        "user_id": {"type": "string"},
        "expires_at": {"type": ["null", "string"]},
        **TIMES,
        "self": {"type": "string", "readOnly": True},
        **SCHEMA_LINK,
    },
}
SCHEMAS = {
    "image": attributes.SCHEMA,
    "images": _listing("images", attributes.SCHEMA),
    "member": MEMBER,
    "members": _listing("members", MEMBER),
    "task": TASK,
    "tasks": _listing("tasks", TASK),
}


@resource.endpoint("GET", "/schemas/<name>", policy="pileus:get_schemas")
def schema(name: str) -> Any:
    if name not in SCHEMAS:
        raise NoSuch(what=f"Schema {name[:64]}")
    return SCHEMAS[name]


@resource.endpoint("GET", "/schemas/metadefs/<name>", policy="pileus:get_schemas")
def metadef_schema(name: str) -> Any:
    if name not in metadef_schemas.SCHEMAS:
        raise NoSuch(what=f"Schema {name[:64]}")
    return metadef_schemas.SCHEMAS[name]
