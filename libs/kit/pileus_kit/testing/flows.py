"""Interrupts a flow at every step: kills its worker before and after the step's effect, fails, cancels and repeats the
step, and makes the database busy."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol

from pileus_kit.errors import DatabaseBusy
from pileus_kit.flow import Flow, Remote, Runner, cancel
from pileus_kit.flow.steps import Step


class Crash(BaseException):
    """Stands for the end of the worker process: nothing after it runs."""


class Scenario(Protocol):
    """A fresh system in which one job of the flow can be enqueued, and what it looks like afterwards."""

    runner: Runner

    def start(self) -> str:
        """Enqueue the job (through the API where there is one) without running it; returns its id."""
        ...

    def done(self) -> None:
        """Assert that everything is as a done job leaves it."""
        ...

    def undone(self) -> None:
        """Assert that nothing is left of it but the record of its failure."""
        ...


Make = Callable[[], AbstractContextManager[Scenario]]


class InjectedFailure(Exception):
    """The failure that the test injects."""


def kill_at_every_step(flow: Flow, make: Make, *, cancellable: bool = True, undoable: bool = True) -> None:
    """Assert for each step of `flow` that the job ends well: done after a crash or a repetition, undone after a failure
    or a cancellation, done although the database is busy for a while.

    `make()` returns a context manager with a fresh scenario each time.
    """
    for index, step in enumerate(flow.steps):
        about = f"{flow.name}, step {step.name}"
        _crashes(flow, index, make, about)
        _runs(flow, {index: _on_busy_database(step)}, make, "done", f"{about}: the database is busy")
        if isinstance(step, Remote):
            _runs(flow, {index: _run_twice(step)}, make, "done", f"{about}: run twice")
        if undoable:
            _runs(flow, {index: _fails(step, after=False)}, make, "undone", f"{about}: fails before its effect")
            _runs(flow, {index: _fails(step, after=True)}, make, "undone", f"{about}: fails after its effect")
            _undo_crashes(flow, index, make, about)
            if step.undo:
                bad = replace(_fails(step, after=True), undo=_busy_at_first(step.undo))
                _runs(flow, {index: bad}, make, "undone", f"{about}: the database is busy while undoing")
        if cancellable:
            _cancelled(flow, index, make, f"{about}: cancelled meanwhile")


def _crashes(flow: Flow, index: int, make: Make, about: str) -> None:
    for after in (False, True):
        with make() as world:
            job = world.start()
            _die(world.runner, _with(flow, {index: _dies(flow.steps[index], after)}), job)
            _finish(world, f"{about}: killed {'after' if after else 'before'} its effect")
            _expect(world, job, "done", f"{about}: killed")


def _undo_crashes(flow: Flow, index: int, make: Make, about: str) -> None:
    """Fail the step, and kill the worker after it has undone it: another worker goes on."""
    step = flow.steps[index]
    if step.undo is None:
        return
    with make() as world:
        job = world.start()
        bad = replace(_fails(step, after=True), undo=_then_crash(step.undo))
        _die(world.runner, _with(flow, {index: bad}), job)
        _finish(world, about)
        _expect(world, job, "undone", f"{about}: killed while undoing")


def _cancelled(flow: Flow, index: int, make: Make, about: str) -> None:
    with make() as world:
        job = world.start()
        runner = world.runner

        def cancel_it(tools: Any, work: Any) -> None:
            with runner.sessions.begin() as session:
                assert cancel(session, runner.job, work.subject, "the test cancels")

        step = flow.steps[index]
        if not isinstance(
            step, Remote
        ):  # a transaction can't be cancelled halfway, so the job is cancelled just before it
            bad = Flow(
                flow.name,
                *flow.steps[:index],
                Remote(_named(cancel_it, "cancelled_here")),
                *flow.steps[index:],
                failed=flow.failed,
            )
        else:

            def do(tools: Any, work: Any) -> Any:
                result = step.do(tools, work)
                cancel_it(tools, work)
                return result

            bad = _with(flow, {index: replace(step, do=_named(do, step.name))})
        _drain(runner, bad)
        _expect(world, job, "undone", about)


def _runs(flow: Flow, changed: dict[int, Step], make: Make, end: str, about: str) -> None:
    with make() as world:
        job = world.start()
        _drain(world.runner, _with(flow, changed))
        _expect(world, job, end, about)


def _expect(world: Scenario, job: str, end: str, about: str) -> None:
    with world.runner.sessions.read() as session:
        row = session.get(world.runner.job, job)
        assert row is not None and row.state == end, (
            f"{about}: the job is {row.state if row else 'gone'} ({row.error if row else ''}), not {end}"
        )
    try:
        getattr(world, end)()
    except AssertionError as err:
        raise AssertionError(f"{about}: {err}") from err


def _die(runner: Runner, flow: Flow, job: str) -> None:
    """Run the job in a worker that is killed at the prepared step, with a lease that has already run out."""
    killed = Runner(
        runner.sessions,
        runner.job,
        runner.event,
        [f for f in runner.flows.values() if f.name != flow.name] + [flow],
        runner.tools,
        "killed",
        lease_s=-1.0,
    )
    try:
        for _ in range(20):  # steps before it may raise Again
            with runner.sessions.begin() as session:
                row = session.get(runner.job, job)
                assert row is not None
                row.run_at = 0.0
            killed.run(job)
    except Crash:
        return
    raise AssertionError(f"{flow.name} never reached the step at which its worker is killed")


def _finish(world: Scenario, about: str) -> None:
    try:
        world.runner.drain()
    except TimeoutError as err:
        raise AssertionError(f"{about}: never came to rest") from err


def _drain(runner: Runner, flow: Flow) -> None:
    known = runner.flows[flow.name]
    runner.flows[flow.name] = flow
    try:
        runner.drain()
    finally:
        runner.flows[flow.name] = known


def _with(flow: Flow, changed: dict[int, Step]) -> Flow:
    return Flow(
        flow.name,
        *(changed.get(i, step) for i, step in enumerate(flow.steps)),
        failed=flow.failed,
        again=flow.again,
        ends=flow.ends,
    )


def _named(fn: Any, name: str) -> Any:
    fn.__name__ = name
    return fn


def _dies(step: Step, after: bool) -> Step:
    def do(*args: Any) -> Any:
        if after:
            step.do(*args)
        raise Crash

    return replace(step, do=_named(do, step.name))


def _fails(step: Step, after: bool) -> Step:
    def do(*args: Any) -> Any:
        if after:
            step.do(*args)
        raise InjectedFailure("the test breaks this step")

    return replace(step, do=_named(do, step.name))


def _on_busy_database(step: Step) -> Step:
    return replace(step, do=_named(_busy_at_first(step.do), step.name))


def _busy_at_first(fn: Any) -> Any:
    """Return the function with a database that is busy before its effect, and then once more after it."""
    tries = iter(range(1000))

    def do(*args: Any) -> Any:
        number = next(tries)
        if number == 0:
            raise DatabaseBusy
        result = fn(*args)
        if number == 1:
            raise DatabaseBusy
        return result

    return do


def _run_twice(step: Step) -> Step:
    def do(*args: Any) -> Any:
        step.do(*args)
        return step.do(*args)

    return replace(step, do=_named(do, step.name))


def _then_crash(undo: Any) -> Any:
    def both(*args: Any) -> Any:
        undo(*args)
        raise Crash

    return both
