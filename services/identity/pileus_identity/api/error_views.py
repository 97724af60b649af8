"""The shape of a refusal in this API."""

from http import HTTPStatus

from pileus_kit.errors import CloudError
from pileus_kit.json_types import JsonObject


def error_view(err: CloudError | None, status: int, message: str) -> tuple[JsonObject, str]:
    """The body of a refusal: {"error": {"code": 404, "title": "Not Found", "message": …}}."""
    return {"error": {"code": status, "title": HTTPStatus(status).phrase, "message": message}}, "application/json"
