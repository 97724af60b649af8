"""Which errors of a database say that it is locked, full or away, so that the same statement will work later."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from pileus_kit.errors import DatabaseBusy, Outage, SerializationFailure, StatementTimeout

# BUSY LOCKED NOMEM READONLY INTERRUPT IOERR FULL CANTOPEN PROTOCOL
SQLITE = frozenset({5, 6, 7, 8, 9, 10, 13, 14, 15})
"""Primary result codes of SQLite, https://www.sqlite.org/rescode.html."""
INTERRUPT, CANCELED = 9, "57014"  # SQLite's and PostgreSQL's words for what pileus_kit.deadlines does
COLLISIONS = ("40001", "40P01")
"""SQLSTATEs of PostgreSQL: serialization failure, deadlock."""
# connection, rollback, insufficient resources (also a full disk), lock timeout, operator intervention, system error
POSTGRESQL = ("08", "40", "53", "55P03", "57", "58", "25006")
"""SQLSTATEs, or how they begin, https://www.postgresql.org/docs/current/errcodes-appendix.html."""


def is_outage(err: BaseException) -> bool:
    """Whether the database was locked, full or away; a bug in a statement is not weather."""
    if isinstance(err, PoolExhausted):
        return True
    if not isinstance(err, DBAPIError):
        return False
    if err.connection_invalidated:
        return True
    sqlite = getattr(err.orig, "sqlite_errorcode", None)
    if sqlite is not None:
        return sqlite & 0xFF in SQLITE
    state = getattr(err.orig, "pgcode", None)
    if state is not None:
        return str(state).startswith(POSTGRESQL)
    return isinstance(err, OperationalError | InterfaceError)  # a driver that lost its connection has no code


@contextmanager
def translated() -> Iterator[None]:
    """The block's weather is raised as DatabaseBusy, without the statement that met it."""
    try:
        yield
    except (DBAPIError, PoolExhausted) as err:
        if not is_outage(err):
            raise
        raise _kind(getattr(err, "orig", None))() from err


def _kind(cause: object) -> type[Outage]:
    if getattr(cause, "pgcode", None) in COLLISIONS:
        return SerializationFailure
    interrupted = getattr(cause, "sqlite_errorcode", 0) & 0xFF == INTERRUPT or getattr(cause, "pgcode", "") == CANCELED
    return StatementTimeout if interrupted else DatabaseBusy
