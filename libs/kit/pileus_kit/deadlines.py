"""Until when a request's statements may run. A thread can't be ended, but SQLite asks now and then whether to go on."""

import time
from contextvars import ContextVar
from typing import Any

from sqlalchemy import event

LONGEST = 30.0  # seconds; the server gives up on a process after minutes
INSTRUCTIONS = 20_000  # of SQLite's machine between two questions: some milliseconds

until: ContextVar[float] = ContextVar("until", default=0.0)
"""The monotonic time at which this thread's request has had its time; 0: there is no end, as in workers."""


def begin() -> None:
    until.set(time.monotonic() + LONGEST)


def end() -> None:
    until.set(0.0)


def install(connection: Any) -> None:
    """Interrupt what runs on this SQLite connection when its thread's time is over."""
    connection.set_progress_handler(_over, INSTRUCTIONS)


def bound(sessions: Any) -> None:
    """An API's own connections to PostgreSQL: the database ends statements itself. Workers keep theirs."""
    engine = getattr(sessions, "engine", None)
    if engine is not None and engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _bind)


def _bind(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {int(1000 * LONGEST)}")
    connection.commit()


def _over() -> bool:
    limit = until.get()
    return limit > 0 and time.monotonic() > limit
