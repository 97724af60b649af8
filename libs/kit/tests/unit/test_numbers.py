"""Digits, and what looks like them."""

import pytest

from pileus_kit.numbers import MOST, whole


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("007", 7), ("000", 0), (str(MOST), MOST), (str(MOST + 1), MOST), ("9" * 5000, MOST), ("0" * 5000, 0)],
)
def test_numbers(text: str, value: int) -> None:
    assert whole(text) == value


@pytest.mark.parametrize("text", ["", None, "-1", "+1", "1.0", "1e3", " 1", "1_0", "x", "٣", "²"])
def test_what_is_none(text: str | None) -> None:
    assert whole(text) is None
