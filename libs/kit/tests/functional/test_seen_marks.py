"""Marks of hosts that reported: many in one transaction, and none is lost while the process lives."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pileus_kit import seen_marks
from pileus_kit.db import Sessions, count_statements, now
from pileus_kit.hosts import SeenColumns
from pileus_kit.seen_marks import SeenMarks

LONG_AGO = timedelta(hours=1)


class Model(DeclarativeBase):
    pass


class Host(SeenColumns, Model):
    __tablename__ = "hosts"
    name: Mapped[str] = mapped_column(String(255), primary_key=True)


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    found = Sessions(f"sqlite:///{tmp_path / 'hosts.sqlite'}")
    Model.metadata.create_all(found.engine)
    with found.begin() as session:
        session.add_all(Host(name=f"h{number}", seen_at=now() - LONG_AGO) for number in range(20))
    yield found
    found.dispose()


def marked(sessions: Sessions) -> set[str]:
    with sessions.read() as session:
        return {host.name for host in session.query(Host) if host.seen_at > now() - LONG_AGO / 2}


def test_reports_of_many_threads_are_written_together(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_marks, "AT_ONCE", 8)
    marks = SeenMarks(sessions, Host, delay_s=3600)
    threads = [threading.Thread(target=marks.note, args=(f"h{number}",)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not marked(sessions)
    with count_statements(sessions) as statements:
        marks.write()
    assert len(statements) == 3 and len(marked(sessions)) == 20


def test_a_name_is_written_soon_and_the_next_one_again(sessions: Sessions) -> None:
    marks = SeenMarks(sessions, Host, delay_s=0.01)
    for name in ("h1", "h2"):
        marks.note(name)
        for _ in range(3000):
            if name in marked(sessions):
                break
            threading.Event().wait(0.01)
    assert marked(sessions) == {"h1", "h2"}


def test_a_database_that_is_away_costs_no_later_mark(sessions: Sessions) -> None:
    marks = SeenMarks(sessions, Host, delay_s=0)
    with sessions.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE hosts RENAME TO elsewhere")
        connection.commit()
    with pytest.raises(Exception, match="no such table"):
        marks.note("h1")
    with sessions.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO hosts")
        connection.commit()
    marks.note("h2")
    assert marked(sessions) == {"h2"}
