"""HTTP/1.1 messages on a socket: the small part of it that two programs of one service need.

Only storage servers use this, and only with proxies and daemons that hold the cluster's key; clients talk to gunicorn.
The key is checked after a head was parsed, so heads are treated as untrusted: whatever is not exactly what the other
side of this code would send raises ConnectionBroken.
"""

import select
import socket
import struct

MAX_HEAD_BYTES = 1 << 20  # rows of listings travel in a header
MAX_HEADERS = 16
MAX_LINE_BYTES = 4096  # the line that begins a chunk
MAX_SIZE_DIGITS = 18
CHUNK_BYTES = 1 << 18
RECEIVE_BYTES = 1 << 16
HEAD_END = b"\r\n\r\n"
DIGITS = b"0123456789abcdef"


class ConnectionBroken(ConnectionError):
    """The other side has closed the connection, or has sent something that is not a message."""


class Stream:
    """A socket, and the bytes that were received but not read yet."""

    def __init__(self, sock: socket.socket, timeout_s: float = 0.0, tick_s: float = 0.0) -> None:
        """With `timeout_s` the kernel ends a call that waits so long: Python's own timeouts cost a poll each time.

        `arrives` waits for `tick_s` seconds, by default as long as everything else.
        """
        self.sock = sock
        self.timeout_s = timeout_s
        self.used_at = 0.0  # when its last user gave it back (monotonic)
        self._tick_s = tick_s or timeout_s
        self._held = b""
        if timeout_s:
            sock.settimeout(None)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(self._tick_s))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(timeout_s))

    def read_head(self) -> bytes:
        """Everything before the empty line; b'' if the other side closed between two messages."""
        held = self._held
        end = held.find(HEAD_END)
        if end < 0:
            data = bytearray(held)
            while end < 0:
                if len(data) > MAX_HEAD_BYTES:
                    raise ConnectionBroken("head too long")
                more = self._receive(RECEIVE_BYTES)
                if not more:
                    if data:
                        raise ConnectionBroken("closed in the middle of a head")
                    return b""
                searched = max(0, len(data) - len(HEAD_END) + 1)
                data += more
                end = data.find(HEAD_END, searched)
            held = bytes(data)
        self._held = held[end + len(HEAD_END) :]
        return held[:end]

    def read_some(self, max_bytes: int) -> bytes:
        """1 to `max_bytes` bytes; b'' when the other side has closed."""
        if self._held:
            piece, self._held = self._held[:max_bytes], self._held[max_bytes:]
            return piece
        return self._receive(min(max_bytes, CHUNK_BYTES))

    def read_exactly(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        pieces = []
        while size:
            piece = self.read_some(size)
            if not piece:
                raise ConnectionBroken("closed in the middle of a body")
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces) if len(pieces) != 1 else pieces[0]

    def read_line(self) -> bytes:
        """A short line without its end."""
        while b"\r\n" not in self._held:
            if len(self._held) > MAX_LINE_BYTES:
                raise ConnectionBroken("line too long")
            more = self._receive(RECEIVE_BYTES)
            if not more:
                raise ConnectionBroken("closed in the middle of a chunk")
            self._held += more
        line, _, self._held = self._held.partition(b"\r\n")
        return line

    def waiting(self) -> bool:
        """Whether something (or the end) has arrived."""
        if self._held:
            return True
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(0))

    def arrives(self) -> bool:
        """Whether something (or the end) has arrived, or arrives within a tick."""
        try:
            self._held = self._held or self.sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return False
        return True

    def _receive(self, max_bytes: int) -> bytes:
        waited_s = 0.0
        while True:
            try:
                return self.sock.recv(max_bytes)
            except BlockingIOError:
                waited_s += self._tick_s
                if waited_s >= self.timeout_s:
                    raise TimeoutError(f"nothing came for {self.timeout_s:.0f} s") from None


class Body:
    """The body of one message: `size` bytes, or chunks if size is -1. Raises ConnectionBroken if it is cut short."""

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream = stream
        self._chunked = size < 0
        self._left = max(size, 0)
        self.ended = size == 0
        self.trailer = b""  # what came behind the last chunk

    def read(self, max_bytes: int = CHUNK_BYTES) -> bytes:
        """1 to `max_bytes` bytes, b'' when all was read."""
        if self.ended:
            return b""
        if self._chunked and not self._left:
            self._left = parse_size(self._stream.read_line(), 16)
            if not self._left:
                self.trailer = self._stream.read_line()
                if self.trailer and self._stream.read_line():
                    raise ConnectionBroken("there is more than one line behind the last chunk")
                self.ended = True
                return b""
        piece = self._stream.read_some(min(max_bytes, self._left))
        if not piece:
            raise ConnectionBroken("closed in the middle of a body")
        self._left -= len(piece)
        if not self._left:
            if self._chunked:
                if self._stream.read_exactly(2) != b"\r\n":
                    raise ConnectionBroken("a chunk is longer than it says")
            else:
                self.ended = True
        return piece

    def read_all(self) -> bytes:
        """All that is left, in memory."""
        return b"".join(iter(self.read, b""))

    def skip(self, max_bytes: int) -> bool:
        """Read and drop up to `max_bytes`; False if there is more, so that the connection can't be used again."""
        while not self.ended and max_bytes > 0:
            max_bytes -= len(self.read())
        return self.ended


def _timeval(seconds: float) -> bytes:
    """A time as the socket options SO_RCVTIMEO and SO_SNDTIMEO take it: seconds and microseconds."""
    return struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))


def parse_head(head: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """The first line and the headers, names in lower case. Raises ConnectionBroken."""
    first, *lines = head.split(b"\r\n")
    if len(lines) > MAX_HEADERS:
        raise ConnectionBroken("too many headers")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or not name or name in headers:
            raise ConnectionBroken("a line of the head is not a header, or is there twice")
        headers[name] = value.strip()
    return first, headers


def call_name(first_line: bytes) -> bytes:
    """The call in a request's first line, `POST /<call> HTTP/1.1`. Raises ConnectionBroken."""
    parts = first_line.split(b" ")
    if len(parts) != 3 or parts[0] != b"POST" or not parts[1].startswith(b"/"):
        raise ConnectionBroken("the first line is not that of a request")
    return parts[1][1:]


def body_size(headers: dict[bytes, bytes]) -> int:
    """The size of a message's body in bytes, -1 if it comes in chunks. Raises ConnectionBroken."""
    encoding = headers.get(b"transfer-encoding")
    if encoding is None:
        return parse_size(headers.get(b"content-length", b"0"), 10)
    if encoding != b"chunked" or b"content-length" in headers:
        raise ConnectionBroken("a body has either a length or chunks")
    return -1


def parse_size(text: bytes, base: int) -> int:
    """A whole number of bytes: digits of the base only, no sign, space or prefix. Raises ConnectionBroken."""
    if not 0 < len(text) <= MAX_SIZE_DIGITS or text.strip(DIGITS[:base]):
        raise ConnectionBroken("a size is not a number")
    return int(text, base)
