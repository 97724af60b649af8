"""A second process comes with load and goes without, and nobody notices but by the speed."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_kit.testing.served import Served, eventually

SCRIPT = Path(__file__).with_name("small_service.py")
CLIENTS = 6


class Pressing:
    """Clients who ask without pause, each over a connection that they keep as long as they may."""

    def __init__(self, served: Served) -> None:
        self.served, self.over = served, threading.Event()
        self.processes: set[int] = set()
        self.failed: list[object] = []
        self.threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _ask(self) -> None:
        while not self.over.is_set():
            with self.served.connect() as talk:
                keep = True
                while keep and not self.over.is_set():
                    talk.ask("/v1/work")
                    status, headers, body = talk.answer()
                    if status != 200:
                        self.failed.append((status, body))
                    self.processes.add(json.loads(body)["process"])
                    keep = headers["connection"] != "close"

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    it = Served(tmp_path, SCRIPT, processes=2, spare_s=2)
    yield it
    it.stop()


def test_a_second_process_comes_and_goes(served: Served) -> None:
    (first,) = served.workers()
    clients = Pressing(served)
    try:
        eventually(lambda: len(clients.processes) == 2)
    finally:
        clients.stop()
    assert not clients.failed
    eventually(lambda: served.workers() == [first])
    assert json.loads(served.get("/v1/work")[2])["process"] == first


def test_one_process_stays_one(tmp_path: Path) -> None:
    served = Served(tmp_path, SCRIPT, processes=1)
    clients = Pressing(served)
    try:
        for _ in range(300):
            served.get("/v1/work")
        assert len(served.workers()) == 1
    finally:
        clients.stop()
        served.stop()
