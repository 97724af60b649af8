"""A request's one transaction. Whoever it concerns is poked after the commit."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_kit.errors import Conflict, Overtaken
from pileus_kit.web import caller, tools
from pileus_network.core import generations, projects, tidings

T = TypeVar("T")
TRIES = 10


def read(work: Callable[[Session], T]) -> T:
    with tools().sessions.read() as session:
        _equip(session)
        return work(session)


def _equip(session: Session) -> None:
    session.info[projects.KEY] = projects.configured(tools().config.quotas)


def change(work: Callable[[Session], T]) -> T:
    """Run `work` in one transaction, again if another writer took the address, MAC or segment that it had guessed."""
    for left in reversed(range(TRIES)):
        try:
            with tools().sessions.begin() as session:
                _equip(session)
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
        except Overtaken:
            if not left:
                raise
    raise AssertionError("unreachable")
