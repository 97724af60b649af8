"""JSON schemas of everything that the API shows: /v2/schemas."""

from pileus_image.core import attributes, metadef_schemas
from pileus_image.errors import NoSuchResource
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("schemas", __name__, url_prefix="/v2/schemas")


def _listing(name: str, item: JsonObject) -> JsonObject:
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


@resource.endpoint("GET", "/<name>", policy="pileus:get_schemas")
def show(name: str) -> Answer:
    """Show a schema of images, members or tasks."""
    if name not in SCHEMAS:
        raise NoSuchResource(what=f"Schema {name[:64]}")
    return SCHEMAS[name]


@resource.endpoint("GET", "/metadefs/<name>", policy="pileus:get_schemas")
def show_metadef(name: str) -> Answer:
    """Show a schema of metadata definitions."""
    if name not in metadef_schemas.SCHEMAS:
        raise NoSuchResource(what=f"Schema {name[:64]}")
    return metadef_schemas.SCHEMAS[name]
