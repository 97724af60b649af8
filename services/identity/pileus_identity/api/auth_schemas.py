"""The schema of `POST /v3/auth/tokens`."""

from pileus_kit.json_types import JsonObject

TEXT: JsonObject = {"type": "string", "maxLength": 255}
SECRET: JsonObject = {"type": "string", "maxLength": 8192}
DOMAIN: JsonObject = {"type": "object", "properties": {"id": TEXT, "name": TEXT}}
USER: JsonObject = {"type": "object", "properties": {"id": TEXT, "name": TEXT, "domain": DOMAIN}}
SCOPE: JsonObject = {
    "type": "object",
    "properties": {
        "project": {"type": "object", "properties": {"id": TEXT, "name": TEXT, "domain": DOMAIN}},
        "domain": DOMAIN,
        "OS-TRUST:trust": {"type": "object", "required": ["id"], "properties": {"id": TEXT}},
        "system": {"type": "object", "properties": {"all": {"type": "boolean"}}},
        "unscoped": {"type": "object"},
    },
}


def _user_with(proof: str, schema: JsonObject) -> JsonObject:
    user = USER | {"required": [proof], "properties": USER["properties"] | {proof: schema}}
    return {"type": "object", "required": ["user"], "properties": {"user": user}}


IDENTITY: JsonObject = {
    "type": "object",
    "required": ["methods"],
    "properties": {
        "methods": {"type": "array", "minItems": 1, "maxItems": 8, "items": {"type": "string", "maxLength": 64}},
        "password": _user_with("password", SECRET),
        "totp": _user_with("passcode", TEXT),
        "token": {"type": "object", "required": ["id"], "properties": {"id": SECRET}},
        "application_credential": {
            "type": "object",
            "required": ["secret"],
            "properties": {"id": TEXT, "name": TEXT, "secret": SECRET, "user": USER},
        },
        "oauth1": {"type": "object"},
    },
}
LOGIN: JsonObject = {
    "type": "object",
    "required": ["auth"],
    "properties": {
        "auth": {
            "type": "object",
            "required": ["identity"],
            "additionalProperties": False,
            "properties": {"identity": IDENTITY, "scope": {"oneOf": [SCOPE, {"const": "unscoped"}]}},
        }
    },
}
