"""JSON schemas of metadata definitions: what clients may send, and what /v2/schemas/metadefs shows."""

from pileus_kit.json_types import JsonObject as Schema

NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 80}
TEXT: Schema = {"type": "string", "maxLength": 65_535}
COUNT: Schema = {"type": "integer", "minimum": 0}
NAMES: Schema = {"type": "array", "items": {"type": "string", "maxLength": 255}, "uniqueItems": True, "maxItems": 1000}
TYPE: Schema = {"type": "string", "enum": ["array", "boolean", "integer", "number", "object", "string", None]}
WHEN: Schema = {"type": "string", "readOnly": True, "format": "date-time"}
LINK: Schema = {"type": "string", "readOnly": True}
TIMES: Schema = {"created_at": WHEN, "updated_at": WHEN}

ABOUT_PROPERTY: Schema = {
    "title": TEXT,
    "description": TEXT,
    "operators": NAMES,
    "type": TYPE,
    "required": NAMES,
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "maxLength": COUNT,
    "minLength": COUNT,
    "pattern": TEXT,
    "enum": {"type": "array", "maxItems": 1000},
    "readonly": {"type": "boolean"},
    "default": {},
    "items": {"type": "object", "properties": {"type": TYPE, "enum": {"type": "array"}}},
    "maxItems": COUNT,
    "minItems": COUNT,
    "uniqueItems": {"type": "boolean"},
    "additionalItems": {"type": "boolean"},
}
PROPERTIES: Schema = {
    "type": "object",
    "maxProperties": 1000,
    "propertyNames": NAME,
    "additionalProperties": {"type": "object", "required": ["title", "type"], "properties": ABOUT_PROPERTY},
}


def _thing(name: str, properties: Schema, *required: str) -> Schema:
    return {
        "name": name,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": list(required),
    }


PROPERTY = _thing("property", {"name": NAME, **ABOUT_PROPERTY}, "type", "title", "name")
OBJECT = _thing(
    "object",
    {
        "name": NAME,
        "description": TEXT,
        "required": NAMES,
        "properties": PROPERTIES,
        "schema": LINK,
        "self": LINK,
        **TIMES,
    },
    "name",
)
TAG = _thing("tag", {"name": NAME, **TIMES}, "name")
RESOURCE_TYPE = _thing(
    "resource_type_association",
    {
        "name": NAME,
        "prefix": {"type": "string", "maxLength": 80},
        "properties_target": {"type": "string", "maxLength": 80},
        **TIMES,
    },
    "name",
)
NAMESPACE = _thing(
    "namespace",
    {
        "namespace": NAME,
        "display_name": {"type": "string", "maxLength": 80},
        "description": TEXT,
        "visibility": {"type": "string", "enum": ["public", "private"]},
        "protected": {"type": "boolean"},
        "owner": {"type": "string", "maxLength": 255},
        **TIMES,
        "schema": LINK,
        "self": LINK,
        "resource_type_associations": {"type": "array", "items": RESOURCE_TYPE, "maxItems": 1000},
        "properties": PROPERTIES,
        "objects": {"type": "array", "items": OBJECT, "maxItems": 1000},
        "tags": {"type": "array", "items": TAG, "maxItems": 1000},
    },
    "namespace",
)
TAGS: Schema = {
    "type": "object",
    "required": ["tags"],
    "additionalProperties": False,
    "properties": {"tags": {"type": "array", "items": TAG, "maxItems": 1000}},
}


def _listing(name: str, item: Schema) -> Schema:
    items = (
        {"type": "object", "additionalProperties": item} if name == "properties" else {"type": "array", "items": item}
    )
    return {
        "name": name,
        "properties": {
            name: items,
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


SCHEMAS: dict[str, Schema] = {
    "namespace": NAMESPACE,
    "namespaces": _listing("namespaces", NAMESPACE),
    "property": PROPERTY,
    "properties": _listing("properties", PROPERTY),
    "object": OBJECT,
    "objects": _listing("objects", OBJECT),
    "tag": TAG,
    "tags": _listing("tags", TAG),
    "resource_type": RESOURCE_TYPE,
    "resource_types": _listing("resource_type_associations", RESOURCE_TYPE),
}
