"""Work that a caller's text or body causes grows with its size, and not with its square.

The process's own CPU is looked at, with much room: what these cases cost before was minutes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pileus_kit.errors import BadRequest
from pileus_kit.fault_messages import without_internals
from pileus_kit.logs import mask
from pileus_kit.schema import Checked

SECONDS = 5


@contextmanager
def bounded() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < SECONDS


MIXED: list[list[Any]] = [
    [[n] if n % 2 else {"a": n} for n in range(20_000)],
    [n if n % 2 else str(n) for n in range(100_000)],
    [{"a": [n]} for n in range(30_000)],
    [(2**61 - 1) * n for n in range(1, 30_000)],
]


@pytest.mark.parametrize("items", MIXED)
def test_items_that_have_to_differ(items: list[Any]) -> None:
    check = Checked({"type": "array", "uniqueItems": True})
    with bounded():
        check.check(items, (0, 0), "body")
        with pytest.raises(BadRequest, match="non-unique"):
            check.check([*items, items[0]], (0, 0), "body")


@pytest.mark.parametrize(
    ("items", "differ"),
    [
        ([1, "1", True, [1], {"a": 1}, None], True),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], False),
        ([[], []], False),
        ([1, True], True),
        (["a", "b"], True),
        (["a", "a"], False),
        ([10**40, 10**40 + 1], True),
    ],
)
def test_what_differs(items: list[Any], differ: bool) -> None:
    check = Checked({"type": "array", "uniqueItems": True})
    if differ:
        check.check(items, (0, 0), "body")
    else:
        with pytest.raises(BadRequest):
            check.check(items, (0, 0), "body")


@pytest.mark.parametrize(
    "piece", ["0", "a.", "a://", "a://b:", "x:", "password ", "password=", "/", " ", "a.B", "[SQL", "\\"]
)
def test_texts_that_are_logged_and_shown(piece: str) -> None:
    text = piece * (8000 // len(piece)) + "!"
    with bounded():
        for _ in range(5):
            mask(text)
            without_internals(text * 3)


def test_what_is_masked() -> None:
    assert mask("amqp://pileus:swordfish@127.0.0.1/x") == "amqp://pileus:***@127.0.0.1/x"
    assert mask("at postgresql+psycopg2://a:bcdef@h/d, done") == "at postgresql+psycopg2://a:***@h/d, done"
