"""Filters of lists: what a query parameter of a list request means, as conditions on columns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from pileus_kit import literals, paging
from pileus_kit.listing import Dialect
from pileus_volume.errors import Invalid

Column = InstrumentedAttribute[Any]
Conditions = list[ColumnElement[bool]]
Version = tuple[int, int]

MAX_FILTER_CHARACTERS = 4096
MAX_KEYS = 64  # of a dictionary; each is a condition of its own, and costs milliseconds
MAX_VALUES = 100
MAX_TEXT = 255
FIRST = (3, 0)
DIALECT = Dialect(
    error=Invalid,
    not_a_number="{name} param must be an integer and not negative, not {value}",
    not_a_flag="Invalid value '{value}' for '{name}': it must be a boolean",
    not_a_time="{name}: {value} is not a time in ISO 8601",
    not_sortable="sort key {value} is not one of {choices}",
    not_a_direction="Unknown sort direction {value}, must be 'desc' or 'asc'",
    mixed_sort="The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with 'sort'",
)
"""How this API refuses query parameters."""


@dataclass(frozen=True)
class Filter:
    """`conditions(text, name)` of a parameter's text. `since`: the first microversion that knows it; `admin`: for
    callers only who see all projects."""

    conditions: Callable[[str, str], Conditions]
    since: Version = FIRST
    admin: bool = False


def equals(column: Column, since: Version = FIRST, admin: bool = False) -> Filter:
    """The column has just this value."""
    return Filter(lambda text, name: [column == text], since, admin)


def one_of(column: Column) -> Filter:
    """The column has one of the values; clients write several as ['a','b']."""

    def conditions(text: str, name: str) -> Conditions:
        return [column.in_([value.strip() for value in _split(text)[:MAX_VALUES]])]

    return Filter(conditions)


def one_of_numbers(column: Column) -> Filter:
    """The same of whole numbers."""

    def conditions(text: str, name: str) -> Conditions:
        values = _split(text)
        if not all(value.isdecimal() and len(value) < 11 for value in values):
            raise Invalid(why=f"{name} must be an integer")
        return [column.in_([int(value) for value in values])]

    return Filter(conditions)


def _split(text: str) -> list[str]:
    return text.strip("[]").replace("'", "").split(",") if text.startswith("[") else [text]


def contains(column: Column) -> Filter:
    """The column contains the text (3.34)."""
    return Filter(lambda text, name: [column.contains(text[:MAX_TEXT], autoescape=True)], (3, 34))


def flag(column: Column) -> Filter:
    """The column is true or false, as the text says."""
    return Filter(lambda text, name: [column.is_(parse_boolean(text, name))])


def consumes_quota(column: Column) -> Filter:
    """Everything here counts towards quotas (3.65): nothing is found if the text says no. `column`: the id."""
    return Filter(lambda text, name: [] if parse_boolean(text, name) else [column == ""], (3, 65))


def has_items(column: Column, since: Version = FIRST) -> Filter:
    """The JSON object in the column has all keys, with these values, of the dictionary in the text."""

    def conditions(text: str, name: str) -> Conditions:
        return [column[key].as_string() == value for key, value in parse_dictionary(text, name).items()]

    return Filter(conditions, since)


def compares_time(column: Column) -> Filter:
    """The time in the column compares as asked, e.g. gte:TIME,lt:TIME (3.60)."""

    def conditions(text: str, name: str) -> Conditions:
        return [paging.compare(column, comparison) for comparison in DIALECT.comparisons(name, text)]

    return Filter(conditions, (3, 60))


def parse_boolean(value: object, name: str) -> bool:
    """What Cinder takes for true and false. Raises Invalid for anything else."""
    return DIALECT.flag(name, str(value).strip())


def parse_dictionary(text: str, name: str) -> dict[str, str]:
    """A dictionary as clients write it into a query: a Python literal, {'key': 'value'}. Raises Invalid."""
    try:
        value = literals.evaluate(text) if len(text) <= MAX_FILTER_CHARACTERS else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # e.g. a list as a key, deep nesting
        value = None
    if not isinstance(value, dict):
        raise Invalid(why=f"Invalid value for {name}: it must be a dictionary")
    if len(value) > MAX_KEYS:
        raise Invalid(why=f"Invalid value for {name}: it has more than {MAX_KEYS} keys")
    return {str(key): str(item) for key, item in value.items()}
