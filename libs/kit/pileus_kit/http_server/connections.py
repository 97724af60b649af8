"""A connection: its state, what has arrived of its next request, and until when it may stay in that state."""

import socket
import struct
import time
from collections.abc import Hashable
from enum import Enum, auto
from typing import Any

from pileus_kit.http_server.framing import RequestFraming
from pileus_kit.http_server.limits import Limits
from pileus_kit.http_server.sockets import WOULD_BLOCK, BufferedSocket

RECEIVE_BYTES = 64 << 10
MAX_BYTES_AT_ONCE = 1 << 20
"""Bytes that are taken from one connection before the others are looked at again."""


class State(Enum):
    """What a connection waits for, or who has it."""

    RECEIVING = auto()
    """For a request, of which a part may have arrived."""
    QUEUED = auto()
    """With a whole request, for its owner's share of threads."""
    SENDING = auto()
    """For the client to take the rest of an answer."""
    LINGERING = auto()
    """Answered for good; what the client still sends is thrown away."""
    BUSY = auto()
    """A thread works on it."""
    CLOSED = auto()


class Connection:
    """One client's connection; it belongs to the event loop, or to a thread while it is BUSY."""

    def __init__(self, sock: Any, client: Any, server: Any, limits: Limits) -> None:
        sock.setblocking(False)
        self.peer, self.server, self._limits = client, server, limits
        self.client = client if isinstance(client, tuple) else ("", 0)  # of a proxy's socket: known with each request
        self.socket = BufferedSocket(sock, limits)
        self.fd = self.socket.fd
        self.parser: Any = None
        self.request: Any = None
        self.owner: Hashable = None
        self.keep_alive = True
        self.served = 0  # requests that were answered
        self.sent_continue = False  # the client was told to send its body
        self.state = State.BUSY
        self.received, self.framing = bytearray(), RequestFraming()
        self.since = time.monotonic()  # when the present request began to arrive, or the connection became idle
        self.deadline = self.since + limits.head_s
        self._waits_since = self.since

    def receive(self) -> bool:
        """Take what has arrived. Returns False when the client has gone without sending anything more."""
        had_begun = bool(self.received)
        taken = 0
        while taken < MAX_BYTES_AT_ONCE:
            try:
                piece = self.socket.sock.recv(RECEIVE_BYTES)
            except WOULD_BLOCK:
                break
            if not piece:
                return taken > 0  # a client may close its half of the connection behind its request
            self.received += piece
            taken += len(piece)
            if len(piece) < RECEIVE_BYTES:
                break
        if self.received and not had_begun:
            self.since = time.monotonic()
            self.deadline = self.since + self._limits.head_s
        self.socket.budget.earn(taken)
        return True

    def wait_at_most(self, seconds: float) -> None:
        """Set the deadline of the wait that begins now."""
        self._waits_since = time.monotonic()
        self.deadline = self._waits_since + seconds

    def charge_wait(self, state: State) -> None:
        """Take the time that the client let us wait in `state` from its budget, however little it has sent since."""
        if state is State.SENDING or (state is State.RECEIVING and self.framing.has_head):
            self.socket.budget.left_s -= time.monotonic() - self._waits_since

    def begin_next_request(self) -> None:
        """Forget the request that was answered; what arrived behind it is the beginning of the next one."""
        self.request, self.framing = None, RequestFraming()
        self.served += 1
        self.received = bytearray(self.parser.unreader.take_buffered())
        self.since = time.monotonic()

    def become_idle(self) -> None:
        """Start the next request's clocks: the client has taken the answer."""
        self.socket.begin_request(lambda: None)
        self.deadline = time.monotonic() + (self._limits.head_s if self.received else self._limits.idle_s)

    def close(self, abort: bool = False) -> None:
        """Close the socket. With `abort`, what the client hasn't taken yet is dropped; the kernel would keep it for
        minutes."""
        self.state = State.CLOSED
        try:
            if abort:
                self.socket.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.sock.close()
        except OSError:
            pass
