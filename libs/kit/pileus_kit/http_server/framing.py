"""How much of a request has arrived: enough is read to know where it ends, nothing is believed.

gunicorn's parser reads the whole request afterwards and refuses what is ambiguous; what is malformed here counts as
whole, so that the parser sees it at once.
"""

import re

from pileus_kit.http_server.limits import LARGEST_HEAD, LARGEST_WHOLE

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
SIZE = re.compile(rb"[0-9a-fA-F]{1,8}")
LONGEST_LINE = 8192


class HeadTooLarge(Exception):
    """Request line and headers take more room than any request of these APIs needs."""


class Arrival:
    """One request that is coming in. `whole` is true once a thread may have it: all of it is here, or it is a stream
    that is too long to be kept."""

    def __init__(self) -> None:
        self.head = -1  # where the head ends, once it does
        self.expects = False  # the client waits for "100 Continue" before they send the body
        self._searched = 0
        self._end: int | None = None  # where the request ends, if its head says
        self._chunks: Chunks | None = None

    def whole(self, data: bytearray) -> bool:
        if self.head < 0 and not self._head_ends(data):
            return False
        if self._chunks is not None:
            return self._chunks.ended(data) or len(data) - self.head > LARGEST_WHOLE
        return self._end is None or self._end - self.head > LARGEST_WHOLE or len(data) >= self._end

    def _head_ends(self, data: bytearray) -> bool:
        end = data.find(b"\r\n\r\n", self._searched)
        if end < 0 and len(data) <= LARGEST_HEAD:
            self._searched = max(0, len(data) - 3)
            return data.count(b"\n") > data.count(b"\r\n")  # lines that end otherwise: the parser refuses them
        if end < 0 or end > LARGEST_HEAD:
            raise HeadTooLarge
        self.head = end + 4
        head = bytes(data[: self.head])
        self._body_begins(head)
        return True

    def _body_begins(self, head: bytes) -> None:
        if CHUNKED.search(head):
            self._chunks = Chunks(self.head)
        elif length := LENGTH.search(head):
            self._end = self.head + int(length[1])
        else:
            return
        self.expects = EXPECTS.search(head) is not None


class Chunks:
    """Finds where a chunked body ends, without decoding it."""

    def __init__(self, begin: int) -> None:
        self._at = begin  # of the next chunk's size

    def ended(self, data: bytearray) -> bool:
        while True:
            line = data.find(b"\r\n", self._at)
            if line < 0:
                return len(data) - self._at > LONGEST_LINE
            size = bytes(data[self._at : line]).partition(b";")[0].rstrip(b" \t")
            if not SIZE.fullmatch(size):
                return True
            if not int(size, 16):  # trailers, then an empty line
                return data.find(b"\r\n\r\n", line) >= 0 or len(data) - line > LARGEST_HEAD
            self._at = line + 2 + int(size, 16) + 2
