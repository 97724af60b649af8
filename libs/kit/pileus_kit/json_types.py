"""The shapes of JSON at the edges of a service.

They are for what came from a client, checked against a schema, or goes to one. What passes between the rooms of a
service is a frozen dataclass that was parsed once.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from werkzeug.wrappers import Response

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object as a request's body has it, or as a view makes it."""
Answer: TypeAlias = (
    Response
    | JsonObject
    | list[JsonObject]
    | str
    | tuple[JsonObject | list[JsonObject] | str, int]
    | tuple[JsonObject | list[JsonObject] | str, int, Mapping[str, str]]
)
"""What a handler returns: Flask makes a response of it."""
