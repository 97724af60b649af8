"""The HTTP server within this process: what each kind of request, client and application gets.

`test_http_server.py` runs the same server as a process of its own, under crowds of clients.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config

from pileus_kit.http_server import event_loop
from pileus_kit.http_server.connections import State
from pileus_kit.http_server.limits import MAX_HEAD_BYTES, Limits
from pileus_kit.http_server.responder import Responder
from pileus_kit.testing.server_process import RawConnection, eventually

Start = Callable[[str, list[tuple[str, str]]], Any]
SECRET = "sesame"
SIZE = 32 << 20
"""More than the socket buffers of both ends hold."""


class Log:
    """gunicorn's log, as far as it is used."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def exception(self, message: str, *args: object) -> None:
        self.failures.append(message % args)


class Site:
    """A WSGI application; the path says how it answers."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "file"
        self.file.touch()
        os.truncate(self.file, SIZE)
        self.may_go_on, self.waiting = threading.Event(), threading.Semaphore(0)
        self.closed: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        answer: Callable[[dict[str, Any], Start], Iterable[bytes]] = getattr(self, environ["PATH_INFO"][1:] or "root")
        environ["pileus.owner"] = ("project", environ.get("HTTP_X_AUTH_TOKEN", ""))
        return answer(environ, start)

    def root(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    def echo(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        start("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def lines(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        count = str(sum(1 for _ in environ["wsgi.input"])).encode()
        start("200 OK", [("Content-Length", str(len(count)))])
        return [count]

    def large(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", str(SIZE))])
        return (bytes(1 << 16) for _ in range(SIZE >> 16))

    def sendfile(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", str(self.file.stat().st_size))])
        found: Iterable[bytes] = environ["wsgi.file_wrapper"](self.file.open("rb"))
        return found

    def wait(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        self.waiting.release()
        self.may_go_on.wait(30)
        return self.root(environ, start)

    def bug(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        raise LookupError(SECRET)

    def late_bug(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "10")])
        yield b"12345"
        raise LookupError(SECRET)

    def short(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "10")])
        return [b"12345"]

    def closing(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        site = self

        class Answer:
            def __iter__(self) -> Iterator[bytes]:
                yield b"ok"

            def close(self) -> None:
                site.closed.append("closed")

        start("200 OK", [("Content-Length", "2")])
        return Answer()


class Server:
    """The responder on a port of its own, with the main thread's loop in a thread."""

    def __init__(self, site: Site, limits: Limits) -> None:
        self.site, self.log = site, Log()
        self.responder = Responder(limits, Config(), site, self.log, None)
        self.loop = self.responder.event_loop
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.responder.pool.start()
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            self.loop.run([self.listener])

    def connect(self, sent: bytes = b"") -> RawConnection:
        return RawConnection(self.port, sent)

    def get(self, path: str = "/", **more: Any) -> tuple[int, dict[str, str], bytes]:
        with self.connect() as connection:
            connection.send_request(path, **more)
            return connection.read_response()

    def stop(self) -> None:
        self._over.set()
        self.loop.wake()
        self._thread.join(60)
        self.loop.stop()
        self.listener.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers = []

    def begin(**limits: Any) -> Server:
        usual = {"threads": 4, "slow_transfers": 4, "connections": 50}
        found = Server(Site(tmp_path), Limits(**usual | limits))
        servers.append(found)
        return found

    yield begin
    for server in servers:
        server.site.may_go_on.set()
        server.stop()


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    return start()


def test_requests_share_a_connection(server: Server) -> None:
    with server.connect() as connection:
        for _ in range(3):
            connection.send_request("/")
            status, headers, body = connection.read_response()
            assert (status, headers["connection"], body) == (200, "keep-alive", b"ok")


def test_requests_may_be_sent_before_the_answers_are_read(server: Server) -> None:
    with server.connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3) as connection:
        assert [connection.read_response()[2] for _ in range(3)] == [b"ok"] * 3


