"""A database that is locked, full or gone makes jobs wait. It fails none of them and is never shown to a user."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job_tables import Cake, Event, Job, Model
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from pileus_kit.errors import Conflict, DatabaseBusy, HostDown, PeerDown
from pileus_kit.flow import Flow, Local, Remote, Runner, Work, enqueue
from pileus_kit.testing import fresh_sessions


class Kitchen:
    """`at_bake` is what happens to the world in the middle of the remote step."""

    def __init__(self) -> None:
        self.baked = 0
        self.at_bake: Any = lambda: None


def take_eggs(session: Session, tools: Kitchen, work: Work) -> None:
    session.get_one(Cake, work.subject).eggs += 3


def give_back(session: Session, tools: Kitchen, work: Work) -> None:
    session.get_one(Cake, work.subject).eggs = 0


def bake(tools: Kitchen, work: Work) -> dict[str, Any]:
    tools.baked += 1
    tools.at_bake()
    return {"baked": True}


def throw_away(tools: Kitchen, work: Work) -> None:
    tools.baked = 0
    tools.at_bake()


def refuse(tools: Kitchen, work: Work) -> None:
    raise Conflict(why="The guests have left.")


bake_cake = Flow("cake.bake", Local(take_eggs, give_back), Remote(bake, throw_away, patience_s=0.0))
bake_in_vain = Flow("cake.vain", Local(take_eggs, give_back), Remote(bake, throw_away), Remote(refuse))


class World:
    def __init__(self, place: Path) -> None:
        self.sessions, self.kitchen = fresh_sessions(Model, place), Kitchen()
        self.file = place / "test.sqlite"
        if self.sessions.engine.dialect.name == "sqlite":
            event.listen(self.sessions.engine, "checkout", impatient)
        self.runner = Runner(self.sessions, Job, Event, [bake_cake, bake_in_vain], self.kitchen, "w1")

    def start(self, flow: Flow = bake_cake) -> str:
        with self.sessions.begin() as session:
            session.add(Cake(id="c1"))
            return enqueue(session, Job, flow=flow.name, subject="c1").id

    def job(self, job_id: str) -> Job:
        with self.sessions.read() as session:
            return session.get_one(Job, job_id)

    def eggs(self) -> int:
        with self.sessions.read() as session:
            return session.get_one(Cake, "c1").eggs


def impatient(connection: Any, _record: Any, _proxy: Any) -> None:
    """SQLite gives up at once; what is tested is what happens then."""
    connection.execute("PRAGMA busy_timeout=10")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.sessions.dispose()


@pytest.fixture
def locked(world: World) -> Iterator[sqlite3.Connection]:
    """Another program that can lock the database."""
    if world.sessions.engine.dialect.name != "sqlite":
        pytest.skip("a lock of SQLite's")
    connection = sqlite3.connect(world.file, isolation_level=None, check_same_thread=False)
    yield connection
    connection.close()


@pytest.mark.parametrize(("flow", "state", "eggs"), [(bake_cake, "done", 3), (bake_in_vain, "undone", 0)])
def test_a_locked_database_is_waited_for(
    world: World, locked: sqlite3.Connection, flow: Flow, state: str, eggs: int
) -> None:
    """Locked while a step works on something else, so that what it did can't be written down; in undo steps, too."""
    times = iter(range(2))  # bake, throw_away

    def lock() -> None:
        if next(times, None) is not None:
            locked.execute("BEGIN IMMEDIATE")
            threading.Timer(0.3, locked.execute, ("ROLLBACK",)).start()

    world.kitchen.at_bake = lock
    job = world.start(flow)
    world.runner.run(job)
    assert (world.job(job).state, world.eggs()) == (state, eggs)
    with world.sessions.read() as session:
        assert "stuck" not in session.scalars(select(Event.outcome)).all()


def test_what_was_done_is_not_done_again_while_the_database_is_locked(world: World, locked: sqlite3.Connection) -> None:
    def lock() -> None:
        locked.execute("BEGIN IMMEDIATE")
        threading.Timer(0.5, locked.execute, ("ROLLBACK",)).start()

    world.kitchen.at_bake = lock
    world.runner.run(world.start())
    assert world.kitchen.baked == 1


