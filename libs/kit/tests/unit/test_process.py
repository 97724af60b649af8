"""Main functions: what is read before a process begins, and what ends it."""

import gc
import logging
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from gunicorn.app.base import BaseApplication

from pileus_kit import gunicorn_workers, liveness, process
from pileus_kit.config import ServiceConfig
from pileus_kit.liveness import AwakeClock


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a main function changes in its process."""
    umask = os.umask(0o022)
    os.umask(umask)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    root = logging.getLogger()
    before = root.handlers[:], root.level
    monkeypatch.setattr(process, "awake_clock", AwakeClock())
    yield
    os.umask(umask)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    gc.unfreeze()


def test_the_configuration_is_read_and_logging_set_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.conf"
    file.write_text("[DEFAULT]\nhost=here\nlog_level=WARNING\n")
    config = process.load_config(ServiceConfig, ["--config", str(file)], "volume-api")
    assert config.host == "here"
    logging.getLogger("pileus.x").warning("hello")
    assert "volume-api WARNING pileus.x" in capsys.readouterr().err
    assert os.umask(0o077) == 0o077, "files are for this process's own user"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_process(number: signal.Signals) -> None:
    steps = []

    def start() -> None:
        steps.append("start")
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()

    process.run_until_signal(start, lambda: steps.append("stop"))
    assert steps == ["start", "stop"]


def test_an_api_is_served_with_our_arbiter_and_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[BaseApplication] = []
    monkeypatch.setattr(gunicorn_workers.IdleArbiter, "run", lambda arbiter: served.append(arbiter.app))
    monkeypatch.setattr(gunicorn_workers.IdleWorker, "limits", gunicorn_workers.IdleWorker.limits)
    config = ServiceConfig(bind="127.0.0.1:0", threads=3, processes=5)
    process.serve_api(lambda given: ("application of", given), config, "volume-api")
    (app,) = served
    assert app.load() == ("application of", config)
    assert (app.cfg.threads, app.cfg.workers, app.cfg.proc_name) == (3, 1, "volume-api")
    assert app.cfg.worker_class is gunicorn_workers.IdleWorker
    assert gunicorn_workers.IdleWorker.limits.processes == 5


def test_a_process_that_has_just_begun_takes_no_host_for_silent() -> None:
    clock = AwakeClock()
    assert clock.seconds() == float("inf"), "without begin, as in tests"
    clock.begin()
    assert clock.seconds() < 5
    assert liveness.awake_clock is not clock