@pytest.mark.parametrize("size", [0, 1, 1 << 16, (1 << 20) + 7, 3 << 20])
def test_bodies_arrive_whole(server: Server, size: int) -> None:
    body = os.urandom(size)
    assert server.get("/echo", method="POST", body=body)[2] == body


@pytest.mark.parametrize("size", [1, 100, 1 << 16, 2 << 20])
def test_chunked_bodies_arrive_whole(server: Server, size: int) -> None:
    body = os.urandom(size)
    pieces = [body[at : at + 50_000] for at in range(0, size, 50_000)]
    chunks = b"".join(b"%x;name=x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nA: b\r\n\r\n"
    with server.connect(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks) as connection:
        assert connection.read_response()[2] == body
        connection.send_request("/")
        assert connection.read_response()[0] == 200


def test_a_request_may_come_in_pieces(server: Server) -> None:
    request = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    with server.connect() as connection:
        for at in range(len(request)):
            connection.send(request[at : at + 1])
            time.sleep(0.001)
        assert connection.read_response()[2] == b"hello"


def test_a_body_is_read_by_lines(server: Server) -> None:
    assert server.get("/lines", method="POST", body=b"a\nb\nc")[2] == b"3"


def test_a_client_that_waits_for_it_is_told_to_send_its_body(server: Server) -> None:
    with server.connect(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n") as one:
        assert one._until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue"
        one.send(b"hi")
        assert one.read_response()[2] == b"hi"


@pytest.mark.parametrize("path", ["/large", "/sendfile"])
def test_a_slow_client_gets_the_whole_answer(server: Server, path: str) -> None:
    with server.connect() as connection:
        connection.send_request(path)
        time.sleep(0.3)  # by now all buffers between us are full
        status, headers, body = connection.read_response()
    assert (status, len(body)) == (200, int(headers["content-length"]))
    assert server.get("/")[0] == 200


def test_an_answer_is_closed(server: Server) -> None:
    assert server.get("/closing")[2] == b"ok"
    eventually(lambda: server.site.closed == ["closed"])


def test_an_unread_body_is_thrown_away(server: Server) -> None:
    with server.connect() as connection:
        connection.send_request("/", method="POST", body=bytes(1000))
        assert connection.read_response()[1]["connection"] == "keep-alive"
        connection.send_request("/")
        assert connection.read_response()[0] == 200


def test_a_connection_ends_with_a_large_body_that_was_not_read(server: Server) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"
    with server.connect(head + bytes(1 << 20)) as connection:
        assert connection.read_response()[0] == 200
        assert connection.wait_closed()


def test_a_bug_shows_nothing_of_itself(server: Server) -> None:
    status, headers, body = server.get("/bug")
    assert (status, headers["connection"]) == (500, "close")
    assert SECRET.encode() not in body
    assert server.log.failures == ["GET /bug"]


@pytest.mark.parametrize("path", ["/late_bug", "/short"])
def test_half_an_answer_ends_the_connection(server: Server, path: str) -> None:
    with server.connect() as connection:
        connection.send_request(path)
        with pytest.raises((EOFError, ConnectionError)):
            connection.read_response()
    assert server.get("/")[0] == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * (MAX_HEAD_BYTES + 10) + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: tea, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
    ],
)
def test_what_is_no_request_is_refused(server: Server, sent: bytes, status: int) -> None:
    with server.connect(sent) as connection:
        answered, headers, body = connection.read_response()
        assert (answered, headers["connection"]) == (status, "close")
        assert headers["x-openstack-request-id"].startswith("req-")
        assert body.startswith(b'{"error":')
        assert connection.wait_closed()


@pytest.mark.parametrize("sent", [b"5\r\nhel", b"xyz\r\nhello\r\n0\r\n\r\n"])
def test_a_body_that_can_not_be_read_is_an_error_of_the_application(server: Server, sent: bytes) -> None:
    with server.connect(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + sent) as connection:
        try:
            connection.sock.shutdown(socket.SHUT_WR)  # the server may have ended the connection already
            assert connection.read_response()[0] >= 400
        except (EOFError, OSError):
            pass
    assert server.get("/")[0] == 200


