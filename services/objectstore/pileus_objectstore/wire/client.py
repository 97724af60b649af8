"""Asking storage servers, over connections that stay open."""

import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import HostDown
from pileus_objectstore.wire.framing import CHUNK, Body, ConnectionBroken, Stream, body_size, fields

R = TypeVar("R")
CONNECT_S = 2.0
ANSWER_S = 60.0
MIN_WRITE_RATE = 4 << 20  # bytes a second that any device manages to write


class Exchange:
    """One request under way. Use `send` for the body (chunked unless `size` was given), then `reply`."""

    def __init__(self, pool: "Pool", host: str, name: str, args: Any, size: int = 0) -> None:
        self._pool = pool
        self.host = host
        self._name = name
        self._chunked = size < 0
        self._size = size
        self._head = pool.head(name, msgspec.json.encode(args), size)
        self._stream = pool.acquire(host)

    def start(self) -> "Exchange":
        self._send(self._head)
        return self

    def with_body(self, body: bytes) -> "Exchange":
        """Head and a short body in one packet."""
        self._send(self._head + body)
        return self

    def send(self, data: bytes) -> None:
        if self._chunked:
            self._send(b"%x\r\n%b\r\n" % (len(data), data) if len(data) < 65536 else b"%x\r\n" % len(data))
            if len(data) >= 65536:
                self._send(data)
                self._send(b"\r\n")
        else:
            self._send(data)

    def finish(self) -> None:
        if self._chunked:
            self._send(b"0\r\n\r\n")

    def has_answered(self) -> bool:
        """The other side has answered (or gone) before the body was sent."""
        return self._stream.waiting()

    def reply(self, kind: type[R]) -> tuple[R, Body]:
        """The answer's head and its body. Call `done` when the body was read, `drop` to give up."""
        try:
            head = self._stream.head()
            if not head:
                raise ConnectionBroken("closed without an answer")
            _, headers = fields(head)
            result = decoding.decode(headers[b"x-result"], kind)
            return result, Body(self._stream, body_size(headers))
        except (OSError, msgspec.MsgspecError, KeyError) as e:
            self.drop()
            raise HostDown(host=self.host, why=str(e) or type(e).__name__) from e

    def extend_timeout(self, size: int) -> None:
        """Wait longer for the answer: so many bytes have to be brought to disk before it."""
        self._stream.sock.settimeout(ANSWER_S + size / MIN_WRITE_RATE)

    def done(self, body: Body | None = None) -> None:
        """Give the connection back, if nothing is left on it."""
        try:
            whole = body is None or body.skip(CHUNK)
        except OSError:
            whole = False
        if whole:
            self._stream.sock.settimeout(ANSWER_S)
            self._pool.release(self.host, self._stream)
        else:
            self.drop()

    def drop(self) -> None:
        self._stream.sock.close()

    def _send(self, data: bytes) -> None:
        try:
            self._stream.sock.sendall(data)
        except OSError as e:
            self.drop()
            raise HostDown(host=self.host, why=str(e) or type(e).__name__) from e


class Pool:
    """Connections to all storage hosts, shared by all threads."""

    def __init__(self, key: str, connect: Callable[[str], socket.socket] | None = None) -> None:
        self._key = key.encode()
        self._connect = connect or _connect
        self._idle: dict[str, list[Stream]] = {}
        self._lock = threading.Lock()

    def call(self, host: str, name: str, args: Any, kind: type[R], body: bytes = b"") -> tuple[R, bytes]:
        """One whole exchange; the answer's body in memory. Raises HostDown."""
        exchange = Exchange(self, host, name, args, len(body)).with_body(body)
        result, answer = exchange.reply(kind)
        try:
            data = answer.all()
        except OSError as e:
            exchange.drop()
            raise HostDown(host=host, why=str(e)) from e
        exchange.done()
        return result, data

    def open(self, host: str, name: str, args: Any, size: int = 0) -> Exchange:
        return Exchange(self, host, name, args, size)

    def head(self, name: str, args: bytes, size: int) -> bytes:
        length = b"Transfer-Encoding: chunked" if size < 0 else b"Content-Length: %d" % size
        return b"POST /%b HTTP/1.1\r\nX-Cluster-Key: %b\r\nX-Args: %b\r\n%b\r\n\r\n" % (
            name.encode(),
            self._key,
            args,
            length,
        )

    def acquire(self, host: str) -> Stream:
        """An open connection; those the other side has closed meanwhile are passed over."""
        while True:
            with self._lock:
                idle = self._idle.get(host)
                stream = idle.pop() if idle else None
            if stream is None:
                break
            if not stream.waiting():
                return stream
            stream.sock.close()
        try:
            return Stream(self._connect(host))
        except OSError as e:
            raise HostDown(host=host, why=str(e) or type(e).__name__) from e

    def release(self, host: str, stream: Stream) -> None:
        with self._lock:
            self._idle.setdefault(host, []).append(stream)

    def close(self) -> None:
        with self._lock:
            streams = [s for idle in self._idle.values() for s in idle]
            self._idle.clear()
        for stream in streams:
            stream.sock.close()


def _connect(host: str) -> socket.socket:
    name, _, port = host.rpartition(":")
    sock = socket.create_connection((name, int(port)), CONNECT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(ANSWER_S)
    return sock
