"""Pieces of JSON schemas that several nouns use; after the published schemas of Block Storage v3."""

from pileus_kit.json_types import JsonObject
from pileus_volume.core.connections import Connector

Schema = JsonObject

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
    "properties": {  # drivers of other clouds add their own; only these are used
        "host": {"type": "string", "minLength": 1, "maxLength": 255},
        "mountpoint": {"type": ["string", "null"], "maxLength": 255},
    },
}


def wrapped(
    noun: str, properties: Schema, required: tuple[str, ...] = (), strict: bool = True, **further: object
) -> Schema:
    """The schema of {"noun": {…}} with these properties and, unless `strict` is false, no others.

    `further`: more keywords of the inner schema.
    """
    inner = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": not strict,
        **further,
    }
    return {"type": "object", "properties": {noun: inner}, "required": [noun], "additionalProperties": False}


def only(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """The schema of an object with these properties, all of them optional but `required`, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def reset_status_to(*statuses: str) -> Schema:
    """The schema of an administrator's reset of a status."""
    return only(("status",), status={"type": "string", "enum": list(statuses)})


def stripped(asked: JsonObject, name: str, other_name: str = "") -> str | None:
    """A text of the body without spaces around it. `other_name`: its older name, which is read if `name` is absent."""
    value = asked.get(name, asked.get(other_name)) if other_name else asked.get(name)
    return value.strip() if value else value


def parse_connector(asked: JsonObject) -> Connector:
    """The connector of a checked body."""
    return Connector(asked.get("host"), asked.get("mountpoint"), asked)
