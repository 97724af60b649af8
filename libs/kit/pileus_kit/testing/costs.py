"""What lists cost the database: as many statements for a hundred rows as for ten."""

from collections.abc import Callable

from pileus_kit.db import Sessions, count_statements

FEW, MANY = 10, 100


def assert_flat(sessions: Sessions, add: Callable[[int], object], look: Callable[[], int]) -> None:
    """`add(i)` makes the i-th row; `look()` makes the list and gives the number of rows that it shows."""
    for number in range(FEW):
        add(number)
    look()  # what is read once and remembered, such as who asks
    with count_statements(sessions) as few:
        shown = look()
    assert shown >= FEW, f"only {shown} of {FEW} rows are shown"
    for number in range(FEW, MANY):
        add(number)
    look()
    with count_statements(sessions) as many:
        shown = look()
    assert shown >= MANY, f"only {shown} of {MANY} rows are shown"
    assert len(few) == len(many), (
        f"{len(few)} statements for {FEW} rows, {len(many)} for {MANY}:\n" + "\n".join(many[:40]))
