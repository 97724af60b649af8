"""/v3/auth/tokens: log in, validate a token, revoke it."""

from collections.abc import Mapping

from flask import jsonify, request

from pileus_identity.api.auth_schemas import LOGIN
from pileus_identity.api.lists import query_flag
from pileus_identity.api.oauth1_requests import signed_request
from pileus_identity.api.token_responses import token_response
from pileus_identity.api.tools import tools
from pileus_identity.core.auth_requests import AuthRequest
from pileus_identity.core.tokens import Token
from pileus_identity.errors import InsufficientAuthMethods, TokenNotFound, ValidationFailed
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, add_audit_facts, caller

resource = Resource("tokens", __name__, url_prefix="/v3/auth/tokens")

RECEIPT = "OpenStack-Auth-Receipt"
ACCESS_RULES = "OpenStack-Identity-Access-Rules"  # sent by services that enforce access rules


@resource.endpoint("POST", "", public="it is how users log in", body=LOGIN)
def create(body: JsonObject) -> Answer:
    """If the user's rules want more factors, the answer is a receipt to send along with them."""
    auth = AuthRequest.parse(body["auth"])
    _note_attempt(auth)
    try:
        receipt, address = request.headers.get(RECEIPT), request.remote_addr or ""
        token = tools().authentication.login(auth, receipt, signed_request(), address)
    except InsufficientAuthMethods as err:
        response = jsonify(err.view)
        response.status_code = 401
        response.headers[RECEIPT] = err.receipt
        return response
    payload = token.payload
    add_audit_facts(user_id=payload.user_id, scope=payload.kind, scope_id=payload.scope_id, trust_id=payload.trust_id)
    return token_response(token, 201)


def _note_attempt(auth: AuthRequest) -> None:
    """Note for the audit log as whom the client tries to log in, and by which methods."""
    identity = auth.identity
    method = identity.password or identity.totp
    credential = identity.application_credential
    add_audit_facts(
        methods=list(identity.methods),
        login=method and (method.user.id or method.user.name),
        application_credential_id=credential and credential.id,
    )


def _subject_target() -> Mapping[str, object]:
    return {"target.token.user_id": _subject().payload.user_id}


@resource.endpoint("GET", "", policy="identity:validate_token", target=_subject_target)
def show() -> Answer:
    """The same route answers HEAD, without a body."""
    token = _subject()
    if token.has_access_rules and ACCESS_RULES not in request.headers and token.text != caller().token:
        raise TokenNotFound  # the asking service would let the token do anything
    return token_response(token, 200)


@resource.endpoint("DELETE", "", policy="identity:revoke_token", target=_subject_target)
def delete() -> Answer:
    with tools().change() as session:
        tools().tokens.revoke(session, _subject())
    return "", 204


def _subject() -> Token:
    """The token that the request is about. Raises ValidationFailed or TokenNotFound."""
    text = request.headers.get("X-Subject-Token")
    if text is None:
        raise ValidationFailed(why="The header X-Subject-Token has to name the token in question.")
    allow_expired = query_flag("allow_expired") and caller().is_service
    return tools().tokens.validate(text, allow_expired)
