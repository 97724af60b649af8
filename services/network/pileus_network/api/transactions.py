"""A request's one transaction. Whoever it concerns is poked after the commit."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_kit.errors import Conflict, SerializationFailure
from pileus_kit.web import caller, tools
from pileus_network.core import affected_hosts, compute_events, quotas

T = TypeVar("T")
MAX_ATTEMPTS = 10


def read(work: Callable[[Session], T]) -> T:
    with tools().sessions.read() as session:
        _equip(session)
        return work(session)


def _equip(session: Session) -> None:
    session.info[quotas.KEY] = quotas.parse_configured(tools().config.quotas)


def write(work: Callable[[Session], T]) -> T:
    """Run `work` in one transaction, again if another writer took the address, MAC or segment that it had guessed."""
    for left in reversed(range(MAX_ATTEMPTS)):
        try:
            with tools().sessions.begin() as session:
                _equip(session)
                result = work(session)
                session.flush()
                counted, jobs = affected_hosts.count_generations(session, caller()), compute_events.pop_job_ids(session)
            tools().agent_notifier.notify(counted)
            for job_id in jobs:
                tools().ringer.ring(job_id)
            return result
        except IntegrityError as err:
            if not left:
                raise Conflict(why="Others keep changing the same things; try again.") from err
        except SerializationFailure:
            if not left:
                raise
    raise AssertionError("unreachable")
