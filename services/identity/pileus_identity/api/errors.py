"""The shape of a refusal in this API."""

from http import HTTPStatus
from typing import Any

from pileus_kit.errors import CloudError


def error_view(err: CloudError | None, status: int, message: str) -> tuple[Any, str]:
    return {"error": {"code": status, "title": HTTPStatus(status).phrase, "message": message}}, "application/json"
