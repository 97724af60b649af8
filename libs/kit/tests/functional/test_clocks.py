"""Clocks that were set, and processes that slept: jobs go on, and nobody is taken for silent whom we slept through."""

import threading
import time
from datetime import timedelta

import pytest
from job_tables import Event, Job
from sqlalchemy.orm import Session

from pileus_kit import liveness
from pileus_kit.db import Sessions, now
from pileus_kit.flow import Flow, Local, Runner, Work, enqueue
from pileus_kit.liveness import AwakeClock

PATIENCE = timedelta(seconds=60)


def rest(session: Session, tools: None, work: Work) -> None:
    pass


@pytest.mark.parametrize(
    "left",
    [
        {"owner": "dead", "lease_until": 3600.0},
        {"run_at": 3600.0},
        {"owner": "dead", "lease_until": 4.3e9, "run_at": 4.3e9},
    ],
)
def test_jobs_dated_by_a_clock_that_was_ahead_are_run(sessions: Sessions, left: dict[str, object]) -> None:
    with sessions.begin() as session:
        job = enqueue(session, Job, flow="rest", subject="s")
        for name, value in left.items():
            setattr(job, name, time.time() + value if isinstance(value, float) else value)
        job_id = job.id
    runner = Runner(sessions, Job, Event, [Flow("rest", Local(rest))], None, "w1", lease_s=0.1)
    pause = threading.Event()
    for _ in range(200):
        if runner._due():
            break
        pause.wait(0.05)
    runner.run(job_id)
    with sessions.read() as session:
        assert session.get_one(Job, job_id).state == "done"


def test_a_lease_that_is_renewed_under_another_clock_is_left_alone(sessions: Sessions) -> None:
    with sessions.begin() as session:
        job = enqueue(session, Job, flow="rest", subject="s")
        job.owner, job.lease_until, job_id = "other", time.time() + 3600, job.id
    runner = Runner(sessions, Job, Event, [Flow("rest", Local(rest))], None, "w1", lease_s=0.1)
    pause = threading.Event()
    for number in range(20):
        with sessions.begin() as session:
            session.get_one(Job, job_id).lease_until = time.time() + 3600 + number
        leases = runner._future_leases
        leases._unchanged_since = {key: 0.0 for key in leases._unchanged_since if key[2] > time.time() + 3600 + number}
        assert runner._due() == []
        pause.wait(0.01)


def test_silence_counts_while_this_process_is_awake() -> None:
    assert liveness.is_silent(now() - timedelta(minutes=2), PATIENCE)
    assert not liveness.is_silent(now() - timedelta(seconds=30), PATIENCE)
    assert not liveness.is_silent(now() + timedelta(seconds=30), PATIENCE), "clocks differ a little"
    assert liveness.is_silent(now() + timedelta(days=80 * 365), PATIENCE)


def test_a_process_that_has_just_started_takes_no_host_for_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = AwakeClock()
    clock.begin()
    monkeypatch.setattr(liveness, "awake_clock", clock)
    assert not liveness.is_silent(now() - timedelta(hours=8), PATIENCE)


@pytest.mark.parametrize("slept", ["_steady", "_wall"])
def test_sleep_or_a_set_clock_restarts_the_time_awake(slept: str) -> None:
    clock = AwakeClock()
    clock.begin()
    clock.seconds()
    clock._since -= 100
    assert clock.seconds() >= 100
    setattr(clock, slept, getattr(clock, slept) - 75)
    assert clock.seconds() < 50
