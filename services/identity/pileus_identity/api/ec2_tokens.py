"""/v3/s3tokens and /v3/ec2tokens: a service exchanges a request that was signed with an access key for a token.

Only services may ask: otherwise anyone who has seen a signed URL could turn it into a token.
"""

from flask import Response, request

from pileus_identity.api.token_responses import token_response
from pileus_identity.api.tools import tools
from pileus_identity.core.delegation import EC2_CREDENTIAL
from pileus_identity.core.ec2_signatures import VerifiedAccessKey
from pileus_identity.errors import UnknownAccessKey
from pileus_kit.errors import NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("ec2_tokens", __name__, url_prefix="/v3")

TEXT: JsonObject = {"type": "string", "maxLength": 4096}
S3: JsonObject = {
    "type": "object",
    "required": ["access", "token", "signature"],
    "properties": {
        "access": TEXT,
        "token": {"type": "string", "maxLength": 65_536},
        "signature": TEXT,
        "scope": {"type": "string", "maxLength": 256},  # of Signature Version 4, where the text hasn't it: forms of S3
    },
}
S3_BODY: JsonObject = {"type": "object", "required": ["credentials"], "properties": {"credentials": S3}}
EC2: JsonObject = {
    "type": "object",
    "required": ["access", "signature"],
    "properties": {
        "access": TEXT,
        "signature": TEXT,
        "host": TEXT,
        "verb": TEXT,
        "path": TEXT,
        "body_hash": TEXT,
        "params": {"type": "object", "maxProperties": 200},
        "headers": {"type": "object", "maxProperties": 200},
    },
}
EC2_BODY: JsonObject = {
    "type": "object",
    "properties": {"credentials": EC2, "ec2Credentials": EC2},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}


@resource.endpoint("POST", "/s3tokens", policy="identity:s3tokens_validate", body=S3_BODY)
def create_for_s3(body: JsonObject) -> Answer:
    """Verify a signature of S3. With the query `signing_key` an unknown key is 404, which S3's clients are told."""
    try:
        return _issue(tools().access_key_verifier.verify_s3(body["credentials"]))
    except UnknownAccessKey:
        if "signing_key" in request.args:
            raise NotFound(why="There is no such access key.") from None
        raise


@resource.endpoint("POST", "/ec2tokens", policy="identity:ec2tokens_validate", body=EC2_BODY)
def create_for_ec2(body: JsonObject) -> Answer:
    (credentials,) = body.values()
    return _issue(tools().access_key_verifier.verify_ec2(credentials))


def _issue(verified: VerifiedAccessKey) -> Response:
    """A token for the key's owner. The query `signing_key` asks for the key of the day, too, which signs chunks."""
    response = token_response(tools().tokens.issue(verified.scope, (EC2_CREDENTIAL,)), 200)
    if verified.signing_key is not None and "signing_key" in request.args:
        response.headers["X-Pileus-Signing-Key"] = verified.signing_key
    return response
