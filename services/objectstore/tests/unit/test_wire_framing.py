"""The wire between proxies and storage servers: whatever arrives is read as a message or refused."""

import hashlib
import random
import socket
import threading
import time
from collections.abc import Iterator

import h11
import pytest

from pileus_kit.errors import HostDown
from pileus_objectstore.wire.client import Pool
from pileus_objectstore.wire.daemon_calls import DoneReply, Reclaim
from pileus_objectstore.wire.framing import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    Body,
    ConnectionBroken,
    Stream,
    body_size,
    call_name,
    parse_head,
)
from pileus_objectstore.wire.server import CallResult, Server

KEY = "k" * 64


MESSAGES = (
    b"POST /reclaim HTTP/1.1\r\nX-Cluster-Key: k\r\nX-Args: {}\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /put_object HTTP/1.1\r\nX-Args: {}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n",
    b'HTTP/1.1 200 OK\r\nX-Result: {"status":200}\r\nContent-Length: 0\r\n\r\n',
)


PIECES = (
    b"\r\n",
    b"\n",
    b"\r",
    b":",
    b" ",
    b"0",
    b"-1",
    b"0x10",
    b"99999999999999999999",
    b"chunked",
    b"\x00",
    b"\xff",
)


def received(data: bytes) -> tuple[bytes, dict[bytes, bytes], bytes] | None:
    """What a reader of these bytes sees: (first line, headers, body), None for a closed connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        theirs.sendall(data)
        theirs.close()
        stream = Stream(ours)
        head = stream.read_head()
        if not head:
            return None
        first, headers = parse_head(head)
        return first, headers, Body(stream, body_size(headers)).read_all()


def mutated(rng: random.Random, message: bytes) -> bytes:
    """The message with a few bytes lost, changed, repeated or inserted."""
    data = bytearray(message)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        change = rng.randrange(4)
        if change == 0:
            del data[at : at + rng.randint(1, 8)]
        elif change == 1 and at < len(data):
            data[at] = rng.randrange(256)
        elif change == 2:
            data[at:at] = data[at : at + rng.randint(1, 20)]
        else:
            data[at:at] = rng.choice(PIECES)
    return bytes(data)


def send_all(sock: socket.socket, data: bytes) -> None:
    try:
        sock.sendall(data)
    except OSError:  # the reader gave up
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    def reclaim(args: Reclaim, body: Body) -> CallResult:
        return CallResult(DoneReply(why=f"{args.device} {len(body.read_all())}"))

    def broken(args: Reclaim, body: Body) -> CallResult:
        raise ZeroDivisionError

    serving = Server({"reclaim": (Reclaim, reclaim), "broken": (Reclaim, broken)}, KEY, "127.0.0.1:0")
    serving.start()
    yield serving
    serving.stop()


@pytest.mark.parametrize("seed", range(8))
def test_mutated_messages_are_read_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    read = refused = 0
    for _ in range(400):
        try:
            received(mutated(rng, rng.choice(MESSAGES)))
            read += 1
        except ConnectionBroken:
            refused += 1
    assert read > 20
    assert refused > 20


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_that_is_cut_short_is_refused(message: bytes) -> None:
    for size in range(1, len(message)):
        with pytest.raises(ConnectionBroken):
            received(message[:size])


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: -1",
        b"Content-Length: +1",
        b"Content-Length: 1_0",
        b"Content-Length: 0x1",
        b"Content-Length: " + b"9" * 30,
        b"Content-Length: ",
        b"Content-Length: 1\r\nContent-Length: 1",
        b"Content-Length: 1\r\ncontent-length: 2",
        b"Content-Length: 1\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip",
        b"no header",
        b": no name",
        b"\r\n".join(b"A%d: x" % number for number in range(MAX_HEADERS + 1)),
    ],
)
def test_heads_that_no_program_of_ours_sends_are_refused(head: bytes) -> None:
    with pytest.raises(ConnectionBroken):
        received(b"POST /x HTTP/1.1\r\n" + head + b"\r\n\r\nabc")


@pytest.mark.parametrize(
    "chunk", [b"-1\r\n", b"0x1\r\na\r\n", b"\r\n", b"5 \r\nhello\r\n", b"2\r\nhello\r\n", b"f" * 30]
)
def test_chunks_that_no_program_of_ours_sends_are_refused(chunk: bytes) -> None:
    with pytest.raises(ConnectionBroken):
        received(b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n")


@pytest.mark.parametrize("line", [b"GET /x HTTP/1.1", b"POST x HTTP/1.1", b"POST /x", b"POST", b"", b"POST /x y z"])
def test_first_lines_that_are_no_calls_are_refused(line: bytes) -> None:
    with pytest.raises(ConnectionBroken):
        call_name(line)


def test_a_head_has_a_greatest_length() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        sender = threading.Thread(
            target=send_all, args=(theirs, b"POST /x HTTP/1.1\r\nA: " + b"x" * (2 * MAX_HEAD_BYTES))
        )
        sender.start()
        with pytest.raises(ConnectionBroken, match="head too long"):
            Stream(ours).read_head()
        ours.close()
        sender.join()


def test_a_line_has_a_greatest_length() -> None:
    with pytest.raises(ConnectionBroken, match="line too long"):
        received(b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 100_000)


def test_messages_in_single_bytes() -> None:
    """However the network divides a message, it is the same; what follows it stays for the next one."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        stream = Stream(ours)
        sender = threading.Thread(
            target=lambda: [theirs.sendall(bytes([byte])) for byte in MESSAGES[0] + MESSAGES[1]], daemon=True
        )
        sender.start()
        for first, body in ((b"POST /reclaim HTTP/1.1", b"hello"), (b"POST /put_object HTTP/1.1", b"helloyou")):
            line, headers = parse_head(stream.read_head())
            assert (line, Body(stream, body_size(headers)).read_all()) == (first, body)
        sender.join()


