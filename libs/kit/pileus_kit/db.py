"""The database: sessions, column types, migrations.

SQLite is the embedded default: WAL, `synchronous=FULL` (an accepted request is durable), writers begin with
`BEGIN IMMEDIATE` in the order in which they came (`pileus_kit.write_queue`), so two of them queue instead of failing
halfway. PostgreSQL is for larger clouds.
"""

import mmap
import os
import struct
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, DateTime, Dialect, create_engine, event, orm, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import sessionmaker
from sqlalchemy.types import TypeDecorator

from pileus_kit import context, database_errors, deadlines, patterns
from pileus_kit.database_urls import engine_url
from pileus_kit.write_queue import WriteQueue

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig

LOST_AFTER = {
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 2,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 12_000,
}
"""Settings by which a PostgreSQL server ends the transactions of a machine that was switched off or cut off: after some
12 seconds (the last one is in milliseconds). The operating system's own limit is two hours."""

SERVER_LOST_AFTER = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 12_000,
}
"""The same for this side: a machine that was cut off would go on waiting, for a minute after its wire is back."""

Session = orm.Session
"""What a service's API opens and passes to its core."""


def new_id() -> str:
    """Return a new UUID in its usual notation."""
    return str(uuid.uuid4())


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


class Utc(TypeDecorator[datetime]):
    """The column type of an aware datetime. SQLite, which has no zones, stores it in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone is ambiguous; use pileus_kit.db.now()")
        try:
            value = value.astimezone(UTC)
        except OverflowError:  # the first and last hours of the calendar, with an offset that leads out of it
            value = (datetime.min if value.year == 1 else datetime.max).replace(tzinfo=UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


Json = JSON


class Sessions:
    """Opens sessions on one database. All of them raise DatabaseBusy if it is locked, full or away."""

    def __init__(self, url: str, **engine_options: Any) -> None:
        self.engine: Engine = create_engine(engine_url(url), **_options(url) | engine_options)
        self._write_queue: WriteQueue | None = None
        if self.engine.dialect.name == "postgresql":
            event.listen(self.engine, "connect", _prepare_postgresql)
        if self.engine.dialect.name == "sqlite":
            file = self.engine.url.database
            self._write_queue = WriteQueue(
                Path(f"{Path(file).resolve()}-turns") if file and file != ":memory:" else None
            )
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", self._begin_sqlite)
        if "PILEUS_STATEMENTS" in os.environ:
            _count_all(self.engine, Path(os.environ["PILEUS_STATEMENTS"]))
        self._writers = sessionmaker(self.engine, expire_on_commit=False)
        self._readers = sessionmaker(
            self.engine.execution_options(pileus_read=True), expire_on_commit=False, autoflush=False
        )

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a session that writes; it commits at the end of the block, or rolls back after an error."""
        with (
            database_errors.translated(),
            self._write_queue.scope() if self._write_queue else nullcontext(),
            self._writers.begin() as session,
        ):
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session on one consistent snapshot; what is written to it is thrown away."""
        with database_errors.translated(), self._readers() as session:
            yield session

    def _begin_sqlite(self, connection: Connection) -> None:
        if connection.get_execution_options().get("pileus_read"):
            connection.exec_driver_sql("BEGIN")
            return
        if self._write_queue:
            self._write_queue.take_turn()
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def dispose(self) -> None:
        """Close the connections."""
        self.engine.dispose()


class Changes:
    """Tells at almost no cost whether the database was written to since the last question (SQLite's data_version).

    Other databases can't tell that, so the answer is always yes. One thread uses it.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._engine = sessions.engine
        self._can_tell = self._engine.dialect.name == "sqlite"
        self._connection: Any = None  # it never writes: its own writes would not change its data_version
        self._seen: int | None = None

    def any(self) -> bool:
        """Whether anything was written since the last call."""
        if not self._can_tell:
            return True
        with database_errors.translated():
            if self._connection is None:
                self._connection = self._engine.raw_connection()
            version = self._connection.cursor().execute("PRAGMA data_version").fetchone()[0]
        changed, self._seen = version != self._seen, version
        return changed


def _options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"connect_args": {"check_same_thread": False, "timeout": 30}, "pool_size": 20, "max_overflow": 30}
    return {"pool_size": 10, "max_overflow": 20, "pool_pre_ping": True, "connect_args": SERVER_LOST_AFTER}


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # BEGIN is sent by _begin_sqlite
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000", "cache_size=-4000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    patterns.install(connection)  # REGEXP with patterns of callers
    deadlines.install(connection)  # statements of a request have an end


