"""Databases for tests."""

import functools
import os
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy.orm import DeclarativeBase

from pileus_kit.db import Sessions, migrate
from pileus_kit.testing import shared_statements

shared_statements.install()


def fresh_sessions(model: type[DeclarativeBase], directory: Path) -> Sessions:
    """Return sessions on an empty database with the tables of `model`: SQLite in `directory`, or a schema of its own in
    $PILEUS_TEST_DATABASE (a PostgreSQL URL)."""
    url = os.environ.get("PILEUS_TEST_DATABASE")
    if url:
        sessions = _postgres(url)
        model.metadata.create_all(sessions.engine)
        return sessions
    file = directory / "test.sqlite"
    file.write_bytes(_empty_database(model))
    return Sessions(f"sqlite:///{file}")


@functools.cache
def _empty_database(model: type[DeclarativeBase]) -> bytes:
    """Return the file of an SQLite database with empty tables, which takes longer to make than to copy."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "empty.sqlite")
        sessions = Sessions(f"sqlite:///{file}")
        model.metadata.create_all(sessions.engine)
        sessions.dispose()  # merges its write-ahead log
        return file.read_bytes()


def _postgres(url: str) -> Sessions:
    """Create a schema, so that tests don't see each other. The whole database is dropped after the tests."""
    from uuid import uuid4

    from sqlalchemy import text

    name = f"t{uuid4().hex[:16]}"
    first = Sessions(url)
    with first.begin() as session:
        session.execute(text(f"CREATE SCHEMA {name}"))
    first.dispose()
    return Sessions(url, connect_args={"options": f"-csearch_path={name}"}, pool_size=3, max_overflow=20)


def assert_migrations_match(model: type[DeclarativeBase], package: str, directory: Path) -> None:
    """Fail if the migrations of `package` don't build exactly the tables that its models declare."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    url = f"sqlite:///{directory / 'migrated.sqlite'}"
    migrate(url, package)
    sessions = Sessions(url)
    try:
        with sessions.engine.connect() as connection:
            found: list[Any] = compare_metadata(MigrationContext.configure(connection), model.metadata)
        assert not found, f"models and migrations differ: {found}"
    finally:
        sessions.dispose()
