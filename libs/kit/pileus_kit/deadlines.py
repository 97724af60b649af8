"""Until when a request's SQL statements may run.

A thread can't be ended from outside, but SQLite asks now and then whether to go on with a statement.
"""

import time
from contextvars import ContextVar
from typing import Any

from sqlalchemy import event

MAX_REQUEST_S = 30.0
"""Well below the time after which the server replaces a process whose threads all hang."""
INSTRUCTIONS = 20_000
"""Instructions of SQLite's virtual machine between two questions; they take some milliseconds."""

until: ContextVar[float] = ContextVar("until", default=0.0)
"""The monotonic time at which statements of this thread's request are interrupted; 0: never, as in workers."""


def begin() -> None:
    """Start the clock of this thread's request."""
    until.set(time.monotonic() + MAX_REQUEST_S)


def end() -> None:
    """Stop the clock of this thread's request."""
    until.set(0.0)


def install(connection: Any) -> None:
    """Interrupt a statement on this SQLite connection when its thread's request has had its time."""
    connection.set_progress_handler(_is_over, INSTRUCTIONS)


def bound(sessions: Any) -> None:
    """Have PostgreSQL end the statements of this API process itself. Workers' statements have no end."""
    engine = getattr(sessions, "engine", None)
    if engine is not None and engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _set_timeout)


def _set_timeout(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {int(1000 * MAX_REQUEST_S)}")
    connection.commit()


def _is_over() -> bool:
    limit = until.get()
    return limit > 0 and time.monotonic() > limit
