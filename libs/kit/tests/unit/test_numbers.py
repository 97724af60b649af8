"""Digits, and what looks like them."""

import pytest

from pileus_kit.numbers import MAX_INTEGER, parse_whole_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("000", 0),
        (str(MAX_INTEGER), MAX_INTEGER),
        (str(MAX_INTEGER + 1), MAX_INTEGER),
        ("9" * 5000, MAX_INTEGER),
        ("0" * 5000, 0),
    ],
)
def test_numbers(text: str, value: int) -> None:
    assert parse_whole_number(text) == value


@pytest.mark.parametrize("text", ["", None, "-1", "+1", "1.0", "1e3", " 1", "1_0", "x", "٣", "²"])
def test_what_is_none(text: str | None) -> None:
    assert parse_whole_number(text) is None
