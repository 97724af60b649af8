"""JSON schemas of bodies and queries, compiled once; each holds from one microversion to the next."""

import json
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

from pileus_kit.errors import BadRequest
from pileus_kit.microversions import Version

Schemas = dict[Version, dict[str, Any]]
"""The first microversion of each schema, and the schema."""

formats = FormatChecker()


def _unique(validator: Any, wanted: bool, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """Check uniqueItems in linear time. jsonschema compares each item with each other, which takes hours for a MiB."""
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
    """Validates a body or a query against the schema of the request's microversion."""

    def __init__(self, schemas: Schemas | dict[str, Any]) -> None:
        table: Schemas = schemas if all(isinstance(k, tuple) for k in schemas) else {(0, 0): schemas}  # type: ignore
        self.table = {v: Validator(s, format_checker=formats) for v, s in sorted(table.items())}

    def check(self, payload: Any, version: Version, what: str) -> None:
        """Raise BadRequest if the payload doesn't match; `what` ("body", "query") is for the sentence.

        Microversions before the first schema accept anything.
        """
        chosen = max((v for v in self.table if v <= version), default=None)
        if chosen is None:
            return
        error = next(iter(self.table[chosen].iter_errors(payload)), None)
        if error is not None:
            raise BadRequest(why=explain(error, what))


def explain(error: Any, what: str) -> str:
    """Return a sentence that names the field or attribute and the reason, without repeating a huge value."""
    place = "/".join(str(p) for p in error.absolute_path)
    message = error.message if len(error.message) <= 400 else error.message[:200] + " … " + error.message[-150:]
    if error.validator == "additionalProperties" and not place:
        return f"Invalid input for {what}. {message}"
    return f"Invalid input for field/attribute {place or what}. {message}"
