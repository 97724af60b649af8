"""Jobs end well: a little world of three kinds of step, killed everywhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from job_tables import Cake, Event, Job, Model
from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_kit.db import Sessions, count_statements
from pileus_kit.errors import Conflict, HostDown
from pileus_kit.flow import (
    Again,
    Busy,
    Flow,
    Local,
    Remote,
    Runner,
    Work,
    cancel,
    enqueue,
    live,
)
from pileus_kit.flow.jobs import any_alive, due
from pileus_kit.testing import fresh_sessions, kill_at_every_step


class Kitchen:
    """The remote side, and the tools."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions, self.oven, self.cold_times = sessions, set[str](), 0


def take_eggs(session: Session, tools: Kitchen, work: Work) -> dict[str, Any]:
    session.get_one(Cake, work.subject).eggs += 3
    return {"eggs": 3}


def give_eggs_back(session: Session, tools: Kitchen, work: Work) -> None:
    session.get_one(Cake, work.subject).eggs = 0


def bake(tools: Kitchen, work: Work) -> dict[str, Any]:
    if tools.cold_times > 0:
        tools.cold_times -= 1
        raise HostDown(host="oven", why="cold")
    assert work.data["eggs"] == 3
    tools.oven.add(work.subject)
    return {"baked": True}


def throw_away(tools: Kitchen, work: Work) -> None:
    tools.oven.discard(work.subject)


def serve(session: Session, tools: Kitchen, work: Work) -> None:
    session.get_one(Cake, work.subject).status = "SERVED"


def failed(session: Session, tools: Kitchen, work: Work) -> None:
    session.get_one(Cake, work.subject).status = "ERROR"


bake_cake = Flow("cake.bake", Local(take_eggs, give_eggs_back), Remote(bake, throw_away), Local(serve), failed=failed)


class World:
    def __init__(self, sessions: Sessions) -> None:
        self.sessions, self.kitchen = sessions, Kitchen(sessions)
        self.runner = Runner(sessions, Job, Event, [bake_cake], self.kitchen, "w1")

    def start(self) -> str:
        with self.sessions.begin() as session:
            session.add(Cake(id="c1"))
            return enqueue(session, Job, flow="cake.bake", subject="c1").id

    def cake(self) -> Cake:
        with self.sessions.read() as session:
            return session.get_one(Cake, "c1")

    def done(self) -> None:
        assert (self.cake().status, self.cake().eggs, self.kitchen.oven) == ("SERVED", 3, {"c1"})

    def undone(self) -> None:
        assert (self.cake().status, self.cake().eggs, self.kitchen.oven) == ("ERROR", 0, set())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    sessions = fresh_sessions(Model, tmp_path)
    yield World(sessions)
    sessions.dispose()


def job_of(world: World, job_id: str) -> Job:
    with world.sessions.read() as session:
        return session.get_one(Job, job_id)


def test_killed_at_every_step(tmp_path: Path) -> None:
    count = iter(range(1000))

    @contextmanager
    def make() -> Iterator[World]:
        place = tmp_path / str(next(count))
        place.mkdir()
        sessions = fresh_sessions(Model, place)
        yield World(sessions)
        sessions.dispose()

    kill_at_every_step(bake_cake, make)


def test_a_finished_job_has_an_event_for_each_step(world: World) -> None:
    job = world.start()
    world.runner.drain()
    world.done()
    with world.sessions.read() as session:
        story = [(e.step, e.outcome) for e in session.scalars(select(Event).order_by(Event.id))]
    assert story == [("take_eggs", "done"), ("bake", "done"), ("serve", "done")]
    assert job_of(world, job).state == "done"
    assert job_of(world, job).owner is None


def test_a_failure_is_undone_and_says_why(world: World) -> None:
    def burn(tools: Kitchen, work: Work) -> None:
        tools.oven.add(work.subject)
        raise RuntimeError("smoke")

    burn.__name__ = "bake"
    world.runner.flows["cake.bake"] = Flow(
        "cake.bake", bake_cake.steps[0], Remote(burn, throw_away), bake_cake.steps[2], failed=failed
    )
    job = world.start()
    world.runner.drain()
    world.undone()
    assert job_of(world, job).state == "undone"
    error = job_of(world, job).error or ""
    assert error.startswith("Something unexpected happened; the log has its cause") and "smoke" not in error


def test_a_cold_oven_is_waited_for(world: World) -> None:
    world.kitchen.cold_times = 3
    job = world.start()
    assert world.runner.run(job) is not None
    waiting = job_of(world, job)
    assert (waiting.state, waiting.step, waiting.owner) == ("running", "bake", None)
    assert "cold" in str(waiting.error)
    world.runner.drain()
    world.done()
    with world.sessions.read() as session:
        outcomes = [e.outcome for e in session.scalars(select(Event).where(Event.step == "bake"))]
    assert outcomes == ["waiting", "done"]  # told once, not at every try


def test_patience_ends(world: World) -> None:
    def never(tools: Kitchen, work: Work) -> None:
        raise Again(why="no flour")

    never.__name__ = "bake"
    world.runner.flows["cake.bake"] = Flow(
        "cake.bake", bake_cake.steps[0], Remote(never, throw_away, patience_s=0.0), bake_cake.steps[2], failed=failed
    )
    job = world.start()
    world.runner.drain()
    world.undone()
    assert "no flour" in str(job_of(world, job).error)


