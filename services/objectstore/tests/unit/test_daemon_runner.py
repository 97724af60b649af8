"""Daemons run pass after pass, whatever a pass raises, and pause in between."""

import threading
from pathlib import Path

import pytest

from pileus_kit.errors import HostDown
from pileus_objectstore.daemons.runner import MAX_REST_S, Daemon, DaemonRunner


def test_a_daemon_pauses_in_proportion_to_its_work() -> None:
    daemon = Daemon("d", str, 60.0)
    assert daemon.rest(0) == 60
    assert daemon.rest(10) == 50
    assert daemon.rest(50) == 200
    assert daemon.rest(10_000) == MAX_REST_S
    assert Daemon("d", str, 60.0, lambda: True).rest(50) == 50


def test_failures_do_not_end_a_daemon(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    passes, done = [], threading.Event()

    def run() -> str:
        passes.append(1)
        if len(passes) == 1:
            raise HostDown(host="h", why="away")
        if len(passes) == 2:
            raise OSError("disk")
        if len(passes) == 3:
            raise IndexError("a ring that was never balanced")
        done.set()
        return "3 things"

    runner = DaemonRunner([Daemon("worker", run, 0.01)], tmp_path)
    with caplog.at_level("INFO"):
        runner.start()
        assert done.wait(60)
        runner.stop()
    assert "worker: 3 things" in caplog.text
    assert "away" in caplog.text
    assert "disk" in caplog.text
    assert "a ring that was never balanced" in caplog.text
