"""Half requests, slow clients and crowds: whoever keeps a connection keeps nobody else out."""

import contextlib
import os
import resource
import select
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_kit.testing.server_process import RawConnection, ServerProcess, eventually

SCRIPT = Path(__file__).with_name("small_service.py")
THREADS = 4
MANY = 60  # connections; many times the threads


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(
        tmp_path_factory.mktemp("small"),
        SCRIPT,
        threads=THREADS,
        slow_transfers=8,
        connections=200,
        head_timeout_s=1,
        body_pause_s=1,
    )
    yield server
    server.stop()


def long_suffering(directory: Path) -> Iterator[ServerProcess]:
    """A server that waits much longer than any test."""
    server = ServerProcess(directory, SCRIPT, threads=THREADS, connections=240, head_timeout_s=600, body_pause_s=600)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    yield from long_suffering(tmp_path_factory.mktemp("patient"))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ServerProcess]:
    """Another one, for tests that damage it."""
    yield from long_suffering(tmp_path)


@contextlib.contextmanager
def held(server: ServerProcess, sent: bytes, count: int = MANY) -> Iterator[list[RawConnection]]:
    connections = [server.connect(sent) for _ in range(count)]
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


HALVES = {
    "nothing": b"",
    "half a line": b"GET /v1/ HT",
    "half a head": b"GET /v1/ HTTP/1.1\r\nHost: x\r\n",
    "no body": b"POST /v1/open HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
    "half a body": b"POST /v1/open HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    "half a chunk": b"POST /v1/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{",
    "half a trailer": b"POST /v1/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\n{}\r\n0\r\nA: b\r\n",
    "an awaited body": b"POST /v1/open HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n",
    "a body for nobody": b"PUT /v1/data HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n",
}


@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES)
def test_half_requests_hold_no_thread(patient: ServerProcess, sent: bytes) -> None:
    with held(patient, sent):
        assert patient.get("/v1/")[0] == 200
        assert patient.get("/v1/things", "token-member", "POST", b"{}")[0] == 202


def test_half_requests_end(server: ServerProcess) -> None:
    connections = [server.connect(sent) for name, sent in HALVES.items() if name != "a body for nobody"]
    assert all(connection.wait_closed() for connection in connections)


TRICKLES = {
    "a head": (b"GET /v1/ HTTP/1.1\r\n", b"X-A: b\r\n"),
    "a body": (b"POST /v1/open HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{", b" "),
    "chunks": (b"POST /v1/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "an upload": (
        b"PUT /v1/data HTTP/1.1\r\nHost: x\r\nX-Auth-Token: token-member\r\nContent-Length: 100000000\r\n\r\n",
        b" ",
    ),
}


@pytest.mark.parametrize(("begin", "piece"), TRICKLES.values(), ids=TRICKLES)
def test_what_trickles_ends_too(server: ServerProcess, begin: bytes, piece: bytes) -> None:
    """Each piece is in time, the whole isn't."""
    connection = server.connect(begin)
    connection.sock.settimeout(0.05)
    for _ in range(2000):
        try:
            connection.send(piece)
            if not connection.sock.recv(1):
                return
        except TimeoutError:
            continue
        except ConnectionError:
            return
    raise AssertionError("it may go on for ever")


def test_an_answer_that_is_taken_byte_by_byte_ends_too(server: ServerProcess) -> None:
    connection = server.connect(b"GET /v1/data?size=1073741824 HTTP/1.1\r\nHost: x\r\n\r\n")
    poll = select.poll()
    poll.register(connection.sock, 0)
    while not poll.poll(50):
        connection.sock.recv(1)


@pytest.mark.parametrize("sent", [b"", HALVES["half a head"], HALVES["half a body"]])
def test_a_full_house_makes_room(patient: ServerProcess, sent: bytes) -> None:
    """Twice as many connections as there may be, and everybody who asks is answered."""
    kept = patient.connect()
    kept.send_request("/v1/")
    assert kept.read_response()[0] == 200
    with held(patient, sent, 500):
        assert patient.get("/v1/")[0] == 200
        kept.send_request("/v1/")  # who has asked before isn't the first to go
        assert kept.read_response()[0] == 200
    kept.close()


def test_descriptors_that_run_out_end_no_process(own: ServerProcess) -> None:
    (worker,) = own.workers()
    used = len(list(Path(f"/proc/{worker}/fd").iterdir()))
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + 8, used + 8))
    with held(own, HALVES["half a head"], 60):
        assert own.get("/v1/")[0] == 200
        with held(own, b"", 60):
            assert own.get("/v1/")[0] == 200
    assert own.workers() == [worker]