def test_a_full_database_is_waited_for(world: World) -> None:
    if world.sessions.engine.dialect.name != "sqlite":
        pytest.skip("a limit of SQLite's")
    full = [True]

    def limit(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={1 if full[0] else 1_000_000}")

    job = world.start()
    with world.sessions.begin() as session:  # leaves no room on the last page
        session.add(Cake(id="x" * 36))
    event.listen(world.sessions.engine, "checkout", limit)
    with pytest.raises(DatabaseBusy), world.sessions.begin() as session:
        session.execute(text("CREATE TABLE crumbs (id)"))
    threading.Timer(0.3, lambda: full.__setitem__(0, False)).start()
    world.runner.run(job)
    world.runner.drain()
    assert (world.job(job).state, world.eggs()) == ("done", 3)


def test_a_commit_whose_answer_was_lost_happens_once(world: World) -> None:
    """As when a server of PostgreSQL restarts after it has committed and before it could say so."""
    lost = [True]

    def cut(connection: Any) -> None:
        if lost[0] and world.kitchen.baked == 0:
            lost[0] = False
            connection.connection.dbapi_connection.execute("COMMIT")
            raise OperationalError("COMMIT", {}, ConnectionError("server closed the connection"))

    if world.sessions.engine.dialect.name != "sqlite":
        pytest.skip("plays with SQLite's way to commit")
    job = world.start()
    place = world.runner._executor.records.claim(job)
    assert place is not None
    event.listen(world.sessions.engine, "commit", cut)
    world.runner._executor._run_steps(place)
    assert (world.job(job).state, world.eggs()) == ("done", 3)


def test_a_bug_in_a_statement_is_no_weather(world: World) -> None:
    with (
        pytest.raises(OperationalError if world.file.exists() else Exception) as raised,
        world.sessions.read() as session,
    ):
        session.execute(text("SELECT nothing FROM nowhere"))
    assert not isinstance(raised.value, DatabaseBusy)


def test_a_peer_that_is_away_is_waited_for_beyond_a_steps_patience(world: World) -> None:
    def away() -> None:
        raise PeerDown(service="flour", why="nobody is there")

    world.kitchen.at_bake = away
    job = world.start()
    for _ in range(5):
        with world.sessions.begin() as session:
            session.get_one(Job, job).run_at = 0.0
        world.runner.run(job)
    assert (world.job(job).state, world.job(job).step) == ("running", "bake")
    world.kitchen.at_bake = lambda: None
    world.runner.drain()
    assert world.job(job).state == "done"


def test_time_in_which_no_worker_tried_does_not_count(world: World) -> None:
    """The machine slept, or its workers were down: the step has had no chance meanwhile."""
    flow = Flow("cake.bake", Local(take_eggs, give_back), Remote(bake, throw_away, patience_s=100.0))
    world.runner.flows["cake.bake"] = flow

    def cold() -> None:
        raise HostDown(host="oven", why="it is cold")

    world.kitchen.at_bake = cold
    job = world.start()
    world.runner.run(job)
    with world.sessions.begin() as session:  # an hour passes
        row = session.get_one(Job, job)
        row.run_at -= 3600
        row.waiting_since = (row.waiting_since or 0.0) - 3600
    world.runner.run(job)
    assert world.job(job).state == "running"


def test_a_fault_shows_no_machinery(world: World) -> None:
    def burst() -> None:
        raise Conflict(
            why="qemu-img: Could not open '/srv/cloud/instances/c1/disk': OSError: [Errno 28] No space "
            "left on device\n[SQL: BEGIN IMMEDIATE]\n(Background on this error at: https://sqlalche.me)"
        )

    world.kitchen.at_bake = burst
    job = world.start()
    world.runner.run(job)
    assert world.job(job).error == "qemu-img: Could not open 'disk': No space left on device"
