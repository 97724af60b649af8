"""Copies a service's database into another one, SQLite or PostgreSQL, and proves that both hold the same.

The target has the same tables already. Tables are compared by their number of rows and a checksum, and copied only if
they differ, so a copy that was interrupted continues with the table where it stopped. No service may write to either
database meanwhile, except to the source of `copy_snapshot`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    DateTime,
    ForeignKeyConstraint,
    MetaData,
    Table,
    Text,
    cast,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.schema import AddConstraint
from sqlalchemy.types import TypeDecorator, TypeEngine

from pileus_kit.db import Sessions, Utc, migrate, revision_of

BATCH_ROWS = 1000


class CopyFailed(RuntimeError):
    """The target doesn't hold what the source holds. The message says which table and why."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a table holds: its rows, and the sum of their SHA-256 modulo 2**256, which no order of rows changes."""

    rows: int
    checksum: str


class _JsonText(TypeDecorator[str]):
    """JSON as the text that is stored, because Python's None could be SQL's NULL as well as JSON's null."""

    impl = Text
    cache_ok = True

    def column_expression(self, column: ColumnElement[str]) -> ColumnElement[str]:
        return cast(column, Text)


def copy(source: Sessions, target: Sessions, models: MetaData, progress: Callable[[str, int], None]) -> None:
    """Make `target` hold what `source` holds. `progress` is told each table and its rows. Raises CopyFailed."""
    tables = _as_stored(models)
    with (
        source.engine.connect().execution_options(pileus_read=True) as reader,
        target.engine.connect() as writer,
    ):
        _compare_revisions(reader, writer)
        writer.commit()
        with _without_references(writer, tables):
            for table in tables.sorted_tables:
                wanted = contents(reader, table)
                if contents(writer, table) != wanted:
                    _replace(reader, writer, table)
                    _compare(table, wanted, contents(writer, table))
                progress(table.name, wanted.rows)
        for table in tables.sorted_tables:
            _advance_sequence(writer, table)
        writer.commit()


def copy_snapshot(source_url: str, target_url: str, package: str) -> None:
    """Make an empty database hold what a PostgreSQL one holds at one moment, while services write to that one.

    The target gets the schema that the source has, from `package`.db.migrations. Raises CopyFailed.
    """
    migrate(target_url, package, revision_of(source_url) or "base")
    source, target = Sessions(source_url, isolation_level="REPEATABLE READ"), Sessions(target_url)
    try:
        copy(source, target, _tables_of(target), lambda table, rows: None)
    finally:
        source.dispose()
        target.dispose()


def _tables_of(sessions: Sessions) -> MetaData:
    """Return the tables that a database has, whatever release's models they are of."""
    tables = MetaData()
    tables.reflect(sessions.engine)
    tables.remove(tables.tables["alembic_version"])
    for table in tables.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, DateTime):
                column.type = Utc()
    return tables


def _as_stored(models: MetaData) -> MetaData:
    """Return the same tables, whose values are passed on as they are stored, except for times."""
    tables = MetaData()
    for table in models.sorted_tables:
        for column in table.to_metadata(tables).columns:
            column.type = _stored_type(column.type)
    return tables


def _stored_type(kind: TypeEngine[object]) -> TypeEngine[object] | TypeEngine[str]:
    if isinstance(kind, TypeDecorator) and not isinstance(kind, Utc):
        kind = kind.impl_instance
    return _JsonText() if isinstance(kind, JSON) else kind


def contents(connection: Connection, table: Table) -> Contents:
    """Return what a table holds, read in constant memory."""
    total, rows = 0, 0
    for row in _rows(connection, table):
        total += int.from_bytes(hashlib.sha256(_canonical(row).encode()).digest())
        rows += 1
    return Contents(rows, f"{total % 2**256:064x}")


def _rows(connection: Connection, table: Table) -> Iterator[tuple[object, ...]]:
    for row in connection.execute(select(table), execution_options={"yield_per": BATCH_ROWS}):
        yield tuple(row)


def _canonical(row: tuple[object, ...]) -> str:
    """Return a row as text that is the same whatever database it came from."""
    return json.dumps(row, sort_keys=True, default=_as_text)


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _replace(reader: Connection, writer: Connection, table: Table) -> None:
    """Copy a table in one transaction: it is copied whole, or as it was."""
    writer.execute(delete(table))
    batch: list[dict[str, object]] = []
    for row in _rows(reader, table):
        batch.append(dict(zip(table.columns.keys(), row, strict=True)))
        if len(batch) == BATCH_ROWS:
            writer.execute(insert(table), batch)
            batch = []
    if batch:
        writer.execute(insert(table), batch)
    writer.commit()


def _compare(table: Table, wanted: Contents, found: Contents) -> None:
    if found != wanted:
        raise CopyFailed(f"table {table.name}: {found.rows} of {wanted.rows} rows arrived, or some of them differ")


def _compare_revisions(reader: Connection, writer: Connection) -> None:
    """Both schemas must have the same revision, so that both mean the same by each column."""
    there, here = (
        set(one.execute(text("SELECT version_num FROM alembic_version")).scalars()) for one in (reader, writer)
    )
    if there != here:
        raise CopyFailed(f"the schemas have the revisions {sorted(there)} and {sorted(here)}; run deploy/up first")


@contextmanager
def _without_references(connection: Connection, tables: MetaData) -> Iterator[None]:
    """Let rows arrive in any order: foreign keys are off in the block, and all rows are checked at its end.

    On PostgreSQL they are dropped and made again from the models, so that a copy which was killed finds none and
    still makes all.
    """
    if connection.dialect.name == "sqlite":
        pragma = connection.connection.cursor().execute
        pragma("PRAGMA foreign_keys=OFF")
        try:
            yield
            if row := connection.execute(text("PRAGMA foreign_key_check")).first():
                raise CopyFailed(f"a row of {row[0]} refers to no row of {row[2]}")
        finally:
            connection.rollback()
            pragma("PRAGMA foreign_keys=ON")
        return
    for table in tables.sorted_tables:
        for key in inspect(connection).get_foreign_keys(table.name):
            connection.execute(text(f'ALTER TABLE "{table.name}" DROP CONSTRAINT "{key["name"]}"'))
    connection.commit()
    yield
    for table in tables.sorted_tables:
        for constraint in table.constraints:
            if isinstance(constraint, ForeignKeyConstraint):
                connection.execute(AddConstraint(constraint))
    connection.commit()


def _advance_sequence(connection: Connection, table: Table) -> None:
    """Have PostgreSQL number new rows after the copied ones."""
    column = table.autoincrement_column
    if connection.dialect.name != "postgresql" or column is None:
        return
    sequence = func.pg_get_serial_sequence(table.name, column.name)
    highest = func.coalesce(select(func.max(column)).scalar_subquery(), 0) + 1
    connection.execute(select(func.setval(sequence, highest, False)))
