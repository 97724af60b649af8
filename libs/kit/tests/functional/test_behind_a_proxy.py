"""An API on a Unix socket takes the caller's address, scheme and path prefix from its proxy."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_kit.testing.server_process import ServerProcess, eventually

SCRIPT = Path(__file__).with_name("small_service.py")
FORWARDED = {
    "Host": "cloud.test:8443",
    "X-Forwarded-For": "192.0.2.7",
    "X-Forwarded-Proto": "https",
    "SCRIPT_NAME": "/small",
}


class SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def ask(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Path]:
    """The socket of a server that is behind a proxy."""
    path, config = tmp_path / "api.sock", tmp_path / "small.conf"
    config.write_text(f"[DEFAULT]\nstate={tmp_path}\nbind=unix:{path}\n")
    process = subprocess.Popen([sys.executable, SCRIPT, config], start_new_session=True)
    eventually(path.exists)
    yield path
    process.terminate()
    process.wait()


def test_the_proxy_says_who_asks_and_where(behind: Path) -> None:
    connection = SocketConnection(behind)
    assert ask(connection, "/small/v1/caller", FORWARDED) == (
        200,
        {"address": "192.0.2.7", "root": "https://cloud.test:8443/small/"},
    )
    other = {**FORWARDED, "X-Forwarded-For": "192.0.2.8"}
    assert ask(connection, "/small/v1/caller", other)[1]["address"] == "192.0.2.8", "on the same connection"


def test_callers_of_a_port_have_the_address_they_come_from(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, SCRIPT, threads=2)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        assert ask(connection, "/v1/caller", {"X-Forwarded-For": "192.0.2.7"})[1]["address"] == "127.0.0.1"
    finally:
        server.stop()
