"""Errors as answers: the shape that a service's API gives them, and the headers that go with them."""

from typing import Any, Protocol

import msgspec
from flask import Response, current_app

from pileus_kit.errors import CloudError

NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    406: "notAcceptable",
    408: "requestTimeout",
    409: "conflictingRequest",
    410: "itemGone",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
    507: "insufficientStorage",
}


class ErrorView(Protocol):
    """Makes the body of an error, in the shape of one API."""

    def __call__(self, err: CloudError | None, status: int, message: str) -> tuple[Any, str]:
        """Return the body and its content type; `err` is None for a bug, or a URL that has no route."""
        ...


def named_error(err: CloudError | None, status: int, message: str) -> tuple[Any, str]:
    """Return an error as compute and block storage have it: {"itemNotFound": {"code": 404, "message": …}}."""
    return {NAMES.get(status, "computeFault"): {"code": status, "message": message}}, "application/json"


def error_response(error_view: ErrorView, err: CloudError | None, status: int, message: str) -> Response:
    """Return the answer for an error."""
    body, content_type = error_view(err, status, message)
    data = body if isinstance(body, str | bytes) else msgspec.json.encode(body)
    response = Response(data, status=status, content_type=content_type)
    if err is not None and err.retry_after is not None:
        response.headers["Retry-After"] = str(err.retry_after)
    if status == 401:
        response.headers["WWW-Authenticate"] = f'Keystone uri="{current_app.extensions.get("pileus_identity_url", "")}"'
    return response
