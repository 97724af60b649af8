"""JSON schemas, compiled once, one for each microversion from which it holds."""

import json
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

from pileus_kit.errors import BadRequest
from pileus_kit.microversions import Version

Schemas = dict[Version, dict[str, Any]]

formats = FormatChecker()


def _unique(validator: Any, wanted: bool, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """jsonschema's own compares each item with each other: a body of a MiB would keep it for hours."""
    if not wanted or not validator.is_type(instance, "array"):
        return
    seen = set()
    for item in instance:
        written = json.dumps(item, sort_keys=True)
        if written in seen:
            yield ValidationError(f"{instance!r} has non-unique elements")
            return
        seen.add(written)


Validator: Any = validators.extend(Draft202012Validator, {"uniqueItems": _unique})


class Checked:
    """Validates a body or a query against the newest schema not younger than the request's version."""

    def __init__(self, schemas: Schemas | dict[str, Any]) -> None:
        table: Schemas = schemas if all(isinstance(k, tuple) for k in schemas) else {(0, 0): schemas}  # type: ignore
        self.table = {v: Validator(s, format_checker=formats) for v, s in sorted(table.items())}

    def check(self, payload: Any, version: Version, what: str) -> None:
        chosen = max((v for v in self.table if v <= version), default=None)
        if chosen is None:
            return
        error = next(iter(self.table[chosen].iter_errors(payload)), None)
        if error is not None:
            raise BadRequest(why=explain(error, what))


def explain(error: Any, what: str) -> str:
    """Say which field or attribute is wrong and why, without repeating a huge or secret value."""
    place = "/".join(str(p) for p in error.absolute_path)
    message = error.message if len(error.message) <= 400 else error.message[:200] + " … " + error.message[-150:]
    if error.validator == "additionalProperties" and not place:
        return f"Invalid input for {what}. {message}"
    return f"Invalid input for field/attribute {place or what}. {message}"
