"""One transaction for one request, run again when another transaction took what this one had picked at random.

What a session carries in `session.info` from the functions that change rows to the end of the transaction is set and
read here: the default quotas (`quotas.SESSION_KEY`), the affected hosts (`affected_hosts.SESSION_KEY`), the recorded
jobs (`compute_events.SESSION_KEY`) and the locked projects (`quotas.LOCKED_KEY`). Nothing else is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.db import Sessions
from pileus_kit.errors import Conflict, SerializationFailure
from pileus_network.core import affected_hosts, compute_events, quotas

T = TypeVar("T")
MAX_ATTEMPTS = 10


@dataclass(frozen=True)
class Written(Generic[T]):
    """What a transaction returned, and who must be notified after its commit."""

    result: T
    generations: dict[str, int]
    """{host: generation} of the hosts that must be notified."""
    job_ids: list[str]


def read(sessions: Sessions, default_quotas: dict[str, int], work: Callable[[Session], T]) -> T:
    """Return what `work` returns in a transaction that only reads."""
    with sessions.read() as session:
        session.info[quotas.SESSION_KEY] = default_quotas
        return work(session)


def write(
    sessions: Sessions, default_quotas: dict[str, int], caller: Caller, work: Callable[[Session], T]
) -> Written[T]:
    """Commit what `work` does. Another transaction may have taken the same address, MAC or segment: then try again."""
    for attempts_left in reversed(range(MAX_ATTEMPTS)):
        try:
            with sessions.begin() as session:
                session.info[quotas.SESSION_KEY] = default_quotas
                result = work(session)
                session.flush()
                generations = affected_hosts.count_generations(session, caller)
                job_ids = compute_events.pop_job_ids(session)
            return Written(result, generations, job_ids)
        except IntegrityError as err:
            if not attempts_left:
                raise Conflict(why="Others keep changing the same resources; try again.") from err
        except SerializationFailure:
            if not attempts_left:
                raise
    raise AssertionError("unreachable")
