"""A second process comes with load and goes without, and nobody notices but by the speed."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_kit.testing.server_process import ServerProcess, eventually

SCRIPT = Path(__file__).with_name("small_service.py")
CLIENTS = 6


class Pressing:
    """Clients who ask without pause, each over a connection that they keep as long as they may."""

    def __init__(self, server: ServerProcess) -> None:
        self.server, self.over = server, threading.Event()
        self.processes: set[int] = set()
        self.failed: list[object] = []
        self.threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _ask(self) -> None:
        while not self.over.is_set():
            with self.server.connect() as connection:
                keep = True
                while keep and not self.over.is_set():
                    connection.send_request("/v1/work")
                    status, headers, body = connection.read_response()
                    if status != 200:
                        self.failed.append((status, body))
                    self.processes.add(json.loads(body)["process"])
                    keep = headers["connection"] != "close"

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path, SCRIPT, processes=2, spare_s=2)
    yield server
    server.stop()


def test_a_second_process_comes_and_goes(server: ServerProcess) -> None:
    (first,) = server.workers()
    clients = Pressing(server)
    try:
        eventually(lambda: len(clients.processes) == 2)
    finally:
        clients.stop()
    assert not clients.failed
    eventually(lambda: server.workers() == [first])
    assert json.loads(server.get("/v1/work")[2])["process"] == first


def test_one_process_stays_one(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, SCRIPT, processes=1)
    clients = Pressing(server)
    try:
        for _ in range(300):
            server.get("/v1/work")
        assert len(server.workers()) == 1
    finally:
        clients.stop()
        server.stop()
