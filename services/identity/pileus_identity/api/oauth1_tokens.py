"""/v3/OS-OAUTH1/{request_token,authorize,access_token}: how a consumer obtains an access token, in this order.

The consumer, which has no token of ours, signs the first and the last request. Between them a user authorizes it.
"""

from flask import Response, request

from pileus_identity.api.oauth1_requests import signed_request
from pileus_identity.api.schemas import ONE_ROLE
from pileus_identity.api.tools import tools
from pileus_identity.core import oauth1_access_tokens, oauth1_request_tokens
from pileus_identity.core.held_roles import RoleReference
from pileus_identity.core.times import format_time
from pileus_identity.db.models import AccessToken, RequestToken
from pileus_identity.errors import ValidationFailed
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

resource = Resource("oauth1_tokens", __name__, url_prefix="/v3/OS-OAUTH1")

SIGNED = "the consumer's signature proves who it is"
PROJECT_HEADER = "Requested-Project-Id"
AUTHORIZE: JsonObject = {
    "type": "object",
    "required": ["roles"],
    "additionalProperties": False,
    "properties": {"roles": {"type": "array", "minItems": 1, "maxItems": 100, "items": ONE_ROLE}},
}


@resource.endpoint("POST", "/request_token", public=SIGNED)
def create_request_token() -> Answer:
    signature = tools().oauth1_verifier.verify(signed_request())
    project_id = request.headers.get(PROJECT_HEADER)
    if not project_id:
        raise ValidationFailed(why=f"Expecting to find {PROJECT_HEADER} in the headers.")
    keys, lifetime_s = tools().credential_keys, tools().config.oauth1_request_token_s
    with tools().change() as session:
        return _token_response(
            *oauth1_request_tokens.create(session, keys, signature.consumer_id, project_id, lifetime_s)
        )


@resource.endpoint("PUT", "/authorize/<request_token_id>", policy="identity:authorize_request_token", body=AUTHORIZE)
def authorize(request_token_id: str, body: JsonObject) -> Answer:
    """The user passes the verifier to the consumer, by whatever means they have."""
    references = RoleReference.parse_all(body["roles"])
    with tools().change() as session:
        verifier = oauth1_request_tokens.authorize(session, caller(), request_token_id, references)
        return {"token": {"oauth_verifier": verifier}}


@resource.endpoint("POST", "/access_token", public=SIGNED)
def create_access_token() -> Answer:
    signature = tools().oauth1_verifier.verify(signed_request(), RequestToken)
    keys, config = tools().credential_keys, tools().config
    with tools().change() as session:
        return _token_response(
            *oauth1_access_tokens.create(session, keys, signature, config.oauth1_access_token_s, config.user_limit)
        )


def _token_response(token: RequestToken | AccessToken, secret: str) -> Response:
    """A form, as OAuth defines it. None of its characters is escaped, because some clients don't undo escapes."""
    text = f"oauth_token={token.id}&oauth_token_secret={secret}"
    if token.expires_at is not None:
        text += f"&oauth_expires_at={format_time(token.expires_at)}"
    return Response(text, 201, content_type="application/x-www-form-urlencoded")