@pytest.mark.parametrize("size", [0, 5, -1])
def test_a_request_is_http(size: int) -> None:
    """An independent parser reads what the client sends."""
    head = Pool(KEY).head("put_object", b'{"a":"\xc3\xa4"}', size)
    server = h11.Connection(h11.SERVER)
    server.receive_data(head.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nHost: x\r\n", 1))
    event = server.next_event()
    assert isinstance(event, h11.Request)
    assert event.target == b"/put_object"
    headers = dict(event.headers)
    assert (headers[b"x-cluster-key"], headers[b"x-args"]) == (KEY.encode(), b'{"a":"\xc3\xa4"}')
    assert headers.get(b"content-length") == (None if size < 0 else b"%d" % size)


def test_a_server_survives_anything(server: Server) -> None:
    rng, pool = random.Random(1), Pool(KEY)
    whole = pool.head("reclaim", b'{"device":"d1","before":"0"}', 3) + b"abc"
    for _ in range(150):
        name, _, port = server.address.rpartition(":")
        with socket.create_connection((name, int(port)), 5) as sock:
            send_all(sock, mutated(rng, whole))
    reply, _ = pool.call(server.address, "reclaim", Reclaim("d1", "0"), DoneReply, b"abc")
    assert reply.why == "d1 3"
    pool.close()


def test_wrong_arguments_and_bugs_are_answered(server: Server) -> None:
    pool = Pool(KEY)
    reply, _ = pool.call(server.address, "broken", Reclaim("d1", "0"), DoneReply)
    assert reply.status == 500
    reply, _ = pool.call(server.address, "reclaim", DoneReply(), DoneReply)
    assert (reply.status, "device" in reply.why) == (400, True)
    reply, _ = pool.call(server.address, "reclaim", Reclaim("d2", "0"), DoneReply)
    assert reply.why == "d2 0"
    pool.close()


def test_a_server_that_stops_answers_on_open_connections_and_ends_each_behind_its_answer() -> None:
    """A proxy that found its connection open just before, and sends late, doesn't lose the call."""
    working, may_end = threading.Event(), threading.Event()

    def slow(args: Reclaim, body: Body) -> CallResult:
        working.set()
        may_end.wait(30)
        return CallResult(DoneReply(why=args.device))

    stopping, pool = Server({"slow": (Reclaim, slow)}, KEY, "127.0.0.1:0"), Pool(KEY)
    stopping.start()
    busy = pool.open(stopping.address, "slow", Reclaim("busy", "0")).start()
    late = pool.open(stopping.address, "slow", Reclaim("late", "0"))
    assert working.wait(30)
    while len(stopping._streams) < 2:
        time.sleep(0.01)
    end = threading.Thread(target=stopping.stop, args=(60,))
    end.start()
    while not stopping._stopping:
        time.sleep(0.01)
    late.start()
    may_end.set()
    for exchange, name in ((busy, "busy"), (late, "late")):
        reply, _ = exchange.reply(DoneReply)
        exchange.done()
        assert reply.why == name
    end.join(30)
    assert not end.is_alive(), "it waits no longer than connections are open"
    with pytest.raises(HostDown):
        pool.call(stopping.address, "slow", Reclaim("d", "0"), DoneReply)


def test_bodies() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = Stream(ours)
        theirs.sendall(b"POST /x HTTP/1.1\r\nA: b\r\n\r\n12345rest5\r\nhello\r\n0\r\n\r\n")
        assert stream.read_head() == b"POST /x HTTP/1.1\r\nA: b"
        assert Body(stream, 5).read_all() == b"12345"
        assert stream.read_exactly(4) == b"rest"
        assert Body(stream, -1).read_all() == b"hello"
        theirs.sendall(b"12")
        theirs.close()
        with pytest.raises(ConnectionBroken):
            Body(stream, 5).read_all()
        assert hashlib.md5(b"").hexdigest() == "d41d8cd98f00b204e9800998ecf8427e"
