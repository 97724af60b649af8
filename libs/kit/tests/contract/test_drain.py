"""An API behind a balancer ends without a failed request: the balancer notices before the socket is closed."""

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pileus_kit.testing.server_process import ServerProcess, eventually

SCRIPT = Path(__file__).parents[1] / "functional" / "small_service.py"
BALANCER = """
global
  maxconn 200
  stats socket {folder}/control
defaults
  mode http
  retries 0
  timeout connect 5s
  timeout check 10s
  timeout client 60s
  timeout server 60s
frontend small
  bind 127.0.0.1:{port}
  default_backend small
backend small
  option httpchk GET /healthcheck
  default-server check inter 200ms fall 2 rise 1
{servers}
"""


class Balancer:
    """HAProxy in front of some servers; it tries no request twice."""

    def __init__(self, folder: Path, servers: list[ServerProcess]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        lines = "\n".join(f"  server s{number} 127.0.0.1:{one.port}" for number, one in enumerate(servers))
        self._control, config = folder / "control", folder / "haproxy.cfg"
        config.write_text(BALANCER.format(folder=folder, port=self.url.rpartition(":")[2], servers=lines))
        self._process = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", config])
        eventually(lambda: self._control.exists() and self.is_up(0) and self.is_up(1))

    def is_up(self, number: int) -> bool:
        """Whether requests go to a server."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self._control))
            control.sendall(b"show stat\n")
            control.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: control.recv(1 << 16), b"")).decode()
        line = next(line for line in answer.splitlines() if line.startswith(f"small,s{number},"))
        return line.split(",")[17] == "UP"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Load(threading.Thread):
    """Makes requests without a pause, on kept connections and on new ones; keeps what wasn't answered with 200."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url, self._over = url, threading.Event()
        self.answers, self.failures = 0, list[object]()

    def run(self) -> None:
        with requests.Session() as kept:
            while not self._over.is_set():
                for ask in (kept.get, requests.get):
                    try:
                        status: object = ask(f"{self._url}/v1/", timeout=60).status_code
                    except requests.RequestException as err:
                        status = err
                    self.answers += 1
                    if status != 200:
                        self.failures.append(status)

    def stop(self) -> None:
        self._over.set()
        self.join()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[ServerProcess]]:
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        found.append(ServerProcess(tmp_path / name, SCRIPT, drain_s=6))
    yield found
    for server in found:
        server.stop()


@pytest.fixture
def balancer(tmp_path: Path, servers: list[ServerProcess]) -> Iterator[Balancer]:
    found = Balancer(tmp_path, servers)
    yield found
    found.close()


def test_no_request_fails_while_an_api_ends(balancer: Balancer, servers: list[ServerProcess]) -> None:
    loads = [Load(balancer.url) for _ in range(3)]
    for load in loads:
        load.start()
    ending = servers[0]
    answer = list[int]()
    running = threading.Thread(target=lambda: answer.append(ending.get("/v1/wait/long", token="token-member")[0]))
    running.start()
    eventually(lambda: list(ending.directory.glob("long.*.begun")))
    ending.process.send_signal(signal.SIGTERM)
    eventually(lambda: not balancer.is_up(0))
    (ending.directory / "long").touch()
    running.join()
    ending.process.wait(60)
    before = sum(load.answers for load in loads)
    eventually(lambda: sum(load.answers for load in loads) > before + 10)
    for load in loads:
        load.stop()
    assert answer == [200], "a request that had begun is answered"
    assert balancer.is_up(1)
    assert [load.failures for load in loads] == [[], [], []]
