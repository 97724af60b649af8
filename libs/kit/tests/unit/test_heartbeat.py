"""The loop of an agent: when it reports, and that nothing ends it."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pileus_kit.errors import BadRequest, HostDown
from pileus_kit.heartbeat import Heartbeat


class Agent:
    """Counts its reports; `errors` are raised by the next ones."""

    def __init__(self) -> None:
        self.reports = self.changes = 0
        self.errors: list[Exception] = []
        self.times: list[float] = []

    def report(self) -> None:
        self.times.append(time.monotonic())
        self.reports += 1
        if self.errors:
            raise self.errors.pop(0)

    def apply(self) -> None:
        self.changes += 1
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
def running() -> Iterator[Callable[..., Heartbeat]]:
    started = []

    def start(agent: Agent, **options: object) -> Heartbeat:
        options = {"every_s": 60.0, "retry_s": 0.01, "between": agent.apply} | options
        heartbeat = Heartbeat(agent.report, **options)  # type: ignore[arg-type]
        heartbeat.start()
        started.append(heartbeat)
        return heartbeat

    yield start
    for heartbeat in started:
        heartbeat.stop(5)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_the_first_report_is_made_at_once(running: Callable[..., Heartbeat]) -> None:
    agent = Agent()
    running(agent)
    wait_for(lambda: agent.reports == 1)
    time.sleep(0.05)
    assert (agent.reports, agent.changes) == (1, 0)


def test_reports_follow_at_intervals(running: Callable[..., Heartbeat]) -> None:
    agent = Agent()
    running(agent, every_s=0.01)
    wait_for(lambda: agent.reports >= 3)


@pytest.mark.parametrize("error", [HostDown(host="a", why="gone"), BadRequest(why="no"), OSError(), KeyError("bug")])
def test_a_report_that_fails_is_tried_again_soon(running: Callable[..., Heartbeat], error: Exception) -> None:
    agent = Agent()
    agent.errors = [error, error]
    running(agent)
    wait_for(lambda: agent.reports == 3)


def test_a_wake_leads_to_a_report(running: Callable[..., Heartbeat]) -> None:
    agent = Agent()
    heartbeat = running(agent)
    wait_for(lambda: agent.reports == 1)
    heartbeat.wake()
    wait_for(lambda: agent.reports == 2)


def test_a_wake_during_a_report_leads_to_another() -> None:
    agent, begun, may_end = Agent(), threading.Event(), threading.Event()

    def report() -> None:
        agent.report()
        begun.set()
        may_end.wait(60)

    heartbeat = Heartbeat(report, every_s=60, retry_s=60)
    heartbeat.start()
    assert begun.wait(60)
    heartbeat.wake()
    may_end.set()
    wait_for(lambda: agent.reports == 2)
    heartbeat.stop()


def test_a_nudge_does_the_work_between_reports(running: Callable[..., Heartbeat]) -> None:
    agent = Agent()
    heartbeat = running(agent)
    wait_for(lambda: agent.reports == 1)
    heartbeat.nudge()
    wait_for(lambda: agent.changes == 1)
    assert agent.reports == 1


def test_work_between_reports_that_fails_leads_to_a_report(running: Callable[..., Heartbeat]) -> None:
    agent = Agent()
    heartbeat = running(agent)
    wait_for(lambda: agent.reports == 1)
    agent.errors = [BadRequest(why="no")]
    heartbeat.nudge()
    wait_for(lambda: agent.reports == 2)


def test_a_nudge_without_work_does_nothing() -> None:
    agent = Agent()
    heartbeat = Heartbeat(agent.report, every_s=60, retry_s=60)
    heartbeat.turn()
    heartbeat.turn()
    assert agent.reports == 1


def test_with_backoff_the_tries_become_rarer() -> None:
    agent = Agent()
    agent.errors = [OSError()] * 4
    heartbeat = Heartbeat(agent.report, every_s=0.08, retry_s=0.02, backoff=True)
    heartbeat.start()
    wait_for(lambda: agent.reports == 5)
    heartbeat.stop()
    pauses = [after - before for before, after in zip(agent.times, agent.times[1:], strict=False)]
    assert pauses[0] >= 0.02
    assert pauses[1] >= 0.04
    assert pauses[3] >= 0.08


def test_stop_ends_the_loop_and_says_so_to_long_work(running: Callable[..., Heartbeat]) -> None:
    agent = Agent()
    heartbeat = running(agent)
    wait_for(lambda: agent.reports == 1)
    assert not heartbeat.is_stopping
    heartbeat.stop(5)
    assert heartbeat.is_stopping
    assert not heartbeat._thread.is_alive()
