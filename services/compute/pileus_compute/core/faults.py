"""The fault that a server in ERROR shows, and that tells its user what went wrong."""

from pileus_kit.db import now
from pileus_kit.json_types import JsonObject

MAX_MESSAGE = 255  # characters


def new_fault(code: int, message: str, details: str | None = None) -> JsonObject:
    """Return a fault as `Server.fault` keeps it. Only administrators are shown the details of a 500."""
    return {
        "code": code,
        "message": message[:MAX_MESSAGE],
        "details": details or message,
        "created": now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
