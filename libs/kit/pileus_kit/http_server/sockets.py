"""The socket as gunicorn's parser and response use it: no thread waits longer for a client than its bytes have earned.

`BufferedSocket` has the methods of a socket that gunicorn calls (recv, send, sendall, sendfile, settimeout).
"""

import os
import select
import ssl
import sys
import time
from collections.abc import Callable
from typing import Any

from gunicorn.http.errors import ParseException

from pileus_kit.http_server.limits import MAX_UNSENT_BYTES, Limits

WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class BodyUnreadable(OSError):
    """The body can't be read to its end: it is malformed, it stopped, or the client went away."""


class TimeBudget:
    """The seconds for which a client may keep a transfer waiting.

    Each byte earns some more, up to twice the first amount: a transfer may take days, but neither pause for minutes
    nor move a few bytes now and then.
    """

    def __init__(self, limits: Limits) -> None:
        self._max_s, self._bytes_per_s = 2 * limits.pause_s, limits.bytes_per_s
        self.left_s = limits.pause_s

    def earn(self, count: int) -> None:
        """Add the time that `count` bytes are worth."""
        self.left_s = min(self._max_s, self.left_s + count / self._bytes_per_s)

    def wait(self, fd: int, event: int) -> None:
        """Wait until the client is ready, at the cost of its budget. Raises TimeoutError when that is used up."""
        began = time.monotonic()
        poll = select.poll()
        poll.register(fd, event)
        ready = poll.poll(max(0.0, 1000 * self.left_s))
        self.left_s -= time.monotonic() - began
        if not ready or self.left_s <= 0:
            raise TimeoutError("the client is too slow")


class BufferedSocket:
    """A connection's socket, which never blocks, and what is still to be sent on it."""

    def __init__(self, sock: Any, limits: Limits) -> None:
        self.sock, self.fd, self._limits = sock, sock.fileno(), limits
        self.unsent = bytearray()
        self.begin_request(lambda: None)

    def begin_request(self, before_wait: Callable[[], None]) -> None:
        """Give the next request a budget of its own. `before_wait` is called before a thread waits for the client."""
        self.budget, self._before_wait, self._may_wait = TimeBudget(self._limits), before_wait, True
        self._first_piece = b""

    def forbid_waiting(self) -> None:
        """From now on `recv` raises one of WOULD_BLOCK instead of waiting."""
        self._may_wait = False

    def recv(self, size: int) -> bytes:
        """Return what has arrived; wait for it if nothing has."""
        while True:
            try:
                data: bytes = self.sock.recv(size)
            except WOULD_BLOCK:
                if not self._may_wait:
                    raise
                self.flush(0)
                self._wait(select.POLLIN)
            else:
                self.budget.earn(len(data))
                return data

    def send(self, data: bytes) -> int:
        """Send all of it, but for a rest of MAX_UNSENT_BYTES."""
        self.sendall(data)
        self.flush(MAX_UNSENT_BYTES)
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Send all of it, but for a rest of MAX_UNSENT_BYTES.

        The first piece of an answer, the head, is kept until the next one comes, so that a small answer is one packet.
        """
        if not self.unsent and not self._first_piece:
            self._first_piece = data
            return
        self.unsent += self._first_piece
        self.unsent += data
        self._first_piece = b""
        self.flush(MAX_UNSENT_BYTES)

    def sendfile(self, file: Any, offset: int, count: int) -> None:
        """Send a part of a file without reading it into this process. Raises BodyUnreadable if the file ends early."""
        self.flush(0)
        while count > 0:
            try:
                sent = os.sendfile(self.fd, file.fileno(), offset, count)
            except BlockingIOError:
                self._wait(select.POLLOUT)
                continue
            if not sent:
                raise BodyUnreadable("the file is shorter than it was")
            self.budget.earn(sent)
            offset, count = offset + sent, count - sent

    def flush(self, max_unsent: int) -> None:
        """Send until at most `max_unsent` bytes are left."""
        if self._first_piece:
            self.unsent += self._first_piece
            self._first_piece = b""
        while not self.push() and len(self.unsent) > max_unsent:
            self._wait(select.POLLOUT)

    def push(self) -> bool:
        """Send what the client takes without waiting. Whether nothing is left to send."""
        while self.unsent:
            try:
                sent = self.sock.send(self.unsent)
            except WOULD_BLOCK:
                return False
            self.budget.earn(sent)
            del self.unsent[:sent]
        return True

    def settimeout(self, _seconds: float | None) -> None:
        """Do nothing: the budget bounds every wait already."""

    def _wait(self, event: int) -> None:
        self._before_wait()
        self.budget.wait(self.fd, event)


class BodyInput:
    """A request's body as WSGI's input. A body that ends early or is malformed raises BodyUnreadable."""

    def __init__(self, body: Any, length: int | None) -> None:
        """`length` is what the head states; None for a chunked body."""
        self._body, self._left = body, length

    def read(self, size: int | None = None) -> bytes:
        """Return at most `size` bytes; all of the rest without one."""
        return self._counted(self._body.read, size)

    def readline(self, size: int | None = None) -> bytes:
        """Return the body up to the end of the next line."""
        return self._counted(self._body.readline, sys.maxsize if size is None or size < 0 else size)

    def __iter__(self) -> "BodyInput":
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def _counted(self, read: Callable[[int | None], bytes], size: int | None) -> bytes:
        try:
            data = read(size)
        except (OSError, ParseException) as err:
            raise BodyUnreadable(str(err) or type(err).__name__) from err
        if self._left is not None:
            self._left -= len(data)
            if self._left > 0 and size != 0 and (not data or size is None or size < 0):
                raise BodyUnreadable(f"{self._left} bytes are missing")
        return data
