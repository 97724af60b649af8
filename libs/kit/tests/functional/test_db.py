"""The database: times, sessions, and what is noticed at almost no cost."""

import os
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import String, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pileus_kit import context, db
from pileus_kit.db import Changes, Sessions, Utc, count_statements
from pileus_kit.testing import fresh_sessions


class Model(DeclarativeBase):
    pass


class Thing(Model):
    __tablename__ = "things"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=db.new_id)
    made_at: Mapped[datetime] = mapped_column(Utc, default=db.now)


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    found = fresh_sessions(Model, tmp_path)
    yield found
    found.dispose()


def ids(sessions: Sessions) -> list[str]:
    with sessions.read() as session:
        return list(session.scalars(select(Thing.id).order_by(Thing.id)))


def test_rows_have_ids_and_times_in_utc(sessions: Sessions) -> None:
    before = db.now()
    with sessions.begin() as session:
        session.add(Thing())
    with sessions.read() as session:
        thing = session.scalars(select(Thing)).one()
    assert len(thing.id) == 36
    assert thing.made_at.tzinfo is not None
    assert before <= thing.made_at <= db.now()


def test_times_of_other_zones_are_the_same_moment(sessions: Sessions) -> None:
    moment = datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=5)))
    with sessions.begin() as session:
        session.add(Thing(made_at=moment))
    with sessions.read() as session:
        assert session.scalars(select(Thing)).one().made_at == moment


def test_a_time_without_a_zone_is_refused(sessions: Sessions) -> None:
    with pytest.raises(StatementError, match="ambiguous"), sessions.begin() as session:
        session.add(Thing(made_at=datetime(2026, 11, 22)))


@pytest.mark.parametrize(("year", "offset"), [(1, 10), (9999, -10)])
def test_times_at_the_ends_of_the_calendar_stay_in_it(year: int, offset: int) -> None:
    month, day, hour = (1, 1, 0) if year == 1 else (12, 31, 23)
    moment = datetime(year, month, day, hour, tzinfo=timezone(timedelta(hours=offset)))
    bound = Utc().process_bind_param(moment, sqlite.dialect())
    assert bound is not None and bound.year == year and bound.tzinfo is None
    kept = Utc().process_bind_param(moment, postgresql.dialect())
    assert kept is not None and kept.tzinfo is UTC
    assert Utc().process_bind_param(None, sqlite.dialect()) is None
    assert Utc().process_result_value(None, sqlite.dialect()) is None


def test_a_session_that_fails_writes_nothing(sessions: Sessions) -> None:
    with pytest.raises(KeyError), sessions.begin() as session:
        session.add(Thing(id="a"))
        session.flush()
        raise KeyError
    assert ids(sessions) == []


def test_what_a_reading_session_writes_is_thrown_away(sessions: Sessions) -> None:
    with sessions.read() as session:
        session.add(Thing(id="a"))
        session.flush()
    assert ids(sessions) == []


def test_a_reading_session_sees_one_snapshot(sessions: Sessions) -> None:
    if sessions.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL reads what is committed")
    with sessions.read() as session:
        assert list(session.scalars(select(Thing.id))) == []
        with sessions.begin() as writer:
            writer.add(Thing(id="a"))
        assert list(session.scalars(select(Thing.id))) == []
    assert ids(sessions) == ["a"]


def test_changes_are_noticed_once(sessions: Sessions) -> None:
    if sessions.engine.dialect.name != "sqlite":
        assert Changes(sessions).any() and Changes(sessions).any()
        return
    changes = Changes(sessions)
    assert changes.any(), "nothing is known before the first question"
    assert not changes.any()
    ids(sessions)
    assert not changes.any()
    with sessions.begin() as session:
        session.add(Thing())
    assert changes.any()
    assert not changes.any()


def test_statements_are_counted(sessions: Sessions) -> None:
    with count_statements(sessions) as seen:
        ids(sessions)
    ids(sessions)
    assert len(seen) == 1
    assert seen[0].startswith("SELECT")


def test_statements_of_requests_are_counted_for_the_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "counts").mkdir()
    monkeypatch.setenv("PILEUS_STATEMENTS", str(tmp_path / "counts"))
    sessions = Sessions(f"sqlite:///{tmp_path / 'x.sqlite'}")
    try:
        for request_id in ("", "req-1", "req-2"):
            token = context.request_id.set(request_id)
            with sessions.read() as session:
                session.execute(text("SELECT 1"))
            context.request_id.reset(token)
        counted = (tmp_path / "counts" / str(os.getpid())).read_bytes()
        assert struct.unpack("q", counted) == (2,)
    finally:
        sessions.dispose()


def test_health_asks_the_database(sessions: Sessions) -> None:
    assert db.alive(sessions)
