"""Pieces of JSON schemas that several nouns use; after the published schemas of Block Storage v3."""

from typing import Any

Schema = dict[str, Any]

UUID: Schema = {"type": "string", "format": "uuid"}
UUID_OR_NULL: Schema = {"anyOf": [{"type": "null"}, UUID]}
TEXT: Schema = {"type": ["string", "null"], "maxLength": 255}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
BOOLEAN: Schema = {
    "anyOf": [
        {"type": "boolean"},
        {
            "type": "string",
            "enum": [
                "True",
                "TRUE",
                "true",
                "1",
                "ON",
                "On",
                "on",
                "YES",
                "Yes",
                "yes",
                "y",
                "t",
                "False",
                "FALSE",
                "false",
                "0",
                "OFF",
                "Off",
                "off",
                "NO",
                "No",
                "no",
                "n",
                "f",
            ],
        },
    ]
}
METADATA: Schema = {
    "type": "object",
    "patternProperties": {r"^[a-zA-Z0-9\-_:. /]{1,255}\Z": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
    "maxProperties": 128,
}
METADATA_OR_NULL: Schema = {"anyOf": [{"type": "null"}, METADATA]}
SIZE: Schema = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 2147483647},
        {"type": "string", "pattern": r"^0*[1-9][0-9]{0,9}\Z"},
    ]
}
CONNECTOR: Schema = {
    "type": "object",
    "maxProperties": 64,
    "properties": {  # of drivers' making, but for what is kept
        "host": {"type": "string", "minLength": 1, "maxLength": 255},
        "mountpoint": {"type": ["string", "null"], "maxLength": 255},
    },
}


def wrapped(noun: str, properties: Schema, required: tuple[str, ...] = (), strict: bool = True, **more: Any) -> Schema:
    """{"noun": {...}} and nothing else."""
    inner = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": not strict,
        **more,
    }
    return {"type": "object", "properties": {noun: inner}, "required": [noun], "additionalProperties": False}


def since(schema: Schema, version: tuple[int, int] = (3, 0)) -> dict[tuple[int, int], Schema]:
    return {version: schema}
