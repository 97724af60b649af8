"""Neutron's form of errors: {"NeutronError": {"type", "message", "detail"}}."""

from pileus_kit.errors import BadRequest, CloudError, Forbidden
from pileus_kit.json_types import JsonObject

TYPES = {
    400: "HTTPBadRequest",
    401: "HTTPUnauthorized",
    403: "HTTPForbidden",
    404: "HTTPNotFound",
    405: "HTTPMethodNotAllowed",
    409: "HTTPConflict",
    413: "HTTPRequestEntityTooLarge",
    415: "HTTPUnsupportedMediaType",
    501: "NotImplementedError",
    503: "HTTPServiceUnavailable",
}


def neutron_error(err: CloudError | None, status: int, message: str) -> tuple[JsonObject, str]:
    """Show an error; the kit's own errors get the types that Neutron's clients know."""
    kind = TYPES.get(status, "HTTPInternalServerError")
    if type(err) is Forbidden:
        kind, message = "PolicyNotAuthorized", f"(rule:{err.facts.get('rule')}) is disallowed by policy"
    elif err is not None and type(err) is not BadRequest and type(err).__module__.startswith("pileus_network"):
        kind = err.type
    return {"NeutronError": {"type": kind, "message": message, "detail": ""}}, "application/json"
