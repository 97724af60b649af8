"""/v3/s3tokens and /v3/ec2tokens: a service asks whose access key signed a request.

For services only: otherwise anybody who saw a signed URL could turn it into a token.
"""

from flask import Response, request

from pileus_identity.api.tokens import shown
from pileus_identity.api.views import View
from pileus_identity.core import signatures
from pileus_identity.core.delegation import ACCESS_KEY
from pileus_identity.core.signatures import Proven
from pileus_kit.web import Resource, tools

resource = Resource("signatures", __name__, url_prefix="/v3")

TEXT = {"type": "string", "maxLength": 4096}
S3 = {
    "type": "object",
    "required": ["access", "token", "signature"],
    "properties": {"access": TEXT, "token": {"type": "string", "maxLength": 65_536}, "signature": TEXT},
}
EC2 = {
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


@resource.endpoint(
    "POST",
    "/s3tokens",
    policy="identity:s3tokens_validate",
    body={"type": "object", "required": ["credentials"], "properties": {"credentials": S3}},
)
def s3(body: View) -> Response:
    return _answer(signatures.s3(tools(), body["credentials"]))


@resource.endpoint(
    "POST",
    "/ec2tokens",
    policy="identity:ec2tokens_validate",
    body={
        "type": "object",
        "properties": {"credentials": EC2, "ec2Credentials": EC2},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    },
)
def ec2(body: View) -> Response:
    return _answer(signatures.ec2(tools(), next(iter(body.values()))))


def _answer(proven: Proven) -> Response:
    """A token for the key's owner; with `signing_key` asked for, also the key of the day, which signs chunks."""
    response = shown(tools().tokens, tools().tokens.issue(proven.place, (ACCESS_KEY,)), 200)
    if proven.signing_key is not None and "signing_key" in request.args:
        response.headers["X-Pileus-Signing-Key"] = proven.signing_key
    return response
