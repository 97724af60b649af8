"""Metadata that accounts, containers and objects carry, and its limits, which are Swift's and announced by /info.

It is stored under the names of Swift's headers, like `X-Object-Meta-Colour`.
"""

import re
from collections.abc import Mapping

from pileus_kit.errors import BadRequest

TRUE = ("true", "1", "yes", "on", "t", "y")  # what Swift takes for yes in headers and parameters
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")
MAX_NAME_BYTES = 128
MAX_VALUE_BYTES = 256
MAX_COUNT = 90
MAX_TOTAL_BYTES = 4096


def check(prefix: str, headers: Mapping[str, str]) -> None:
    """Check those headers whose names begin with `prefix`. Raises BadRequest."""
    own = {name[len(prefix) :]: value for name, value in headers.items() if name.startswith(prefix)}
    for name, value in own.items():
        if not name:
            raise BadRequest(why="Metadata name cannot be empty")
        if len(name.encode()) > MAX_NAME_BYTES:
            raise BadRequest(why=f"Metadata name too long: {prefix}{name}")
        if CONTROL_CHARACTERS.search(value):
            raise BadRequest(why=f"Metadata value with control characters: {prefix}{name}")
        if len(value.encode()) > MAX_VALUE_BYTES:
            raise BadRequest(why=f"Metadata value longer than {MAX_VALUE_BYTES}: {prefix}{name}")
    check_total(own)


def check_total(metadata: Mapping[str, str]) -> None:
    """Raise BadRequest if there are too many names, or too many bytes in all. Names come without their prefix."""
    if sum(1 for value in metadata.values() if value) > MAX_COUNT:
        raise BadRequest(why=f"Too many metadata items; max {MAX_COUNT}")
    total = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items() if value)
    if total > MAX_TOTAL_BYTES:
        raise BadRequest(why=f"Total metadata too large; max {MAX_TOTAL_BYTES}")
