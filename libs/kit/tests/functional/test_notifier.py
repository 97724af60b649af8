"""Messages for the bus: sent in the background, merged, dropped rather than waited for."""

import logging
import threading
from collections.abc import Callable, Iterable

import pytest

from pileus_kit.doorbell import JobNotifier, answer, doorbell
from pileus_kit.errors import HostDown
from pileus_kit.flow.runner import Runner
from pileus_kit.notifier import Notifier
from pileus_kit.rpc import Bus

WAIT_S = 60


class Recorder:
    """Opens a sender that notes what it sends; it can be held up, and fail."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.failing: set[str] = set()
        self.arrived, self.may_go_on = threading.Semaphore(0), threading.Event()
        self.may_go_on.set()

    def open(self, bus: Bus) -> Callable[[str], None]:
        return self.send

    def send(self, message: str) -> None:
        self.sent.append(message)
        self.arrived.release()
        self.may_go_on.wait(WAIT_S)
        if message in self.failing:
            raise HostDown(host="a", why="nobody listens there")

    def wait(self, count: int) -> list[str]:
        for _ in range(count):
            assert self.arrived.acquire(timeout=WAIT_S)
        return self.sent


def test_messages_are_sent_in_order() -> None:
    recorder = Recorder()
    notifier = Notifier("fake://", "test", recorder.open)
    for message in "abc":
        notifier.notify(message)
    assert recorder.wait(3) == ["a", "b", "c"]


def test_a_message_that_is_lost_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder()
    recorder.failing = {"a"}
    notifier = Notifier("fake://", "test", recorder.open)
    notifier.notify("a")
    notifier.notify("b")
    assert recorder.wait(2) == ["a", "b"]
    assert "a is lost (Host a does not answer: nobody listens there)" in caplog.text


def test_messages_are_dropped_where_the_bus_is_slow(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder()
    recorder.may_go_on.clear()
    notifier = Notifier("fake://", "test", recorder.open, max_waiting=1)
    notifier.notify("a")
    recorder.wait(1)
    with caplog.at_level(logging.WARNING):
        notifier.notify("b")
        notifier.notify("c")
    assert "c is dropped" in caplog.text
    recorder.may_go_on.set()
    assert recorder.wait(1) == ["a", "b"]


def test_messages_that_wait_are_merged() -> None:
    recorder = Recorder()
    recorder.may_go_on.clear()

    def once_each(waiting: list[str]) -> Iterable[str]:
        return dict.fromkeys(waiting)

    notifier = Notifier("fake://", "test", recorder.open, once_each)
    notifier.notify("a")
    recorder.wait(1)
    for message in "bcbcb":
        notifier.notify(message)
    recorder.may_go_on.set()
    assert recorder.wait(2) == ["a", "b", "c"]


class Rung(Runner):
    def __init__(self) -> None:
        self.rung: list[str] = []
        self.arrived = threading.Event()

    def ring(self, job_id: str) -> None:
        self.rung.append(job_id)
        self.arrived.set()


def test_a_worker_is_notified_of_a_job() -> None:
    runner = Rung()
    server = Bus("fake://").serve(answer("test.jobs", runner), "worker")
    try:
        JobNotifier("fake://", "test.jobs").notify("job-1")
        assert runner.arrived.wait(WAIT_S)
        assert runner.rung == ["job-1"]
    finally:
        server.stop()


def test_the_contract_of_workers_has_one_method() -> None:
    contract = doorbell("test.jobs")
    assert (contract.topic, contract.version) == ("test.jobs", "1.0")