def test_uploads_that_stand_still_are_cut_off_and_keep_nobody_out(server: ServerProcess) -> None:
    head = (
        b"PUT /v1/data HTTP/1.1\r\nHost: x\r\nX-Auth-Token: token-member\r\nContent-Length: 100000000\r\n\r\n"
        + bytes(2 << 20)
    )
    with held(server, head, 2 * THREADS) as connections:
        assert server.get("/v1/")[0] == 200
        assert server.get("/v1/things", "token-other", "POST", b"{}")[0] == 202
        for connection in connections:
            status, _, body = connection.read_response()
            assert (status, b"could not be read" in body) == (408, True)
            assert connection.wait_closed()


def test_downloads_that_nobody_takes_are_cut_off_and_keep_nobody_out(server: ServerProcess) -> None:
    head = b"GET /v1/data?size=1073741824 HTTP/1.1\r\nHost: x\r\n\r\n"
    with held(server, head, 2 * THREADS) as connections:
        assert server.get("/v1/things", "token-other", "POST", b"{}")[0] == 202
        assert server.get("/v1/")[0] == 200
        assert all(connection.wait_broken() for connection in connections)


def test_an_answer_that_fits_needs_no_thread_until_it_is_taken(patient: ServerProcess) -> None:
    with held(patient, b"GET /v1/whole?size=200000 HTTP/1.1\r\nHost: x\r\n\r\n") as connections:
        assert patient.get("/v1/")[0] == 200
        assert len(connections[0].read_response()[2]) == 200_000


def test_threads_for_slow_transfers_go_when_these_end(patient: ServerProcess) -> None:
    head = b"PUT /v1/data HTTP/1.1\r\nHost: x\r\nX-Auth-Token: token-member\r\nContent-Length: 3145728\r\n\r\n" + bytes(
        2 << 20
    )
    with held(patient, head, 3) as connections:
        eventually(lambda: b'"threads":8' in patient.get("/v1/")[2])
        for connection in connections:
            connection.send(bytes(1 << 20))
            assert connection.read_response()[2] == b'{"bytes":3145728}'
    eventually(lambda: b'"threads":5' in patient.get("/v1/")[2])


