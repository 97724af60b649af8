"""A cloud of 0.1.0 opens: its databases, as `sqlite3 .dump` wrote them, migrate and keep what they held."""

import sqlite3
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import select

from pileus_kit import sealing
from pileus_kit.db import Sessions, migrate

RELEASE = Path(__file__).parent / "0.1.0"


@pytest.mark.parametrize("dump", sorted(RELEASE.glob("*.sql")), ids=lambda path: str(path.stem))
def test_a_database_of_0_1_0_opens(dump: Path, tmp_path: Path) -> None:
    service = dump.stem
    file = tmp_path / f"{service}.sqlite"
    before = _load(dump, file)
    migrate(f"sqlite:///{file}", f"pileus_{service}")
    after = _counts(file)
    shrunk = {table: count for table, count in before.items() if table in after and after[table] < count}
    assert not shrunk, "rows were lost"
    assert sum(after.values()) >= sum(before.values()), "also of tables that have other names now"
    sealing.use_keys(["for tests"])
    sessions = Sessions(f"sqlite:///{file}")
    models = import_module(f"pileus_{service}.db.models")
    with sessions.read() as session:
        for mapper in models.Model.registry.mappers:
            list(session.scalars(select(mapper.class_)))
    sessions.dispose()


def _load(dump: Path, file: Path) -> dict[str, int]:
    with sqlite3.connect(file) as connection:
        connection.executescript(dump.read_text())
    return _counts(file)


def _counts(file: Path) -> dict[str, int]:
    with sqlite3.connect(file) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert not list(connection.execute("PRAGMA foreign_key_check"))
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
