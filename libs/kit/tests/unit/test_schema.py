"""JSON schemas for each microversion, and sentences about what doesn't match."""

from typing import Any

import pytest

from pileus_kit.errors import BadRequest
from pileus_kit.microversions import Version
from pileus_kit.schema import Checked

NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": False}
NAME_AND_SIZE = {"type": "object", "properties": {"name": {"type": "string"}, "size": {"type": "integer"}}}
BY_VERSION = Checked({(2, 5): NAME, (2, 10): NAME_AND_SIZE})


def refusal(check: Checked, payload: Any, version: Version = (0, 0), what: str = "body") -> str:
    with pytest.raises(BadRequest) as refused:
        check.check(payload, version, what)
    return str(refused.value)


@pytest.mark.parametrize(
    ("version", "payload"),
    [((2, 1), "anything"), ((2, 5), {"name": "a"}), ((2, 9), {}), ((2, 10), {"size": 1}), ((2, 90), {"more": 1})],
)
def test_a_schema_holds_until_the_next_one(version: Version, payload: Any) -> None:
    BY_VERSION.check(payload, version, "body")


@pytest.mark.parametrize(
    ("version", "payload"), [((2, 5), {"size": 1}), ((2, 9), {"name": 1}), ((2, 10), {"size": ""})]
)
def test_what_does_not_match_is_refused(version: Version, payload: Any) -> None:
    refusal(BY_VERSION, payload, version)


def test_a_refusal_names_the_field_and_the_reason() -> None:
    check = Checked({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}})
    assert refusal(check, {"a": [1, "x"]}) == "Invalid input for field/attribute a/1. 'x' is not of type 'integer'"
    assert refusal(check, []) == "Invalid input for field/attribute body. [] is not of type 'object'"


def test_an_unknown_field_is_named() -> None:
    sentence = refusal(Checked(NAME), {"secret": 1}, what="query")
    assert sentence.startswith("Invalid input for query. Additional properties are not allowed ('secret'")


def test_a_huge_value_is_not_repeated() -> None:
    sentence = refusal(Checked({"type": "integer"}), "x" * 100_000)
    assert len(sentence) < 500
    assert sentence.endswith("is not of type 'integer'")


def test_formats_are_checked() -> None:
    refusal(Checked({"type": "string", "format": "ipv4"}), "300.1.1.1")


def test_unique_items_are_only_asked_for_where_wanted() -> None:
    Checked({"uniqueItems": False}).check([1, 1], (0, 0), "body")
    Checked({"uniqueItems": True}).check("aa", (0, 0), "body")
