"""JSON as clouds send it: the command shows what it gets, of any OpenStack, so no schema is known."""

from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""A thing as a service shows it, or the body of a request."""
