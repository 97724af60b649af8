"""/v3/OS-OAUTH1/{request_token,authorize,access_token}: how a consumer comes by a user's rights, in this order.

The first and the last are asked by the consumer, which has no token of ours: it signs. Between them the user says yes.
"""

from typing import Any

from flask import Response, request

from pileus_identity.api.signed_requests import signed_request
from pileus_identity.api.views import ID, NAME, View
from pileus_identity.core import access_tokens, request_tokens
from pileus_identity.core.payloads import iso
from pileus_identity.db.models import AccessToken, RequestToken
from pileus_identity.errors import Invalid
from pileus_kit.web import Resource, caller, tools

resource = Resource("oauth_tokens", __name__, url_prefix="/v3/OS-OAUTH1")

SIGNED = "the consumer proves by a signature who it is"
PROJECT = "Requested-Project-Id"
ROLE = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {"id": ID, "name": NAME},
}
AUTHORIZE = {
    "type": "object",
    "required": ["roles"],
    "additionalProperties": False,
    "properties": {"roles": {"type": "array", "minItems": 1, "maxItems": 100, "items": ROLE}},
}


@resource.endpoint("POST", "/request_token", public=SIGNED)
def create_request_token() -> Response:
    signer = tools().signers.prove(signed_request())
    project_id = request.headers.get(PROJECT)
    if not project_id:
        raise Invalid(why=f"Expecting to find {PROJECT} in the headers.")
    with tools().change() as session:
        return _told(
            *request_tokens.create(
                session, tools().credential_keys, signer.consumer_id, project_id, tools().config.oauth1_request_seconds
            )
        )


@resource.endpoint("PUT", "/authorize/<request_token_id>", policy="identity:authorize_request_token", body=AUTHORIZE)
def authorize(request_token_id: str, body: View) -> Any:
    """The user gives the verifier to the consumer, in whatever way they have."""
    with tools().change() as session:
        verifier = request_tokens.authorize(session, caller(), request_token_id, body["roles"])
        return {"token": {"oauth_verifier": verifier}}


@resource.endpoint("POST", "/access_token", public=SIGNED)
def create_access_token() -> Response:
    signer = tools().signers.prove(signed_request(), RequestToken)
    with tools().change() as session:
        return _told(
            *access_tokens.create(
                session,
                tools().credential_keys,
                signer,
                tools().config.oauth1_access_seconds,
                tools().config.user_limit,
            )
        )


def _told(token: RequestToken | AccessToken, secret: str) -> Response:
    """As OAuth writes it; none of these characters needs an escape, and some clients would not undo it."""
    text = f"oauth_token={token.id}&oauth_token_secret={secret}"
    if token.expires_at is not None:
        text += f"&oauth_expires_at={iso(int(token.expires_at.timestamp() * 1_000_000))}"
    return Response(text, 201, content_type="application/x-www-form-urlencoded")
