"""Costs of lists: as many SQL statements for a hundred rows as for ten."""

from collections.abc import Callable

from pileus_kit.db import Sessions, count_statements

FEW, MANY = 10, 100
LOOKS = 3


def assert_flat(sessions: Sessions, add: Callable[[int], object], look: Callable[[], int]) -> None:
    """Fail if a list of MANY rows takes more statements than one of FEW.

    `add(i)` creates the i-th row; `look()` requests the list and returns the number of rows in it.
    """
    few, many = _cost(sessions, add, look, 0, FEW), _cost(sessions, add, look, FEW, MANY)
    assert len(few) == len(many), f"{len(few)} statements for {FEW} rows, {len(many)} for {MANY}:\n" + "\n".join(
        many[:40]
    )


def _cost(
    sessions: Sessions, add: Callable[[int], object], look: Callable[[], int], first: int, rows: int
) -> list[str]:
    """Return the statements of the list itself: the fewest of several requests, because some statements run only once
    (the token's check) or once a second (revocations)."""
    for number in range(first, rows):
        add(number)
    looks = []
    for _ in range(LOOKS):
        with count_statements(sessions) as statements:
            shown = look()
        assert shown >= rows, f"only {shown} of {rows} rows are shown"
        looks.append(statements)
    return min(looks, key=len)