def test_a_failing_undo_is_stuck_and_tried_again(world: World) -> None:
    broken = [True]

    def jam(tools: Kitchen, work: Work) -> None:
        if broken[0]:
            raise RuntimeError("the door jams")
        throw_away(tools, work)

    def burn(tools: Kitchen, work: Work) -> None:
        raise Conflict(why="smoke")

    world.runner.flows["cake.bake"] = Flow("cake.bake", bake_cake.steps[0], Remote(burn, jam), failed=failed)
    job = world.start()
    world.runner.run(job)
    assert job_of(world, job).state == "stuck"
    assert "smoke" in str(job_of(world, job).error)  # why we undo, not what stands in the way
    broken[0] = False
    world.runner.drain()
    world.undone()


def test_one_live_job_a_subject(world: World) -> None:
    world.start()
    with pytest.raises(Busy), world.sessions.begin() as session:
        enqueue(session, Job, flow="cake.bake", subject="c1")
    world.runner.drain()
    with world.sessions.begin() as session:
        enqueue(session, Job, flow="cake.bake", subject="c1")


def test_busy_leaves_no_trace_of_the_transaction(world: World) -> None:
    world.start()
    with pytest.raises(Busy), world.sessions.begin() as session:
        session.add(Cake(id="c2"))
        enqueue(session, Job, flow="cake.bake", subject="c1")
    with world.sessions.read() as session:
        assert session.get(Cake, "c2") is None


def test_cancel_before_it_began(world: World) -> None:
    world.start()
    with world.sessions.begin() as session:
        assert cancel(session, Job, "c1", "changed my mind")
        assert not cancel(session, Job, "c1", "twice")
    world.runner.drain()
    world.undone()
    with world.sessions.read() as session:
        assert live(session, Job, "c1") is None


def test_only_one_of_many_workers_gets_it(world: World) -> None:
    job = world.start()
    barrier = threading.Barrier(4)
    runs: list[str] = []

    def slowly(tools: Kitchen, work: Work) -> dict[str, Any]:
        runs.append(work.id)
        return bake(tools, work) or {}

    slowly.__name__ = "bake"
    flow = Flow("cake.bake", bake_cake.steps[0], Remote(slowly, throw_away), bake_cake.steps[2], failed=failed)

    def compete(name: str) -> None:
        runner = Runner(world.sessions, Job, Event, [flow], world.kitchen, name)
        barrier.wait()
        runner.run(job)

    threads = [threading.Thread(target=compete, args=(f"w{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert runs == [job]
    world.done()


def test_a_worker_without_its_lease_cannot_save(world: World) -> None:
    job = world.start()

    def overtaken(tools: Kitchen, work: Work) -> None:
        world.runner.run(job)  # another worker takes over and finishes meanwhile

    overtaken.__name__ = "take_eggs"
    slow = Runner(
        world.sessions,
        Job,
        Event,
        [Flow("cake.bake", Remote(overtaken), failed=failed)],
        world.kitchen,
        "slow",
        lease_s=-1.0,
    )
    assert slow.run(job) is None
    world.done()
    assert job_of(world, job).attempt == 2


def test_an_unknown_flow_waits_for_a_newer_worker(world: World) -> None:
    with world.sessions.begin() as session:
        job = enqueue(session, Job, flow="cake.from_the_future", subject="c9").id
    world.runner.run(job)
    assert job_of(world, job).state == "running"
    assert job_of(world, job).owner is None


def test_a_running_worker_finds_jobs_whose_ring_was_lost(world: World) -> None:
    world.runner.start()
    try:
        job = world.start()  # nobody rings
        ended = threading.Event()
        deadline = threading.Timer(60, ended.set)
        deadline.start()
        while job_of(world, job).state != "done" and not ended.wait(0.05):
            pass
        deadline.cancel()
    finally:
        world.runner.stop()
    world.done()


def test_a_job_that_waits_for_another_does_not_drown_it(world: World) -> None:
    """It comes back many times a second; the other one, for which nobody rang, is found all the same."""

    def until_served(session: Session, tools: Kitchen, work: Work) -> None:
        if session.get_one(Cake, "c1").status != "SERVED":
            raise Again(after=0.02, why="the cake is not served")

    world.runner.flows["guest.wait"] = Flow("guest.wait", Local(until_served))
    with world.sessions.begin() as session:
        guest = enqueue(session, Job, flow="guest.wait", subject="guest").id
        session.add(Cake(id="c1"))
    world.runner.start()
    try:
        world.runner.ring(guest)
        with world.sessions.begin() as session:
            enqueue(session, Job, flow="cake.bake", subject="c1")
        ended = threading.Event()
        deadline = threading.Timer(60, ended.set)
        deadline.start()
        while job_of(world, guest).state != "done" and not ended.wait(0.05):
            pass
        deadline.cancel()
    finally:
        world.runner.stop()
    world.done()


def test_a_look_for_jobs_reads_no_finished_ones(world: World) -> None:
    """SQLite takes a partial index only for its own words."""
    if world.sessions.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL decides by its statistics")
    with count_statements(world.sessions) as seen, world.sessions.read() as session:
        due(session, Job, time.time(), 10)
        live(session, Job, "c1")
        any_alive(session, Job)
        plans = [
            str(
                session.connection()
                .exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (0,) * statement.count("?"))
                .all()
            )
            for statement in seen[:3]
        ]
    assert all("USING" in plan and "INDEX jobs_" in plan for plan in plans), plans


def test_an_idle_database_is_not_polled(world: World) -> None:
    if world.sessions.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite tells for nothing that nobody wrote")
    runner = world.runner
    runner._due()
    with count_statements(world.sessions) as seen:
        assert runner._due() == [] and seen == []
    job = world.start()
    assert runner._due() == [job]
    assert runner._due() == [job], "what lives is looked for, written or not"
