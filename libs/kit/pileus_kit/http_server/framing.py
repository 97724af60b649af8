"""How much of a request has arrived: the head is read just far enough to know where the request ends.

gunicorn's parser reads the whole request afterwards and refuses what is ambiguous. What is malformed here counts as
whole, so that the parser sees it at once.
"""

import re

from pileus_kit.http_server.limits import MAX_BUFFERED_BODY_BYTES, MAX_HEAD_BYTES

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,8}")
MAX_LINE_BYTES = 8192


BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


def with_ascii_line(received: bytes) -> bytes:
    """A request whose first line is ASCII: clients that send a path as raw UTF-8 mean what its quoted form means.

    gunicorn's parser refuses other bytes there, as RFC 9112 wants; eventlet's, and so Swift, takes them.
    """
    end = received.find(b"\r\n")
    if end < 0 or received[:end].isascii():
        return received
    return BEYOND_ASCII.sub(lambda found: b"%%%02X" % found[0][0], received[:end]) + received[end:]


def split_underscored(headers: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """(headers that WSGI can name, the others by their names in lower case).

    WSGI writes a hyphen and an underscore in a header's name in the same way, so a client could send a name that others
    trust. Such a header never enters the environment; an application that means it looks for it by its own name.
    """
    if not any("_" in name for name, _ in headers):
        return headers, {}
    plain = [(name, value) for name, value in headers if "_" not in name]
    return plain, {name.lower(): value for name, value in headers if "_" in name}


class HeadTooLarge(Exception):
    """Request line and headers take more room than any request of these APIs needs."""


class RequestFraming:
    """Where the parts of one request end, which is still arriving."""

    def __init__(self) -> None:
        self.head_end = -1  # offset; -1 until the head is complete
        self.expects_continue = False  # the client waits for "100 Continue" before it sends the body
        self._searched = 0
        self._request_end: int | None = None  # offset, if the head states the body's length
        self._chunks: ChunkedBody | None = None

    @property
    def has_head(self) -> bool:
        """Whether the head is complete."""
        return self.head_end >= 0

    def is_whole(self, data: bytearray) -> bool:
        """Whether a thread may have the request: it is complete, malformed, or a stream too long to be buffered.

        `data` is everything that has arrived of it. Raises HeadTooLarge.
        """
        if not self.has_head and not self._find_head(data):
            return False
        if self._chunks is not None:
            return self._chunks.has_ended(data) or len(data) - self.head_end > MAX_BUFFERED_BODY_BYTES
        if self._request_end is None or self._request_end - self.head_end > MAX_BUFFERED_BODY_BYTES:
            return True
        return len(data) >= self._request_end

    def _find_head(self, data: bytearray) -> bool:
        """Whether the head is complete, or malformed: gunicorn refuses lines that end with a bare LF."""
        end = data.find(b"\r\n\r\n", self._searched)
        if end < 0 and len(data) <= MAX_HEAD_BYTES:
            self._searched = max(0, len(data) - 3)
            return data.count(b"\n") > data.count(b"\r\n")
        if end < 0 or end > MAX_HEAD_BYTES:
            raise HeadTooLarge
        self.head_end = end + 4
        self._read_head(bytes(data[: self.head_end]))
        return True

    def _read_head(self, head: bytes) -> None:
        if CHUNKED.search(head):
            self._chunks = ChunkedBody(self.head_end)
        elif length := LENGTH.search(head):
            self._request_end = self.head_end + int(length[1])
        else:
            return
        self.expects_continue = EXPECT.search(head) is not None


class ChunkedBody:
    """Finds where a chunked body ends, without decoding it."""

    def __init__(self, offset: int) -> None:
        self._offset = offset  # of the next chunk's size

    def has_ended(self, data: bytearray) -> bool:
        """Whether the body is complete, or malformed."""
        while True:
            line_end = data.find(b"\r\n", self._offset)
            if line_end < 0:
                return len(data) - self._offset > MAX_LINE_BYTES
            size = bytes(data[self._offset : line_end]).partition(b";")[0].rstrip(b" \t")
            if not CHUNK_SIZE.fullmatch(size):
                return True
            if not int(size, 16):  # the last chunk: trailers follow, then an empty line
                return data.find(b"\r\n\r\n", line_end) >= 0 or len(data) - line_end > MAX_HEAD_BYTES
            self._offset = line_end + 2 + int(size, 16) + 2
