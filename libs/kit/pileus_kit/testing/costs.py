"""What lists cost the database: as many statements for a hundred rows as for ten."""

from collections.abc import Callable

from pileus_kit.db import Sessions, count_statements

FEW, MANY = 10, 100
LOOKS = 3


def assert_flat(sessions: Sessions, add: Callable[[int], object], look: Callable[[], int]) -> None:
    """`add(i)` makes the i-th row; `look()` makes the list and gives the number of rows that it shows."""
    few, many = _cost(sessions, add, look, 0, FEW), _cost(sessions, add, look, FEW, MANY)
    assert len(few) == len(many), f"{len(few)} statements for {FEW} rows, {len(many)} for {MANY}:\n" + "\n".join(
        many[:40]
    )


def _cost(
    sessions: Sessions, add: Callable[[int], object], look: Callable[[], int], first: int, rows: int
) -> list[str]:
    """The statements of the list itself: the fewest of several looks, for some things are asked once (who asks) and
    some once a second (what was revoked)."""
    for number in range(first, rows):
        add(number)
    looks = []
    for _ in range(LOOKS):
        with count_statements(sessions) as statements:
            shown = look()
        assert shown >= rows, f"only {shown} of {rows} rows are shown"
        looks.append(statements)
    return min(looks, key=len)
