"""gunicorn's worker and arbiter as this kit changes them: how a process begins, retires, hangs and ends."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config

from pileus_kit import gunicorn_workers, listeners
from pileus_kit.gunicorn_workers import IdleArbiter, IdleWorker
from pileus_kit.http_server.limits import Limits
from pileus_kit.testing.server_process import RawConnection, eventually


class Worker(IdleWorker):
    """The worker in a thread of this process; it counts its signs of life."""

    def __init__(self, listener: socket.socket, application: Any, limits: Limits) -> None:
        config = Config()
        config.set("graceful_timeout", 1)
        super().__init__(1, 0, [listener], None, 30, config, logging.getLogger("gunicorn"))
        self.wsgi, self.limits = application, limits
        self.event_loop, self.is_retiring = None, False
        self.signs = 0
        self.ended = threading.Event()

    def notify(self) -> None:
        self.signs += 1

    def run(self) -> None:
        super().run()
        self.ended.set()


class Site:
    def __init__(self) -> None:
        self.may_go_on, self.waiting = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/wait":
            self.waiting.set()
            self.may_go_on.wait(30)
        start("200 OK", [("Content-Length", "2")])
        return [b"ok"]


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def worker(site: Site) -> Iterator[Worker]:
    listener = socket.create_server(("127.0.0.1", 0))
    found = Worker(listener, site, Limits(threads=1, linger_s=0.2, idle_s=5))
    found.port = listener.getsockname()[1]  # type: ignore[attr-defined]
    thread = threading.Thread(target=found.run, daemon=True)
    thread.start()
    eventually(lambda: found.event_loop is not None)
    yield found
    site.may_go_on.set()
    found.handle_exit(signal.SIGTERM, None)
    assert found.ended.wait(60)


def connect(worker: Worker) -> RawConnection:
    return RawConnection(worker.port)  # type: ignore[attr-defined]


def test_a_worker_answers(worker: Worker) -> None:
    with connect(worker) as connection:
        connection.send_request("/")
        assert connection.read_response()[2] == b"ok"
    assert worker.signs > 0


def test_a_worker_says_when_it_is_ready(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    announcement = os.eventfd(0, os.EFD_NONBLOCK)
    monkeypatch.setenv(listeners.READY_VARIABLE, str(os.dup(announcement)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Worker(listener, site, Limits(threads=1))
        threading.Thread(target=found.run, daemon=True).start()
        eventually(lambda: _reads(announcement) == 1)
        found.handle_exit(signal.SIGTERM, None)
        assert found.ended.wait(20)
    os.close(announcement)


def _reads(announcement: int) -> int:
    try:
        return os.eventfd_read(announcement)
    except BlockingIOError:
        return 0


def test_a_worker_that_retires_closes_a_kept_connection_behind_its_next_answer(worker: Worker) -> None:
    """A client whose request is on its way, however late, must not lose it."""
    with connect(worker) as kept, connect(worker) as unused:
        kept.send_request("/")
        kept.read_response()
        loop = worker.event_loop
        assert loop
        eventually(lambda: len(loop) == 2)
        worker.handle_winch(0, None)
        eventually(lambda: loop.is_ending)
        for connection in (kept, unused):
            connection.send_request("/")
            status, headers, _ = connection.read_response()
            assert (status, headers["connection"]) == (200, "close")
    assert worker.ended.wait(20)


@pytest.mark.parametrize("way", ["handle_winch", "handle_exit"])
def test_a_worker_that_ends_answers_what_has_begun(worker: Worker, site: Site, way: str) -> None:
    worker.limits = replace(worker.limits, idle_s=0.2)
    with connect(worker) as idle, connect(worker) as busy:
        idle.send_request("/")
        idle.read_response()
        busy.send_request("/wait")
        assert site.waiting.wait(60)
        getattr(worker, way)(0, None)
        assert idle.wait_closed()
        site.may_go_on.set()
        assert busy.read_response()[0] == 200
    assert worker.ended.wait(60)


def test_a_worker_whose_threads_all_hang_gives_no_sign_of_life(worker: Worker, site: Site) -> None:
    """Its only thread is at one request for longer than `hang_s`."""
    with connect(worker) as connection:
        connection.send_request("/wait")
        assert site.waiting.wait(60)
        worker.limits = replace(worker.limits, hang_s=0.0)
        time.sleep(0.1)
        before = worker.signs
        for _ in range(3):
            assert worker.event_loop
            worker.event_loop.wake()
            time.sleep(0.02)
        assert worker.signs <= before + 1, "it may have been about to give one"
        worker.limits = replace(worker.limits, hang_s=120.0)
        loop = worker.event_loop
        eventually(lambda: loop.wake() or worker.signs > before + 1)
        site.may_go_on.set()
        assert connection.read_response()[0] == 200


def test_a_worker_asks_its_arbiter_for_another_process(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(gunicorn_workers.os, "kill", lambda pid, number: sent.append((pid, number)))
    worker._request_process()
    assert sent == [(0, signal.SIGTTIN)]


class App(BaseApplication):
    def load_config(self) -> None:
        pass

    def load(self) -> Any:
        return None


class Arbiter(IdleArbiter):
    """Notes the processes that it would start and end."""

    def __init__(self) -> None:
        super().__init__(App())
        self.WORKERS: dict[int, Any] = {}
        self.killed: list[tuple[int, int]] = []
        self.num_workers = 1
        self.manage_workers()

    def spawn_workers(self) -> None:
        while len(self.WORKERS) < self.num_workers:
            pid = 1000 + max(self.WORKERS, default=0) + 1
            self.WORKERS[pid] = type("W", (), {"age": pid})()

    def kill_worker(self, pid: int, sig: int) -> None:
        self.killed.append((pid, sig))


@pytest.fixture
def arbiter(monkeypatch: pytest.MonkeyPatch) -> Arbiter:
    monkeypatch.setattr(IdleWorker, "limits", Limits(processes=2, spare_s=0.05))
    monkeypatch.setattr("gunicorn.arbiter.Arbiter.wait_for_signals", lambda self, timeout: [])
    return Arbiter()


def test_processes_come_with_load_and_go_without(arbiter: Arbiter) -> None:
    assert len(arbiter.WORKERS) == 1
    for _ in range(3):
        arbiter.handle_ttin()
    assert len(arbiter.WORKERS) == 2, "never more than may be"
    arbiter.wait_for_signals()
    arbiter.manage_workers()
    assert arbiter.killed == []
    time.sleep(0.06)
    arbiter.wait_for_signals()
    arbiter.manage_workers()
    arbiter.manage_workers()
    youngest = max(arbiter.WORKERS)
    assert arbiter.killed == [(youngest, signal.SIGWINCH)], "it is told once"
    del arbiter.WORKERS[youngest]
    arbiter.manage_workers()
    assert len(arbiter.WORKERS) == 1
