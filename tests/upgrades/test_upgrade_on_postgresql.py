"""A cloud whose databases are on PostgreSQL is upgraded and goes back, under a steady load of calls. Beside the gate:
`tox -e upgrades -- tests/upgrades/test_upgrade_on_postgresql.py`."""

import sqlite3
from pathlib import Path

import pytest
from cloud_of_a_test import pileus, running_version
from next_release import EXPANDED, next_version
from postgresql_servers import Servers
from sqlalchemy import create_engine, inspect, text
from test_upgrade_of_a_cloud import load_of

from pileus_kit.database_urls import engine_url


@pytest.mark.timeout(1800)
def test_upgrade_and_undo(newer: Path, on_postgresql: Path, servers: Servers) -> None:
    state, former, load = on_postgresql, running_version(on_postgresql), load_of(on_postgresql)
    with load:
        pileus(newer, "upgrade", state=state)
        assert running_version(state) == next_version()
        for service in EXPANDED:
            _looks_expanded(servers, service)
        assert _saved_rows(state, "compute", "flavors") > 0
        pileus(newer, "upgrade", "--undo", state=state)
        assert running_version(state) == former
    assert not load.failures, "\n".join(load.failures[:20])
    assert not load.lost()
    assert len(load.answers) == 6 and min(load.answers.values()) >= 3, load.answers


def _looks_expanded(servers: Servers, service: str) -> None:
    """What the migration adds is there, and nothing is left of its rehearsal."""
    engine = create_engine(engine_url(servers.url).set(database=f"tested_{service}"))
    with engine.connect() as connection:
        assert inspect(connection).has_table("made_by_a_test")
        schemas = connection.execute(text("SELECT nspname FROM pg_namespace")).scalars().all()
    engine.dispose()
    assert "pileus_rehearsal" not in schemas


def _saved_rows(state: Path, service: str, table: str) -> int:
    with sqlite3.connect(state / "databases" / service / "saved.sqlite") as saved:
        assert not list(saved.execute("PRAGMA foreign_key_check"))
        return int(saved.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
