"""Parts of JSON schemas that several resources share."""

from collections.abc import Iterable

from pileus_kit.json_types import JsonObject

Schema = JsonObject

ID: Schema = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9-]+$"}
ID_OR_NULL: Schema = ID | {"type": ["string", "null"]}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
SHORT_NAME: Schema = NAME | {"maxLength": 64}
TEXT: Schema = {"type": ["string", "null"], "maxLength": 65_535}
REGION_OR_NULL: Schema = {"type": ["string", "null"], "maxLength": 255}
INTERFACE: Schema = {"enum": ["public", "internal", "admin"]}
TIME_OR_NULL: Schema = {"type": ["string", "null"], "maxLength": 64}
FLAG: Schema = {"type": "boolean"}
FLAG_OR_NULL: Schema = {"type": ["boolean", "null"]}
TAG: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,/]*$"}
TAGS: Schema = {"type": "array", "items": TAG, "maxItems": 80, "uniqueItems": True}
IMMUTABLE: Schema = {"type": "object", "additionalProperties": False, "properties": {"immutable": FLAG_OR_NULL}}
ONE_ROLE: Schema = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {"id": ID, "name": NAME},
}


def wrapped(key: str, properties: Schema, required: Iterable[str] = (), strict: bool = False) -> Schema:
    """The schema of {key: {properties}}. Unless `strict`, other attributes are accepted and kept, as OpenStack does."""
    inner: Schema = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": not strict,
    }
    return {"type": "object", "required": [key], "properties": {key: inner}}


def wrapped_list(key: str, properties: Schema, required: Iterable[str]) -> Schema:
    """The schema of {key: [{properties}, …]}."""
    item: Schema = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
    items = {"type": "array", "items": item, "maxItems": 1000}
    return {"type": "object", "required": [key], "properties": {key: items}}
