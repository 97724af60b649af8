"""/v3/auth/tokens: log in, ask what a token is worth, log out."""

from typing import Any

from flask import Response, jsonify, request

from pileus_identity.api.signed_requests import signed_request
from pileus_identity.core import ledger, lists
from pileus_identity.core.tokens import Token
from pileus_identity.errors import Invalid, MoreFactorsNeeded, TokenNotFound
from pileus_kit.web import Resource, add_audit_facts, caller, tools

resource = Resource("tokens", __name__, url_prefix="/v3/auth/tokens")

TEXT = {"type": "string", "maxLength": 255}
SECRET = {"type": "string", "maxLength": 8192}
DOMAIN: dict[str, Any] = {"type": "object", "properties": {"id": TEXT, "name": TEXT}}
USER: dict[str, Any] = {"type": "object", "properties": {"id": TEXT, "name": TEXT, "domain": DOMAIN}}
SCOPE = {
    "type": "object",
    "properties": {
        "project": {"type": "object", "properties": {"id": TEXT, "name": TEXT, "domain": DOMAIN}},
        "domain": DOMAIN,
        "OS-TRUST:trust": {"type": "object", "required": ["id"], "properties": {"id": TEXT}},
        "system": {"type": "object", "properties": {"all": {"type": "boolean"}}},
        "unscoped": {"type": "object"},
    },
}
LOGIN = {
    "type": "object",
    "required": ["auth"],
    "properties": {
        "auth": {
            "type": "object",
            "required": ["identity"],
            "additionalProperties": False,
            "properties": {
                "identity": {
                    "type": "object",
                    "required": ["methods"],
                    "properties": {
                        "methods": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": 8,
                            "items": {"type": "string", "maxLength": 64},
                        },
                        "password": {
                            "type": "object",
                            "required": ["user"],
                            "properties": {
                                "user": USER
                                | {"required": ["password"], "properties": USER["properties"] | {"password": SECRET}}
                            },
                        },
                        "totp": {
                            "type": "object",
                            "required": ["user"],
                            "properties": {
                                "user": USER
                                | {"required": ["passcode"], "properties": USER["properties"] | {"passcode": TEXT}}
                            },
                        },
                        "token": {"type": "object", "required": ["id"], "properties": {"id": SECRET}},
                        "application_credential": {
                            "type": "object",
                            "required": ["secret"],
                            "properties": {"id": TEXT, "name": TEXT, "secret": SECRET, "user": USER},
                        },
                        "oauth1": {"type": "object"},
                    },
                },
                "scope": {"oneOf": [SCOPE, {"const": "unscoped"}]},
            },
        }
    },
}
RECEIPT = "OpenStack-Auth-Receipt"
ACCESS_RULES = "OpenStack-Identity-Access-Rules"  # sent by those who enforce access rules


@resource.endpoint("POST", "", public="it is how one logs in", body=LOGIN)
def issue(body: dict[str, Any]) -> Response:
    """Where a user's rules want more factors, the answer is a receipt to send along with them."""
    add_audit_facts(**_attempt(body["auth"]["identity"]))
    try:
        token = tools().logins.login(
            body["auth"], request.headers.get(RECEIPT), signed_request(), request.remote_addr or ""
        )
        payload = token.payload
        add_audit_facts(
            user_id=payload.user_id, scope=payload.kind, scope_id=payload.scope_id, trust_id=payload.trust_id
        )
        return shown(tools().tokens, token, 201)
    except MoreFactorsNeeded as needed:
        response = jsonify(needed.view)
        response.status_code = 401
        response.headers[RECEIPT] = needed.receipt
        return response


def _attempt(identity: dict[str, Any]) -> dict[str, Any]:
    """Who says that they log in, and how; for the audit."""
    proofs = [identity[method] for method in ("password", "totp") if "user" in identity.get(method, {})]
    user = proofs[0]["user"] if proofs else {}
    credential = identity.get("application_credential", {})
    return {
        "methods": identity["methods"],
        "login": user.get("id") or user.get("name"),
        "application_credential_id": credential.get("id"),
    }


def subject_target() -> dict[str, Any]:
    return {"target.token.user_id": _subject().payload.user_id}


@resource.endpoint("GET", "", policy="identity:validate_token", target=subject_target)
def validate() -> Response:
    """Also HEAD, which the same route answers, without a body."""
    token = _subject()
    if token.restricted_paths and ACCESS_RULES not in request.headers and token.text != caller().token:
        raise TokenNotFound  # who asks would let it do anything
    return shown(tools().tokens, token, 200)


@resource.endpoint("DELETE", "", policy="identity:revoke_token", target=subject_target)
def revoke() -> Any:
    with tools().change() as session:
        ledger.record(session, kills=True, audit_id=_subject().payload.audit_ids[0])
    return "", 204


def _subject() -> Token:
    text = request.headers.get("X-Subject-Token")
    if text is None:
        raise Invalid(why="The header X-Subject-Token has to name the token in question.")
    late = lists.truth(request.args.get("allow_expired", "0")) and caller().is_service
    return tools().tokens.check(text, late)


def shown(tokens: Any, token: Token, status: int) -> Response:
    response = Response(tokens.json(token, "nocatalog" not in request.args), status, content_type="application/json")
    response.headers["X-Subject-Token"] = token.text
    response.headers["Vary"] = "X-Auth-Token"
    return response