def _prepare_postgresql(connection: DBAPIConnection, _record: object) -> None:
    """Have the server notice soon that this machine is gone: what it has locked would keep others waiting for hours."""
    cursor = connection.cursor()
    cursor.execute("; ".join(f"SET {name} = {value}" for name, value in LOST_AFTER.items()))
    cursor.close()
    connection.commit()


def _count_all(engine: Engine, directory: Path) -> None:
    """Keep a count of this process's statements in DIRECTORY/PID, where the bench reads it.

    Only statements that an API request caused are counted, whether in the API or in a job; polling has no request.
    """
    with (directory / str(os.getpid())).open("a+b") as file:
        file.truncate(8)
        total = mmap.mmap(file.fileno(), 8)
    lock = threading.Lock()

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if context.request_id.get() and not statement.startswith(("BEGIN", "PRAGMA")):
            with lock:
                total[:] = struct.pack("q", struct.unpack("q", total[:])[0] + 1)

    event.listen(engine, "before_cursor_execute", note)


@contextmanager
def count_statements(sessions: Sessions) -> Iterator[list[str]]:
    """Collect the statements sent while the block runs, without BEGIN and COMMIT; for tests and the bench."""
    seen: list[str] = []
    lock = threading.Lock()

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            with lock:
                seen.append(statement)

    event.listen(sessions.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(sessions.engine, "before_cursor_execute", note)


def migrate(url: str, package: str, revision: str = "head") -> None:
    """Bring the database at `url` to a revision in `package`.db.migrations, whose history is linear."""
    from alembic import command

    sessions = Sessions(url)
    try:
        with sessions.engine.connect() as connection:
            _disable_foreign_keys(connection)
            settings = _migrations_of(package)
            settings.attributes["connection"] = connection
            command.upgrade(settings, revision)
            connection.commit()
    finally:
        sessions.dispose()


def revision_of(url: str) -> str | None:
    """Return the revision of the database at `url`; None if it was never migrated."""
    from alembic.migration import MigrationContext

    sessions = Sessions(url)
    try:
        with database_errors.translated(), sessions.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        sessions.dispose()


def knows_revision(package: str, revision: str) -> bool:
    """Whether `package`.db.migrations has this revision: a newer release may have made later ones."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_migrations_of(package))
    return any(one.revision == revision for one in script.walk_revisions())


def _migrations_of(package: str) -> "AlembicConfig":
    from importlib.resources import files

    from alembic.config import Config as AlembicConfig

    settings = AlembicConfig()
    settings.set_main_option("script_location", "pileus_kit:migrations")
    settings.set_main_option("version_locations", str(files(f"{package}.db.migrations") / "versions"))
    settings.set_main_option("path_separator", "newline")
    return settings


def _disable_foreign_keys(connection: Connection) -> None:
    """Switch foreign keys off on this connection of SQLite, before SQLAlchemy begins a transaction.

    A column is changed by replacing its table with a copy. With foreign keys on, rows that refer to the table would be
    deleted with it, or forbid that. Alembic's environment checks all references before it commits.
    """
    if connection.engine.dialect.name == "sqlite":
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")


def alive(sessions: Sessions) -> bool:
    """Whether the database answers, for health checks. Raises DatabaseBusy otherwise."""
    with sessions.read() as session:
        return session.execute(text("SELECT 1")).scalar() == 1
