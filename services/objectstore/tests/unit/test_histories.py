"""The checker of histories finds what it should, or the fault tests would prove nothing."""

from math import inf

import pytest
from histories import NOTHING, Operation, explained


def write(value: str, began: float, ended: float = inf) -> Operation:
    return Operation("k", True, value, began, ended, ended < inf)


def read(value: str, began: float, ended: float) -> Operation:
    return Operation("k", False, value, began, ended, True)


@pytest.mark.parametrize(
    ("operations", "good"),
    [
        ([], True),
        ([read(NOTHING, 0, 1)], True),
        ([write("a", 0, 1), read("a", 2, 3)], True),
        ([write("a", 0, 1), read(NOTHING, 2, 3)], False),
        ([write("a", 0, 2), read(NOTHING, 1, 3)], True),
        ([write("a", 0, 1), write("b", 2, 3), read("a", 4, 5)], False),
        ([write("a", 0, 3), write("b", 2, 4), read("a", 5, 6)], True),
        ([write("a", 0, 3), write("b", 2, 4), read("a", 5, 6), read("b", 7, 8)], False),
        ([write("a", 0, 1), write("b", 2), read("a", 4, 5)], True),
        ([write("a", 0, 1), write("b", 2), read("b", 4, 5)], True),
        ([write("a", 0, 1), write("b", 2), read("a", 4, 5), read("b", 6, 7)], True),
        ([write("a", 0, 1), write("b", 2), read("b", 4, 5), read("a", 6, 7)], False),
        ([write("a", 0, 1), write(NOTHING, 2, 3), read("a", 4, 5)], False),
        ([write("a", 0, 1), write(NOTHING, 2), read("a", 4, 5), read(NOTHING, 6, 7)], True),
        ([write("a", 0, 1), read("never written", 2, 3)], False),
        ([write("b", 5), read("b", 0, 1)], False),
    ],
)
def test_histories(operations: list[Operation], good: bool) -> None:
    assert explained(operations) is good
    assert explained(operations[::-1]) is good


@pytest.mark.parametrize(("last", "good"), [("w29", True), ("w3", False)])
def test_many_writes_without_an_answer(last: str, good: bool) -> None:
    """Each may have taken effect at any time, and still the answer comes at once."""
    operations = [write(NOTHING, n) for n in range(40)]
    for n in range(30):
        operations += [write(f"w{n}", n, n + 0.5), read(NOTHING, n + 0.6, n + 0.9)]
    operations += [write("w29", 30, 31), read(last, 32, 33), read(last, 34, 35)]
    assert explained(operations) is good
