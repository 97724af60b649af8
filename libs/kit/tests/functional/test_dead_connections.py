"""Connections that are kept and end without an answer: a GET is sent again on a new one, a POST isn't."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
import requests

from pileus_kit.config import ServiceConfig
from pileus_kit.errors import PeerDown
from pileus_kit.kept_connections import KeptConnections
from pileus_kit.peers import Peers
from pileus_kit.tls import NO_CERTIFICATES

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def end(connection: socket.socket) -> None:
    connection.close()


def end_within_the_answer(connection: socket.socket) -> None:
    connection.sendall(OK + b"{")
    connection.close()


class Machine:
    """Answers requests until it is lost: then each connection that it has by now fails in `failure`'s way when it is
    used again, and new ones are answered, as by the machine that takes over its address."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.seen: list[str] = []
        self.opened = 0
        self._lost: Callable[[socket.socket], None] | None = None
        self._lost_at = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, failure: Callable[[socket.socket], None]) -> None:
        self._lost, self._lost_at = failure, self.opened

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:  # closed
                return
            self.opened += 1
            threading.Thread(target=self._answer, args=(connection, self.opened), daemon=True).start()

    def _answer(self, connection: socket.socket, number: int) -> None:
        with connection:
            while head := self._read_head(connection):
                self.seen.append(head)
                if self._lost and number <= self._lost_at:
                    self._lost(connection)
                    return
                connection.sendall(OK if head.startswith("HEAD") else OK + b"{}")

    def _read_head(self, connection: socket.socket) -> str:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return ""
            data += piece
        return data.decode().split("\r\n")[0].rpartition(" ")[0]


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    made.close()


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with NO_CERTIFICATES.open_session() as session:
        yield session


FAILURES = pytest.mark.parametrize("failure", [reset, end, end_within_the_answer])


@FAILURES
def test_a_get_is_sent_again(
    machine: Machine, http: requests.Session, failure: Callable[[socket.socket], None]
) -> None:
    http.get(f"{machine.url}/1")
    machine.lose(failure)
    assert http.get(f"{machine.url}/2").json() == {}
    assert machine.seen == ["GET /1", "GET /2", "GET /2"]
    assert machine.opened == 2


def test_a_head_is_sent_again(machine: Machine, http: requests.Session) -> None:
    http.head(f"{machine.url}/1")
    machine.lose(reset)
    assert http.head(f"{machine.url}/2").status_code == 200
    assert machine.seen == ["HEAD /1", "HEAD /2", "HEAD /2"]


@FAILURES
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_may_have_been_done_is_not_sent_again(
    machine: Machine, http: requests.Session, failure: Callable[[socket.socket], None], method: str
) -> None:
    http.get(f"{machine.url}/1")
    machine.lose(failure)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        http.request(method, f"{machine.url}/2", data=b"{}")
    assert machine.seen == ["GET /1", f"{method} /2"]
    assert http.request(method, f"{machine.url}/3").json() == {}, "the next one has a new connection"


def test_others_to_the_lost_machine_are_left(machine: Machine, http: requests.Session) -> None:
    """One call that fails is enough: what was opened before leads to the same machine."""
    together = threading.Barrier(3)

    def call() -> None:
        answer = http.get(f"{machine.url}/1", stream=True)
        together.wait(10)
        assert answer.content == b"{}"

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert machine.opened == 3
    machine.lose(reset)
    http.get(f"{machine.url}/2")
    for number in range(3, 6):
        http.post(f"{machine.url}/{number}")
    assert machine.opened == 4


def test_it_is_sent_again_once_only(machine: Machine, http: requests.Session) -> None:
    machine.lose(reset)
    machine._lost_at = 1000
    with pytest.raises(requests.ConnectionError):
        http.get(f"{machine.url}/1")
    assert machine.seen == ["GET /1", "GET /1"]


def test_a_refused_connection_is_not_a_dead_one(http: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    left = []
    monkeypatch.setattr(KeptConnections, "_leave", lambda *_: left.append(1))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(requests.ConnectionError):
        http.get(url)
    assert not left


def test_a_slow_answer_is_not_a_dead_connection(machine: Machine, http: requests.Session) -> None:
    go = threading.Event()
    http.get(f"{machine.url}/1")
    machine.lose(lambda _: go.wait(10) and None)
    with pytest.raises(requests.ReadTimeout):
        http.get(f"{machine.url}/2", timeout=0.2)
    go.set()
    assert machine.seen == ["GET /1", "GET /2"]


def test_a_service_whose_peer_died_calls_again(machine: Machine) -> None:
    peers = Peers(ServiceConfig(identity_url=f"{machine.url}/v3"))
    peers._token, peers._expires = "ours", float("inf")
    assert peers.call("identity", "GET", "/v3/1") == {}
    machine.lose(reset)
    assert peers.call("identity", "GET", "/v3/2") == {}
    machine.lose(end_within_the_answer)
    with pytest.raises(PeerDown):
        peers.call("identity", "POST", "/v3/3", json={})
    assert machine.seen == ["GET /v3/1", "GET /v3/2", "GET /v3/2", "POST /v3/3"]
