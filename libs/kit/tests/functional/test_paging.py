"""Keyset paging: every row once, in a total order, however rows come and go."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pileus_kit import paging
from pileus_kit.db import Sessions, Utc
from pileus_kit.listing import Comparison, Operator
from pileus_kit.testing import fresh_sessions

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Model(DeclarativeBase):
    pass


class Thing(Model):
    __tablename__ = "things"
    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str | None] = mapped_column(String(8))
    size: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(Utc)


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    found = fresh_sessions(Model, tmp_path)
    with found.begin() as session:
        for number in range(12):
            name = None if number % 4 == 0 else f"n{number % 3}"
            made_at = NOON + timedelta(milliseconds=400 * number)
            session.add(Thing(id=f"{number:02}", name=name, size=number % 2, made_at=made_at))
    yield found
    found.dispose()


SORTS: list[paging.Sort] = [
    [(Thing.id, "asc")],
    [(Thing.id, "desc")],
    [(Thing.name, "asc"), (Thing.id, "asc")],
    [(Thing.name, "desc"), (Thing.id, "asc")],
    [(Thing.size, "desc"), (Thing.name, "asc"), (Thing.id, "desc")],
    [(Thing.size, "asc"), (Thing.name, "desc"), (Thing.id, "asc")],
]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 5, 12, 100])
def test_pages_have_every_row_once_in_order(sessions: Sessions, sort: paging.Sort, limit: int) -> None:
    with sessions.read() as session:
        whole = [row.id for row in paging.fetch(session, select(Thing), sort, None, 100)]
        marker, paged = None, []
        while page := paging.fetch(session, select(Thing), sort, marker, limit):
            assert len(page) <= limit
            paged += [row.id for row in page]
            marker = page[-1]
    assert paged == whole
    assert sorted(whole) == [f"{number:02}" for number in range(12)]


def test_rows_without_a_value_come_first_in_ascending_order(sessions: Sessions) -> None:
    with sessions.read() as session:
        rows = paging.fetch(session, select(Thing), [(Thing.name, "asc"), (Thing.id, "asc")], None, 4)
        assert [row.name for row in rows] == [None, None, None, "n0"]
        rows = paging.fetch(session, select(Thing), [(Thing.name, "desc"), (Thing.id, "asc")], None, 100)
        assert [row.name for row in rows][-3:] == [None, None, None]


def test_a_row_that_is_deleted_loses_no_other(sessions: Sessions) -> None:
    sort: paging.Sort = [(Thing.size, "asc"), (Thing.id, "asc")]
    with sessions.begin() as session:
        first = paging.fetch(session, select(Thing), sort, None, 3)
        session.delete(first[-1])
        session.flush()
        rest = paging.fetch(session, select(Thing), sort, first[-1], 100)
    assert len(rest) == 9


@pytest.mark.parametrize(
    ("operator", "exact", "by_second"),
    [
        ("eq", ["00"], ["00", "01", "02"]),
        ("neq", ["01", "02", "03"], ["03"]),
        ("gt", ["01", "02", "03"], ["03"]),
        ("gte", ["00", "01", "02", "03"], ["00", "01", "02", "03"]),
        ("lt", [], []),
        ("lte", ["00"], ["00", "01", "02"]),
    ],
)
def test_times_are_compared(sessions: Sessions, operator: Operator, exact: list[str], by_second: list[str]) -> None:
    """Rows are 0.4 s apart; three of them are within the second that is asked for."""
    few = select(Thing.id).where(Thing.id < "04").order_by(Thing.id)
    comparison = Comparison(operator, NOON)
    with sessions.read() as session:
        assert list(session.scalars(few.where(paging.compare(Thing.made_at, comparison)))) == exact
        assert list(session.scalars(few.where(paging.compare_seconds(Thing.made_at, comparison)))) == by_second
