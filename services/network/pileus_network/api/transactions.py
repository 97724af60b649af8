"""A request's one transaction. Whoever it concerns is poked after the commit."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from pileus_kit.errors import Conflict
from pileus_kit.web import caller, tools
from pileus_network.core import generations, tidings

T = TypeVar("T")
TRIES = 10
SERIALIZATION = ("40001", "40P01")
"""SQLSTATEs of PostgreSQL (serialization failure, deadlock) that mean: run it again."""


def read(work: Callable[[Session], T]) -> T:
    with tools().sessions.read() as session:
        return work(session)


def change(work: Callable[[Session], T]) -> T:
    """Run `work` in one transaction, again if another writer took the address, MAC or segment that it had guessed."""
    for left in reversed(range(TRIES)):
        try:
            with tools().sessions.begin() as session:
                result = work(session)
                session.flush()
                pokes, jobs = generations.settle(session, caller()), tidings.rings(session)
            tools().poker.poke(pokes)
            for job_id in jobs:
                tools().ringer.ring(job_id)
            return result
        except IntegrityError as err:
            if not left:
                raise Conflict(why="Others keep changing the same things; try again.") from err
        except OperationalError as err:
            if not left or getattr(err.orig, "pgcode", None) not in SERIALIZATION:
                raise
    raise AssertionError("unreachable")