def test_a_client_that_goes_away_leaves_nothing_behind(server: Server) -> None:
    for sent in (b"", b"GET /", b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"):
        server.connect(sent).close()
    eventually(lambda: len(server.loop) == 0)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"])
def test_a_client_that_stops_is_disconnected(start: Callable[..., Server], sent: bytes) -> None:
    server = start(head_s=0.2, pause_s=0.2)
    with server.connect(sent) as connection:
        assert connection.wait_closed()


def test_an_idle_connection_is_closed(start: Callable[..., Server]) -> None:
    server = start(idle_s=0.2)
    with server.connect() as connection:
        connection.send_request("/")
        connection.read_response()
        assert connection.wait_closed()


def test_a_client_that_takes_nothing_is_disconnected(start: Callable[..., Server]) -> None:
    server = start(pause_s=0.3, bytes_per_s=1 << 30)
    with server.connect() as connection:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.send_request("/large")
        assert connection.wait_broken()
    assert server.get("/")[0] == 200


def test_one_owner_has_half_of_the_threads(start: Callable[..., Server]) -> None:
    server = start(threads=4, connections=8)
    server.get("/", token="one")
    eventually(lambda: server.responder._shares.owner("one", "") == ("project", "one"))
    crowd = [server.connect() for _ in range(5)]
    for connection in crowd:
        connection.send_request("/wait", token="one")
    for _ in range(2):
        assert server.site.waiting.acquire(timeout=60)
    eventually(lambda: sum(c.state is State.QUEUED for c in server.loop._connections.values()) == 2)
    assert server.get("/", token="two")[0] == 200
    server.site.may_go_on.set()
    statuses = sorted(connection.read_response()[0] for connection in crowd)
    assert statuses == [200, 200, 200, 200, 429], "two ran, two waited for them, one was too many"
    for connection in crowd:
        connection.close()


def test_without_room_the_connection_that_waits_longest_is_closed(start: Callable[..., Server]) -> None:
    server = start(connections=3)
    with server.connect() as used, server.connect() as first, server.connect() as second:
        used.send_request("/")
        used.read_response()
        eventually(lambda: len(server.loop) == 3)
        assert server.get("/")[0] == 200
        assert first.wait_closed(), "it never had a request, and waits longer than the second one"
        used.send_request("/")
        assert used.read_response()[0] == 200
        second.send_request("/")
        assert second.read_response()[0] == 200


def test_bodies_that_do_not_arrive_have_a_bound_together(
    start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_loop, "MAX_BUFFERED_TOTAL_BYTES", 300_000)
    server = start()
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with server.connect(head + bytes(200_000)) as large, server.connect(head + bytes(1000)) as small:
        eventually(lambda: len(server.loop) == 2)
        with server.connect(head + bytes(150_000)) as another:
            assert large.wait_closed()
            small.send(b"x")
            another.send(b"x")
            eventually(lambda: len(server.loop) == 2)


def test_a_server_that_ends_answers_what_has_begun(start: Callable[..., Server]) -> None:
    server = start()
    with server.connect() as idle, server.connect() as busy:
        idle.send_request("/")
        idle.read_response()
        busy.send_request("/wait")
        assert server.site.waiting.acquire(timeout=60)
        server.loop.end(0.2)
        server.loop.wake()
        assert idle.wait_closed()
        server.site.may_go_on.set()
        assert busy.read_response()[0] == 200
        assert busy.wait_closed()


def test_the_application_words_what_the_server_refuses(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.site, "refusal", lambda status, why: (b"<no/>", "text/xml"), raising=False)
    with server.connect(b"GARBAGE\r\n\r\n") as connection:
        _, headers, body = connection.read_response()
    assert (headers["content-type"], body) == ("text/xml", b"<no/>")


def test_clients_are_sent_to_another_process_when_there_is_one(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.responder._load, "should_reconnect", lambda served: served == 1)
    with server.connect() as connection:
        for expected in ("keep-alive", "close"):
            connection.send_request("/")
            assert connection.read_response()[1]["connection"] == expected
