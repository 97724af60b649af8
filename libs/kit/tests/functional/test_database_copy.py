"""A database is copied into another one, of the same engine or between SQLite and PostgreSQL, and compared."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pileus_kit import database_copy
from pileus_kit.database_copy import CopyFailed, contents
from pileus_kit.db import Json, Sessions, Utc
from pileus_kit.testing.databases import fresh_sessions


class Model(DeclarativeBase):
    pass


class Folder(Model):
    __tablename__ = "folders"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("folders.id"))


class Sheet(Model):
    __tablename__ = "sheets"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    folder_id: Mapped[str] = mapped_column(ForeignKey("folders.id", ondelete="CASCADE"))
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    share: Mapped[float] = mapped_column(default=0.1)
    flag: Mapped[bool] = mapped_column(default=True)
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(Utc, default=lambda: datetime(2026, 1, 2, 3, 4, 5, 6, UTC))
    facts: Mapped[dict[str, Any] | None] = mapped_column(Json)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Sessions]:
    (tmp_path / "source").mkdir()
    sessions = _sqlite(tmp_path / "source")
    with sessions.begin() as session:
        # a child whose id sorts before its parent's, and numbers with a gap at the end
        session.add_all([Folder(id="z"), Folder(id="a", parent_id="z")])
        session.flush()
        session.add_all(
            [Sheet(folder_id="a", size=1 << 40, digest=b"\x00\xff", facts={"ü": [1.5, None]}), Sheet(folder_id="z")]
        )
        session.add_all(Sheet(folder_id="z", facts={"n": n}) for n in range(2500))
        session.execute(text("UPDATE sheets SET facts = 'null' WHERE id = 7"))
        session.execute(text("UPDATE sheets SET facts = NULL WHERE id = 8"))
    yield sessions
    sessions.dispose()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Sessions]:
    (tmp_path / "target").mkdir()
    sessions = _with_revision(fresh_sessions(Model, tmp_path / "target"))
    yield sessions
    sessions.dispose()


def _sqlite(directory: Path) -> Sessions:
    sessions = Sessions(f"sqlite:///{directory / 'copy.sqlite'}")
    Model.metadata.create_all(sessions.engine)
    return _with_revision(sessions)


def _with_revision(sessions: Sessions, revision: str = "0001") -> Sessions:
    with sessions.begin() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        session.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
    return sessions


def _copy(source: Sessions, target: Sessions) -> dict[str, int]:
    told: dict[str, int] = {}
    database_copy.copy(source, target, Model.metadata, told.__setitem__)
    return told


def _checksums(sessions: Sessions) -> dict[str, database_copy.Contents]:
    with sessions.engine.connect() as connection:
        return {table.name: contents(connection, table) for table in Model.metadata.sorted_tables}


def test_a_copy_holds_the_same(source: Sessions, target: Sessions, tmp_path: Path) -> None:
    assert _copy(source, target) == {"folders": 2, "sheets": 2502}
    assert _checksums(target) == _checksums(source)
    (tmp_path / "back").mkdir()
    back = _sqlite(tmp_path / "back")
    _copy(target, back)
    with back.read() as session:
        kinds = "SELECT id, facts IS NULL FROM sheets WHERE id IN (7, 8) ORDER BY id"
        assert [tuple(row) for row in session.execute(text(kinds))] == [(7, 0), (8, 1)]
        first = session.get(Sheet, 1)
        assert first is not None
        assert (first.size, first.digest, first.facts) == (1 << 40, b"\x00\xff", {"ü": [1.5, None]})
        assert first.made_at == datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    assert _checksums(back) == _checksums(source)
    back.dispose()


def test_new_rows_follow_the_copied_ones(source: Sessions, target: Sessions) -> None:
    _copy(source, target)
    with target.begin() as session:
        row = Sheet(folder_id="a")
        session.add(row)
        session.flush()
        assert row.id == 2503


def test_references_hold_in_the_copy(source: Sessions, target: Sessions) -> None:
    _copy(source, target)
    with pytest.raises(IntegrityError), target.begin() as session:
        session.add(Sheet(folder_id="nowhere"))
    with target.begin() as session:
        session.execute(delete(Folder).where(Folder.id == "a"))
    with target.read() as session:
        assert session.get(Sheet, 1) is None, "what belongs to a folder goes with it"


def test_what_differs_is_copied_again(source: Sessions, target: Sessions) -> None:
    _copy(source, target)
    with target.begin() as session:
        session.execute(update(Sheet).where(Sheet.id == 2000).values(size=1))
        session.execute(delete(Sheet).where(Sheet.id == 3))
        session.add(Folder(id="stranger"))
    _copy(source, target)
    assert _checksums(target) == _checksums(source)


def test_a_copy_that_was_interrupted_continues(source: Sessions, target: Sessions) -> None:
    def stop(table: str, rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database_copy.copy(source, target, Model.metadata, stop)
    _copy(source, target)
    assert _checksums(target) == _checksums(source)
    with pytest.raises(IntegrityError), target.begin() as session:
        session.add(Sheet(folder_id="nowhere"))


def test_schemas_of_two_revisions_are_refused(source: Sessions, target: Sessions) -> None:
    with target.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    with pytest.raises(CopyFailed, match="0002"):
        _copy(source, target)
    with target.read() as session:
        assert session.scalars(select(Folder.id)).all() == []
