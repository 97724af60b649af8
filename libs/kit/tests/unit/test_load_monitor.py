"""When an API process asks for another one. The rule is a pure function, so these tests don't depend on the machine."""

import itertools
import time

import pytest

from pileus_kit.http_server import load_monitor
from pileus_kit.http_server.load_monitor import LoadMonitor, Window, is_high


@pytest.mark.parametrize(
    ("busy_s", "cpu_s", "expected"),
    [
        (1.5, 0.3, True),
        (8.0, 0.9, True),
        (1.4, 0.9, False),  # one request after the other: a second core would help none of them
        (8.0, 0.2, False),  # many requests that wait for something else
        (0.0, 0.0, False),
    ],
)
def test_the_load_is_high_when_several_requests_use_a_core(busy_s: float, cpu_s: float, expected: bool) -> None:
    assert is_high(Window(1.0, busy_s, cpu_s)) is expected


def test_the_rule_does_not_depend_on_the_length_of_the_window() -> None:
    for seconds in (0.5, 2.0, 60.0):
        assert is_high(Window(seconds, 1.5 * seconds, 0.3 * seconds))
        assert not is_high(Window(seconds, 1.4 * seconds, 0.3 * seconds))


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = self.cpu = 1000.0

    def monotonic(self) -> float:
        return self.now

    def process_time(self) -> float:
        return self.cpu

    def work(self, monitor: LoadMonitor, requests: int, cores: float, seconds: float = 0.5) -> None:
        """Answer so many requests at a time for a while."""
        for _ in range(requests - 1):
            monitor.count(seconds)
        self.now += seconds
        self.cpu += cores * seconds
        monitor.count(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(load_monitor, "time", clock)
    return clock


def test_another_process_is_requested_again_while_the_load_is_high(clock: Clock) -> None:
    requested: list[float] = []
    monitor = LoadMonitor(lambda: requested.append(clock.now))
    for _ in range(20):
        clock.work(monitor, requests=4, cores=0.9)
    pauses = [after - before for before, after in itertools.pairwise(requested)]
    assert len(requested) >= 3
    assert all(load_monitor.REPEAT_S < pause <= load_monitor.REPEAT_S + 1.0 for pause in pauses)


def test_no_process_is_requested_without_load(clock: Clock) -> None:
    requested: list[float] = []
    monitor = LoadMonitor(lambda: requested.append(clock.now))
    for _ in range(20):
        clock.work(monitor, requests=1, cores=0.9)
        clock.work(monitor, requests=8, cores=0.1)
    assert requested == []


def test_kept_connections_are_closed_now_and_then_once_there_is_help(clock: Clock) -> None:
    monitor = LoadMonitor(lambda: None)
    every = load_monitor.REQUESTS_PER_CONNECTION
    assert not monitor.should_reconnect(every)
    for _ in range(10):
        clock.work(monitor, requests=4, cores=0.9)
    assert monitor.should_reconnect(every)
    assert monitor.should_reconnect(2 * every)
    assert not monitor.should_reconnect(every + 1)
    assert not monitor.should_reconnect(0)
    clock.work(monitor, requests=1, cores=0.1)
    clock.work(monitor, requests=1, cores=0.1)
    assert not monitor.should_reconnect(every)


def test_a_service_with_one_process_requests_none(clock: Clock) -> None:
    monitor = LoadMonitor(None)
    for _ in range(10):
        clock.work(monitor, requests=4, cores=0.9)
    assert not monitor.should_reconnect(50)
    assert time.monotonic() > 0