def test_one_project_holds_half_of_the_threads(patient: ServerProcess) -> None:
    patient.get("/v1/things", "token-member", "POST", b"{}")  # now the server knows whose token this is
    head = b"GET /v1/wait/go HTTP/1.1\r\nHost: x\r\nX-Auth-Token: token-member\r\n\r\n"
    with held(patient, head, 5 * THREADS) as connections:
        eventually(lambda: len(list(patient.directory.glob("go.*"))) >= THREADS // 2)
        assert patient.get("/v1/things", "token-other", "POST", b"{}")[0] == 202
        assert len(list(patient.directory.glob("go.*"))) == THREADS // 2
        (patient.directory / "go").touch()
        assert [connection.read_response()[0] for connection in connections] == [200] * len(connections)


def test_a_project_that_waits_leaves_room_for_connections_of_others(patient: ServerProcess) -> None:
    patient.get("/v1/things", "token-member", "POST", b"{}")
    head = b"GET /v1/wait/on HTTP/1.1\r\nHost: x\r\nX-Auth-Token: token-member\r\n\r\n"
    with held(patient, head, 200) as connections:  # of 240 connections
        assert patient.get("/v1/things", "token-other", "POST", b"{}")[0] == 202
        (patient.directory / "on").touch()
        answers = [connection.read_response() for connection in connections]
    counted = [status for status, *_ in answers]
    assert counted.count(200) >= 240 // 4 and counted.count(429) == len(counted) - counted.count(200) > 0
    assert {headers["retry-after"] for status, headers, _ in answers if status == 429} == {"1"}


def test_requests_behind_each_other_are_answered_in_order(server: ServerProcess) -> None:
    connection = server.connect()
    one = b'POST /v1/open HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"n": %d00}'
    connection.send(b"".join(one % n for n in range(1, 6))[:-3])
    assert [connection.read_response()[2] for _ in range(4)] == [b'{"open":{"n":%d00}}' % n for n in range(1, 5)]
    connection.send(b"00}")
    assert connection.read_response()[2] == b'{"open":{"n":500}}'


@pytest.mark.parametrize("cut", range(1, 110, 9))
def test_a_request_may_come_in_any_pieces(server: ServerProcess, cut: int) -> None:
    whole = (
        b"POST /v1/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'5;a="b"\r\n{"n":\r\n4\r\n1234\r\n1\r\n}\r\n0\r\nTrailer-A: b\r\n\r\n'
    )
    connection = server.connect(whole[:cut])
    connection.send(whole[cut:])
    assert connection.read_response()[2] == b'{"open":{"n":1234}}'
    connection.send(whole)
    assert connection.read_response()[0] == 200


def test_who_waits_to_be_told_is_told(server: ServerProcess) -> None:
    for size in (10, 3 << 20):
        connection = server.connect(
            b"PUT /v1/data HTTP/1.1\r\nHost: x\r\nX-Auth-Token: token-member\r\n"
            b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % size
        )
        assert connection._until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue"
        connection.send(bytes(size))
        assert connection.read_response()[2] == b'{"bytes":%d}' % size


def test_a_body_that_nobody_wants(server: ServerProcess) -> None:
    """A short one is thrown away and the connection goes on; after a long one it ends, with the answer."""
    connection = server.connect()
    connection.send_request("/v1/ignored", "token-member", "PUT", bytes(50_000))
    assert connection.read_response()[0] == 200
    connection.send_request("/v1/")
    assert connection.read_response()[0] == 200
    connection.send_request("/v1/ignored", "token-member", "PUT", bytes(5 << 20))
    assert connection.read_response()[0] == 200
    assert connection.wait_closed()


def test_a_body_that_ends_early_is_no_body(server: ServerProcess) -> None:
    connection = server.connect(
        b"PUT /v1/data HTTP/1.1\r\nHost: x\r\nX-Auth-Token: token-member\r\n"
        b"Content-Length: 9000000\r\n\r\n" + bytes(2 << 20)
    )
    connection.sock.shutdown(1)
    assert connection.read_response()[0] == 400


def test_who_has_begun_is_answered_when_the_server_ends(own: ServerProcess) -> None:
    connection = own.connect()
    connection.send_request("/v1/wait/end", "token-member")
    eventually(lambda: list(own.directory.glob("end.*")))
    os.kill(own.process.pid, signal.SIGTERM)
    (own.directory / "end").touch()
    assert connection.read_response()[0] == 200
    own.process.wait()


H = b"POST /v1/open HTTP/1.1\r\nHost: x\r\n"
SECRET = b"GET /v1/ HTTP/1.1\r\nHost: x\r\n\r\n"
AMBIGUOUS = {
    "length and chunks": H + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": H + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": H + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
    "two equal lengths": H + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a list of lengths": H + b"Content-Length: 2, 2\r\n\r\n{}",
    "a signed length": H + b"Content-Length: +2\r\n\r\n{}",
    "a negative length": H + b"Content-Length: -2\r\n\r\n{}",
    "a length in hex": H + b"Content-Length: 0x2\r\n\r\n{}",
    "a length that is none": H + b"Content-Length: a\r\n\r\n{}",
    "an endless length": H + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    "an unknown coding": H + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": H + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": H + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "only identity": H + b"Transfer-Encoding: identity\r\n\r\n{}",
    "chunks in 1.0": H.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": H + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header": H + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a vertical tab": H + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a bare line feed": b"POST /v1/open HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}",
    "one bare line feed": H + b"A: b\nContent-Length: 2\r\n\r\n{}",
    "a bare carriage return": H + b"A: b\rContent-Length: 2\r\n\r\n{}",
    "a null": H + b"A: \0\r\n\r\n",
    "no colon": H + b"Nonsense\r\n\r\n",
    "no name": H + b": b\r\n\r\n",
    "two hosts": H + b"Host: y\r\n\r\n",
    "a chunk size that is none": H + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a signed chunk size": H + b"Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
    "a chunk size with an underscore": H + b"Transfer-Encoding: chunked\r\n\r\n0_2\r\n{}\r\n0\r\n\r\n",
    "a chunk without its end": H + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}GET 0\r\n\r\n",
    "a chunk that is longer": H + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "a huge chunk size": H + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "a length in a trailer": H + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nContent-Length: 3\r\n\r\n",
    "no version": b"GET /v1/\r\nHost: x\r\n\r\n",
    "a version from the future": b"GET /v1/ HTTP/3.1\r\nHost: x\r\n\r\n",
    "two spaces": b"GET  /v1/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "empty lines first": b"\r\n\r\n\r\n" + SECRET,
    "a long line": b"GET /v1/?" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long header": H + b"A: " + b"a" * 9000 + b"\r\n\r\n",
    "many headers": H + b"".join(b"A%d: b\r\n" % n for n in range(200)) + b"\r\n",
    "a head without end": H + b"A: b\r\n" * 20_000,
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 200 + b"\r\n\r\n",
    "an unknown expectation": H + b"Expect: gold\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("sent", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_may_be_read_in_two_ways_is_refused(server: ServerProcess, sent: bytes) -> None:
    """One answer that refuses, or none; and what lies behind it is never taken for a request of its own."""
    connection = server.connect()
    with contextlib.suppress(ConnectionError):
        connection.send(sent + SECRET)
    try:
        status, headers, body = connection.read_response()
    except (EOFError, ConnectionError):
        return
    assert 400 <= status < 500 or status == 501, (status, body)
    assert headers["content-type"] == "application/json" and headers["x-openstack-request-id"].startswith("req-")
    assert connection.wait_closed() and b"HTTP/1.1 2" not in connection.received


def test_after_all_of_this_everybody_is_served(server: ServerProcess) -> None:
    with held(server, SECRET, MANY) as connections:
        assert [connection.read_response()[0] for connection in connections] == [200] * MANY
    assert b"a connection failed" not in server.log.read_bytes()
