"""Column types that only network needs."""

import json
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Text, func
from sqlalchemy.types import TypeDecorator


class Tags(TypeDecorator[list[str]]):
    """A sorted list of strings, one JSON string on each line: SQL can search it without another table and a join."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str:
        return "".join(_line(tag) for tag in sorted(set(value or ()))).replace("\n\n", "\n")

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[str]:
        return [json.loads(line) for line in (value or "").split("\n") if line]


def _line(tag: str) -> str:
    """Return the tag between line breaks. JSON strings contain none, so only a whole tag matches."""
    return "\n" + json.dumps(tag) + "\n"


def tagged(column: Any, tag: str) -> ColumnElement[bool]:
    """The condition of rows with this tag. `replace` searches text exactly and case-sensitively on every database."""
    text = func.coalesce(column, "", type_=Text())
    return func.replace(text, _line(tag), "", type_=Text()) != text
