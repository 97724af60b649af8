"""Databases that have rows are brought to the newest revision as they are: nothing that refers to a table is lost."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from pileus_kit.db import Sessions, migrate

HEAD = "import sqlalchemy as sa\nfrom alembic import op\nrevision, down_revision = {!r}, {!r}\ndef upgrade():\n"
FIRST = """
    op.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT)")
    op.execute("CREATE TABLE owned (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id) ON DELETE CASCADE)")
    op.execute("CREATE TABLE bound (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id))")
"""
REBUILD = """
    with op.batch_alter_table("parents") as table:
        table.add_column(sa.Column("size", sa.Integer, nullable=False, server_default="7"))
    with op.batch_alter_table("parents") as table:
        table.alter_column("size", server_default=None)
"""
BREAK = """
    op.execute("DELETE FROM parents")
"""


@pytest.fixture
def revise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str | None, str], None]]:
    """Adds a revision to a package of the test's own."""
    package = f"grown_{tmp_path.name.replace('-', '_')}"
    versions = tmp_path / package / "db" / "migrations" / "versions"
    versions.mkdir(parents=True)
    for directory in (versions, *versions.parents[:3]):
        (directory / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()

    def write(revision: str, before: str | None, body: str) -> None:
        (versions / f"{revision}.py").write_text(HEAD.format(revision, before) + body)
        migrate(f"sqlite:///{tmp_path}/db.sqlite", package)

    yield write
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]


@pytest.fixture
def sessions(tmp_path: Path, revise: Callable[[str, str | None, str], None]) -> Iterator[Sessions]:
    """One row that refers to another in each way."""
    revise("0001", None, FIRST)
    found = Sessions(f"sqlite:///{tmp_path}/db.sqlite")
    with found.begin() as session:
        session.execute(text("INSERT INTO parents VALUES (1, 'a')"))
        for table in ("owned", "bound"):
            session.execute(text(f"INSERT INTO {table} VALUES (1, 1)"))
    yield found
    found.dispose()


def counts(sessions: Sessions) -> list[int]:
    with sessions.read() as session:
        return [
            int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar() or 0)
            for table in ("parents", "owned", "bound")
        ]


def test_a_table_that_rows_refer_to_is_rebuilt(
    sessions: Sessions, revise: Callable[[str, str | None, str], None]
) -> None:
    revise("0002", "0001", REBUILD)
    assert counts(sessions) == [1, 1, 1]
    with sessions.read() as session:
        assert session.execute(text("SELECT name, size FROM parents")).one() == ("a", 7)
    with sessions.begin() as session:
        session.execute(text("DELETE FROM bound"))
        session.execute(text("DELETE FROM parents"))
    assert counts(sessions) == [0, 0, 0], "foreign keys hold again, and mean the new table"


def test_rows_that_would_refer_to_nothing_stop_a_migration(
    sessions: Sessions, revise: Callable[[str, str | None, str], None]
) -> None:
    with pytest.raises(RuntimeError, match="refers to no row of parents"):
        revise("0002", "0001", BREAK)
    assert counts(sessions) == [1, 1, 1]
    with sessions.read() as session:
        assert session.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0001"
