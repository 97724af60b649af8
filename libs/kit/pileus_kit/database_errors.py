"""Tells a database that is locked, full or away from a bug in a statement: after an outage the same statement works."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from pileus_kit.errors import DatabaseBusy, Outage, SerializationFailure, StatementTimeout

# these are BUSY LOCKED NOMEM READONLY INTERRUPT IOERR FULL CANTOPEN PROTOCOL
SQLITE = frozenset({5, 6, 7, 8, 9, 10, 13, 14, 15})
"""Primary result codes of SQLite, https://www.sqlite.org/rescode.html."""
INTERRUPT, CANCELED = 9, "57014"  # how SQLite and PostgreSQL report what pileus_kit.deadlines does
COLLISIONS = ("40001", "40P01")
"""SQLSTATEs of PostgreSQL: serialization failure, deadlock."""
# connection, rollback, insufficient resources (also a full disk), lock timeout, operator intervention, system error
POSTGRESQL = ("08", "40", "53", "55P03", "57", "58", "25006")
"""SQLSTATEs of outages, or how they begin, https://www.postgresql.org/docs/current/errcodes-appendix.html."""


def is_outage(err: BaseException) -> bool:
    """Whether the database was locked, full or away."""
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
    return isinstance(err, OperationalError | InterfaceError)  # a lost connection has no code


@contextmanager
def translated() -> Iterator[None]:
    """Raise outages in the block as DatabaseBusy or one of its kind, without the SQL statement."""
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
