"""The response that shows a token."""

from flask import Response, request

from pileus_identity.api.tools import tools
from pileus_identity.core.tokens import Token


def token_response(token: Token, status: int) -> Response:
    """The token's JSON, without the catalog if the query says `nocatalog`, and its text in the header."""
    body = tools().tokens.json(token, "nocatalog" not in request.args)
    response = Response(body, status, content_type="application/json")
    response.headers["X-Subject-Token"] = token.text
    response.headers["Vary"] = "X-Auth-Token"
    return response
