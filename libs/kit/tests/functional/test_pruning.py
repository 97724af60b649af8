"""What has rested for long is forgotten, in small pieces; what lives, what is young and what is dear stays."""

from datetime import timedelta

import pytest
from job_tables import Event, Job
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pileus_kit.db import Sessions, now
from pileus_kit.flow import Flow, Local, Runner, Work, enqueue
from pileus_kit.flow import pruning as module
from pileus_kit.flow.pruning import Pruner


def rest(session: Session, tools: None, work: Work) -> None:
    pass


def rest_more(session: Session, tools: None, work: Work) -> None:
    pass


FLOW = Flow("rest", Local(rest), Local(rest_more))


def done(sessions: Sessions, *subjects: str) -> None:
    with sessions.begin() as session:
        for subject in subjects:
            enqueue(session, Job, flow="rest", subject=subject)
    Runner(sessions, Job, Event, [FLOW], None, "w1").drain()


def age(sessions: Sessions, days: int, *subjects: str) -> None:
    then = now() - timedelta(days=days)
    with sessions.begin() as session:
        session.execute(update(Job).where(Job.subject.in_(subjects)).values(updated_at=then))
        session.execute(update(Event).where(Event.subject.in_(subjects)).values(finished_at=then))


def subjects(sessions: Sessions, table: type) -> set[str]:
    with sessions.read() as session:
        return set(session.scalars(select(table.subject)))


@pytest.mark.parametrize("batch", [1, 3, 500])
def test_only_what_is_old_and_rests_goes(sessions: Sessions, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(module, "BATCH", batch)
    old = [f"old{number}" for number in range(5)]
    done(sessions, *old, "dear", "alive", "orphan", "young")
    age(sessions, 31, *old, "dear", "alive", "orphan")
    age(sessions, 29, "young")
    with sessions.begin() as session:
        session.execute(update(Job).where(Job.subject == "alive").values(state="stuck"))
        session.query(Job).where(Job.subject == "orphan").delete()
    pruner = Pruner(sessions, Job, Event, 30, lambda: Job.subject == "dear")
    for _ in range(40):
        if not pruner.prune():
            break
    assert subjects(sessions, Job) == subjects(sessions, Event) == {"dear", "alive", "young"}


def test_it_looks_again_only_after_a_while(sessions: Sessions) -> None:
    pruner = Pruner(sessions, Job, Event, 30)
    assert not pruner.prune()
    done(sessions, "late")
    age(sessions, 31, "late")
    assert not pruner.prune()
    pruner._due = 0.0
    pruner.prune()
    assert not subjects(sessions, Job)
