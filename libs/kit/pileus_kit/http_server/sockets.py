"""The socket as gunicorn's parser and response see it: nothing waits longer for a client than they have earned."""

import os
import select
import ssl
import sys
import time
from collections.abc import Callable
from typing import Any

from gunicorn.http.errors import ParseException

from pileus_kit.http_server.limits import LARGEST_UNSENT, Limits

NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class BodyUnreadable(OSError):
    """The body can't be read to its end: it is malformed, it stopped, or the client went away."""


class Patience:
    """Seconds for which a client may keep us waiting. Each byte earns some more, up to twice the first amount, so a
    transfer may take days but neither pause for minutes nor trickle."""

    def __init__(self, limits: Limits) -> None:
        self._most, self._pace = 2 * limits.patience, limits.pace
        self.left = limits.patience

    def earn(self, count: int) -> None:
        self.left = min(self._most, self.left + count / self._pace)

    def wait(self, fd: int, event: int) -> None:
        began = time.monotonic()
        poll = select.poll()
        poll.register(fd, event)
        ready = poll.poll(max(0.0, 1000 * self.left))
        self.left -= time.monotonic() - began
        if not ready or self.left <= 0:
            raise TimeoutError("the client is too slow")


class Line:
    """One connection's socket, which never blocks. `waits` is told before its thread waits for the client."""

    def __init__(self, sock: Any, limits: Limits) -> None:
        self.sock, self.fd, self._limits = sock, sock.fileno(), limits
        self.unsent = bytearray()
        self.begin(lambda: None)

    def begin(self, waits: Callable[[], None]) -> None:
        """A new request."""
        self.patience, self._waits, self._offline = Patience(self._limits), waits, False
        self._held = b""

    def offline(self) -> None:
        """From now on only what has arrived is read."""
        self._offline = True

    def recv(self, size: int) -> bytes:
        while True:
            try:
                data: bytes = self.sock.recv(size)
            except NOT_YET:
                if self._offline:
                    raise
                self.flush(0)
                self._wait(select.POLLIN)
            else:
                self.patience.earn(len(data))
                return data

    def send(self, data: bytes) -> int:
        self.sendall(data)
        self.flush(LARGEST_UNSENT)
        return len(data)

    def sendall(self, data: bytes) -> None:
        """The first piece, the head, waits for the next one, so that a small answer is one packet."""
        if not self.unsent and not self._held:
            self._held = data
            return
        self.unsent += self._held
        self.unsent += data
        self._held = b""
        self.flush(LARGEST_UNSENT)

    def sendfile(self, file: Any, offset: int, count: int) -> None:
        self.flush(0)
        while count > 0:
            try:
                sent = os.sendfile(self.fd, file.fileno(), offset, count)
            except BlockingIOError:
                self._wait(select.POLLOUT)
                continue
            if not sent:
                raise BodyUnreadable("the file is shorter than it was")
            self.patience.earn(sent)
            offset, count = offset + sent, count - sent

    def flush(self, leave: int) -> None:
        """Send until at most `leave` bytes are left over."""
        if self._held:
            self.unsent += self._held
            self._held = b""
        while not self.push() and len(self.unsent) > leave:
            self._wait(select.POLLOUT)

    def push(self) -> bool:
        """Send what the client takes now; True when nothing is left."""
        while self.unsent:
            try:
                sent = self.sock.send(self.unsent)
            except NOT_YET:
                return False
            self.patience.earn(sent)
            del self.unsent[:sent]
        return True

    def settimeout(self, _seconds: float | None) -> None:
        """Whoever wants a deadline has one already."""

    def _wait(self, event: int) -> None:
        self._waits()
        self.patience.wait(self.fd, event)


class Input:
    """A request's body as WSGI's input. One that ends early or is malformed raises BodyUnreadable."""

    def __init__(self, body: Any, length: int | None) -> None:
        self._body, self._left = body, length

    def read(self, size: int | None = None) -> bytes:
        return self._counted(self._body.read, size)

    def readline(self, size: int | None = None) -> bytes:
        return self._counted(self._body.readline, sys.maxsize if size is None or size < 0 else size)

    def __iter__(self) -> "Input":
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
