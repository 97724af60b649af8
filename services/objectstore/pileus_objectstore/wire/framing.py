"""HTTP/1.1 messages on a socket, as little of it as two programs of one house need.

Only storage servers speak this, and only to proxies and duties that hold the cluster's key; the public edge is
gunicorn's.
"""

import select
import socket
from collections.abc import Iterable

MAX_HEAD = 1 << 20
CHUNK = 1 << 18


class ConnectionBroken(ConnectionError):
    """The other side went away, or did not say what was agreed."""


class Stream:
    """A socket and what was read too far."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._held = b""

    def head(self) -> bytes:
        """Everything up to the empty line; b'' if the other side closed between messages."""
        data = self._held
        end = data.find(b"\r\n\r\n")
        while end < 0:
            if len(data) > MAX_HEAD:
                raise ConnectionBroken("head too long")
            more = self.sock.recv(65536)
            if not more:
                if data:
                    raise ConnectionBroken("closed in the middle of a head")
                return b""
            data += more
            end = data.find(b"\r\n\r\n")
        self._held = data[end + 4 :]
        return data[:end]

    def some(self, max_bytes: int) -> bytes:
        """1..most bytes; b'' at the end."""
        if self._held:
            piece, self._held = self._held[:max_bytes], self._held[max_bytes:]
            return piece
        return self.sock.recv(min(max_bytes, CHUNK))

    def exactly(self, size: int) -> bytes:
        pieces = []
        while size:
            piece = self.some(size)
            if not piece:
                raise ConnectionBroken("closed in the middle of a body")
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces) if len(pieces) != 1 else pieces[0]

    def line(self) -> bytes:
        while b"\r\n" not in self._held:
            more = self.sock.recv(65536)
            if not more or len(self._held) > 4096:
                raise ConnectionBroken("closed in the middle of a chunk")
            self._held += more
        line, _, self._held = self._held.partition(b"\r\n")
        return line

    def waiting(self, seconds: float = 0) -> bool:
        """Something has arrived (or the end), or does within so many seconds."""
        if self._held:
            return True
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(seconds * 1000))


class Body:
    """The body of one message: `size` bytes, or chunks if size is -1. Raises Broken if it is cut short."""

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream = stream
        self._chunked = size < 0
        self._left = max(size, 0)
        self.ended = size == 0

    def read(self, max_bytes: int = CHUNK) -> bytes:
        """1..most bytes, b'' when all was read."""
        if self.ended:
            return b""
        if self._chunked and not self._left:
            self._left = int(self._stream.line(), 16)
            if not self._left:
                self._stream.line()
                self.ended = True
                return b""
        piece = self._stream.some(min(max_bytes, self._left))
        if not piece:
            raise ConnectionBroken("closed in the middle of a body")
        self._left -= len(piece)
        if not self._left:
            if self._chunked:
                self._stream.exactly(2)
            else:
                self.ended = True
        return piece

    def all(self) -> bytes:
        return b"".join(iter(self.read, b""))

    def skip(self, max_bytes: int) -> bool:
        """Read and forget up to `most` bytes; False if there is more (the connection can't be used again)."""
        while not self.ended and max_bytes > 0:
            max_bytes -= len(self.read())
        return self.ended


def fields(head: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """First line and headers, names in lower case."""
    first, *lines = head.split(b"\r\n")
    found = {}
    for line in lines:
        name, _, value = line.partition(b":")
        found[name.lower()] = value.strip()
    return first, found


def body_size(headers: dict[bytes, bytes]) -> int:
    if headers.get(b"transfer-encoding") == b"chunked":
        return -1
    return int(headers.get(b"content-length", b"0"))


def chunk(data: bytes) -> Iterable[bytes]:
    return (b"%x\r\n" % len(data), data, b"\r\n")
