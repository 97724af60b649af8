"""Building blocks of the JSON schemas, by OpenStack's rules for values."""

import base64
from ipaddress import ip_address
from typing import Any

from pileus_kit.schema import formats

Schema = dict[str, Any]

TRUE = (True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "y", "t")
FALSE = (False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no", "n", "f")
BOOLEAN: Schema = {"type": ["boolean", "string"], "enum": list(TRUE + FALSE)}
UUID: Schema = {"type": "string", "format": "uuid"}
UUID_OR_NULL: Schema = {"anyOf": [UUID, {"type": "null"}]}
# without leading or trailing white space, and printable
NAME: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 255,
    "pattern": r"^(?!\s)[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f]$",
}
DESCRIPTION: Schema = {
    "type": ["string", "null"],
    "minLength": 0,
    "maxLength": 255,
    "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$",
}
HOSTNAME: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[a-zA-Z0-9\-\._]*$"}
LABEL: Schema = {
    "type": "string",
    "minLength": 2,
    "maxLength": 63,
    "pattern": r"^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$",
}
TAG: Schema = {"type": "string", "minLength": 1, "maxLength": 60, "pattern": "^[^,/]*$"}
TAGS: Schema = {"type": "array", "items": TAG, "maxItems": 50}
IPV4: Schema = {"type": "string", "format": "ipv4"}
IPV6: Schema = {"type": "string", "format": "ipv6"}
IP: Schema = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
BASE64: Schema = {"type": "string", "format": "base64"}
META_KEY = r"^[a-zA-Z0-9-_:. ]{1,255}$"
METADATA: Schema = {
    "type": "object",
    "patternProperties": {META_KEY: {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}
NULLABLE_METADATA: Schema = {
    "type": "object",
    "additionalProperties": False,
    "patternProperties": {META_KEY: {"type": ["string", "null"], "maxLength": 255}},
}
DISK_CONFIG: Schema = {"type": "string", "enum": ["AUTO", "MANUAL"]}
PASSWORD: Schema = {"type": "string", "maxLength": 255}
EMPTY: Schema = {}


NOT_LESS = {0: "", 1: "(?=.*[1-9])", -1: "(?!-0*([2-9]|1[0-9]))-?", -2147483648: "-?"}
"""The beginning of a pattern for digits in a string that aren't less than the key: `minimum` binds integers only."""


def number(least: int = 0, most: int = 2147483647) -> Schema:
    """Return the schema of an integer, or of its digits in a string, that fits into a column of 32 bits."""
    digits = "0*([0-9]{1,9}|1[0-9]{9}|20[0-9]{8}|2147483647)"
    return {"type": ["integer", "string"], "pattern": f"^{NOT_LESS[least]}{digits}$", "minimum": least, "maximum": most}


def obj(properties: Schema, required: tuple[str, ...] = (), more: bool = False) -> Schema:
    """Return the schema of an object. An unknown attribute is an error, unless `more`."""
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": more}
    return schema | ({"required": list(required)} if required else {})


def body(key: str, inner: Schema) -> Schema:
    """Return the schema of `{key: inner}`."""
    return obj({key: inner}, (key,))


def action(key: str, inner: Schema | None = None) -> Schema:
    """Return the schema of an action's body. Without `inner` any value is accepted: clients send null, {} and ""."""
    return body(key, {} if inner is None else inner)


def texts() -> Schema:
    return {"type": "array", "items": {"type": "string"}}


def query(**known: Schema) -> Schema:
    """Return the schema of a query in which unknown parameters are ignored, as OpenStack's older calls do."""
    return {
        "type": "object",
        "properties": {k.replace("__", "-"): {"type": "array", "items": v} for k, v in known.items()},
        "additionalProperties": True,
    }


def strict_query(**known: Schema) -> Schema:
    return query(**known) | {"additionalProperties": False}


LIMIT: Schema = {"type": "string", "pattern": "^[0-9]{1,10}$"}
TEXT: Schema = {"type": "string", "maxLength": 1024}
PAGE = {"limit": LIMIT, "marker": TEXT}
BOOLEAN_WORD: Schema = {"type": "string", "enum": [word for word in TRUE + FALSE if isinstance(word, str)]}


def is_true(value: object) -> bool:
    """Return what one of BOOLEAN's spellings means."""
    return value in TRUE


def shortest_address(given: str | None) -> str | None:
    """Return an IP address in its shortest spelling; None for an empty one."""
    return str(ip_address(given)) if given else None


@formats.checks("base64", raises=ValueError)
def _is_base64(value: object) -> bool:
    if isinstance(value, str):
        base64.b64decode("".join(value.split()), validate=True)
    return True
