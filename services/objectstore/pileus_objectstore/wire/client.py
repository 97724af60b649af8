"""Calls of storage servers, over connections that stay open."""

import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import HostDown
from pileus_objectstore.config import Config
from pileus_objectstore.wire import secured
from pileus_objectstore.wire.framing import CHUNK_BYTES, Body, ConnectionBroken, Stream, body_size, parse_head

R = TypeVar("R")
CONNECT_S = 2.0
ANSWER_S = 60.0
TRUSTED_S = 0.02  # a connection that was used within this time is open
MIN_WRITE_BYTES_PER_S = 4 << 20  # what any device manages to write
COPIED_BYTES = 65536  # chunks shorter than this are copied into one packet with their size


class Exchange:
    """One call under way: its request, then its reply. A body whose `size` is -1 is sent in chunks."""

    def __init__(self, pool: "Pool", host: str, name: str, args: msgspec.Struct, size: int = 0) -> None:
        self._pool = pool
        self.host = host
        self._chunked = size < 0
        self._head = pool.head(name, msgspec.json.encode(args), size)
        self._stream = pool.acquire(host)
        self._ends = False  # the host closes the connection behind its reply

    def start(self) -> "Exchange":
        """Send the head. Raises HostDown, like all that send or receive."""
        self._send(self._head)
        return self

    def with_body(self, body: bytes) -> "Exchange":
        """Send the head and a short body in one packet."""
        self._send(self._head + body)
        return self

    def send(self, data: bytes) -> None:
        """Send the next part of the body."""
        if not self._chunked:
            self._send(data)
        elif len(data) < COPIED_BYTES:
            self._send(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._send(b"%x\r\n" % len(data))
            self._send(data)
            self._send(b"\r\n")

    def finish(self, trailer: bytes = b"") -> None:
        """End the body; a line that shall follow it needs chunks."""
        if self._chunked:
            self._send(b"0\r\n%b\r\n" % (trailer and trailer + b"\r\n"))

    def has_answered(self) -> bool:
        """Whether the storage server has answered (or closed) before the whole body was sent."""
        return self._stream.waiting()

    def reply(self, kind: type[R]) -> tuple[R, Body]:
        """The reply and its body. Call `done` when the body was read, `drop` to give up."""
        try:
            head = self._stream.read_head()
            if not head:
                raise ConnectionBroken("closed without an answer")
            _, headers = parse_head(head)
            self._ends = headers.get(b"connection") == b"close"
            result = decoding.decode(headers[b"x-result"], kind)
            return result, Body(self._stream, body_size(headers))
        except (OSError, msgspec.MsgspecError, KeyError) as e:
            self.drop()
            raise HostDown(host=self.host, why=str(e) or type(e).__name__) from e

    def extend_timeout(self, size: int) -> None:
        """Wait longer for the reply, because `size` bytes must be written to disk before it is sent."""
        self._stream.timeout_s = ANSWER_S + size / MIN_WRITE_BYTES_PER_S

    def done(self, body: Body | None = None) -> None:
        """Give the connection back to the pool, or close it if too much of a reply's body is left on it."""
        try:
            whole = not self._ends and (body is None or body.skip(CHUNK_BYTES))
        except OSError:
            whole = False
        if whole:
            self._stream.timeout_s = ANSWER_S
            self._pool.release(self.host, self._stream)
        else:
            self.drop()

    def drop(self) -> None:
        """Close the connection."""
        self._stream.sock.close()

    def _send(self, data: bytes) -> None:
        try:
            self._stream.sock.sendall(data)
        except OSError as e:
            self.drop()
            raise HostDown(host=self.host, why=str(e) or type(e).__name__) from e


class Pool:
    """Connections to all storage hosts, shared by all threads."""

    def __init__(self, key: str, connect: Callable[[str], Stream] | None = None) -> None:
        self._key = key.encode()
        self._connect = connect or _connect
        self._idle: dict[str, list[Stream]] = {}
        self._lock = threading.Lock()

    def call(self, host: str, name: str, args: msgspec.Struct, kind: type[R], body: bytes = b"") -> tuple[R, bytes]:
        """Make a whole call: (reply, the reply's body). Raises HostDown."""
        exchange = Exchange(self, host, name, args, len(body)).with_body(body)
        result, answer = exchange.reply(kind)
        try:
            data = answer.read_all()
        except OSError as e:
            exchange.drop()
            raise HostDown(host=host, why=str(e)) from e
        exchange.done()
        return result, data

    def open(self, host: str, name: str, args: msgspec.Struct, size: int = 0) -> Exchange:
        """A call whose body is sent in pieces, or whose reply's body is read in pieces. Raises HostDown."""
        return Exchange(self, host, name, args, size)

    def head(self, name: str, args: bytes, size: int) -> bytes:
        """The head of a request."""
        length = b"Transfer-Encoding: chunked" if size < 0 else b"Content-Length: %d" % size
        return b"POST /%b HTTP/1.1\r\nX-Cluster-Key: %b\r\nX-Args: %b\r\n%b\r\n\r\n" % (
            name.encode(),
            self._key,
            args,
            length,
        )

    def acquire(self, host: str) -> Stream:
        """An open connection. Idle ones that the host has closed are discarded. Raises HostDown.

        One that was used a moment ago isn't looked at: a host that closes it now fails a call as if it had died in it.
        """
        while True:
            with self._lock:
                idle = self._idle.get(host)
                stream = idle.pop() if idle else None
            if stream is None:
                break
            if time.monotonic() < stream.used_at + TRUSTED_S or not stream.waiting():
                return stream
            stream.sock.close()
        try:
            return self._connect(host)
        except OSError as e:
            raise HostDown(host=host, why=str(e) or type(e).__name__) from e

    def release(self, host: str, stream: Stream) -> None:
        """Keep a connection for the next call."""
        stream.used_at = time.monotonic()
        with self._lock:
            self._idle.setdefault(host, []).append(stream)

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            streams = [stream for idle in self._idle.values() for stream in idle]
            self._idle.clear()
        for stream in streams:
            stream.sock.close()


def open_pool(config: Config) -> Pool:
    """Connections as this host's configuration wants them: by TLS to other machines, if it has certificates."""
    if not config.storage_tls:
        return Pool(config.key())
    credentials = secured.Credentials(Path(config.storage_tls))
    return Pool(config.key(), partial(_connect_secured, credentials, config.storage_bind, config.storage_local))


def _connect_secured(credentials: secured.Credentials, own: str, local: str, host: str) -> Stream:
    """Connect to this machine's own storage server without TLS, and to others with it."""
    if host in (own, local):
        return _connect(local)
    sock = _reach(host)
    try:
        return secured.connect(credentials, sock, host.rpartition(":")[0], ANSWER_S)
    except OSError:
        sock.close()
        raise


def _connect(host: str) -> Stream:
    return Stream(_reach(host), ANSWER_S)


def _reach(host: str) -> socket.socket:
    name, _, port = host.rpartition(":")
    sock = socket.create_connection((name, int(port)), CONNECT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
