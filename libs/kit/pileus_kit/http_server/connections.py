"""A connection: where it stands, what of its next request has arrived, and until when it may stay as it is."""

import socket
import struct
import time
from enum import Enum, auto
from typing import Any

from pileus_kit.http_server.framing import Arrival
from pileus_kit.http_server.limits import Limits
from pileus_kit.http_server.sockets import NOT_YET, Line

PIECE = 64 << 10
MOST_AT_ONCE = 1 << 20  # bytes of one connection before the others have their turn


class State(Enum):
    ARRIVING = auto()  # idle, or with a part of a request
    PARKED = auto()  # with a whole request that waits for its turn
    FLUSHING = auto()  # the client takes the rest of an answer
    LEAVING = auto()  # answered for good; what the client still sends is thrown away
    BUSY = auto()  # in a thread's hands
    CLOSED = auto()


class Connection:
    def __init__(self, sock: Any, client: Any, server: Any, limits: Limits) -> None:
        sock.setblocking(False)
        self.client, self.server, self._limits = client, server, limits
        self.line = Line(sock, limits)
        self.fd = self.line.fd
        self.parser: Any = None
        self.request: Any = None
        self.owner: Any = None
        self.keep = True
        self.served = 0
        self.continued = False  # the client was told to send their body
        self.state = State.BUSY
        self.inbox, self.arrival = bytearray(), Arrival()
        self.since = time.monotonic()
        self.until = self.since + limits.head
        self._paused = self.since

    def receive(self) -> bool:
        """Take what is there; False when the client has gone."""
        begun = bool(self.inbox)
        taken = 0
        while taken < MOST_AT_ONCE:
            try:
                piece = self.line.sock.recv(PIECE)
            except NOT_YET:
                break
            if not piece:
                return taken > 0  # a request that ends with its client's half of the connection is a request
            self.inbox += piece
            taken += len(piece)
            if len(piece) < PIECE:
                break
        if self.inbox and not begun:
            self.since = time.monotonic()
            self.until = self.since + self._limits.head
        self.line.patience.earn(taken)
        return True

    def waits(self, seconds: float) -> None:
        self._paused = time.monotonic()
        self.until = self._paused + seconds

    def went_on(self, state: State) -> None:
        """The client did something at last: the time they took is gone, however little it was that they did."""
        if state is State.FLUSHING or (state is State.ARRIVING and self.arrival.head >= 0):
            self.line.patience.left -= time.monotonic() - self._paused

    def next(self) -> None:
        """The request is answered; what came behind it is the beginning of the next one."""
        self.request, self.arrival = None, Arrival()
        self.served += 1
        self.inbox = bytearray(self.parser.unreader.take_buffered())
        self.since = time.monotonic()

    def rest(self) -> None:
        """The answer has been taken: the next request has clocks of its own."""
        self.line.begin(lambda: None)
        self.until = time.monotonic() + (self._limits.head if self.inbox else self._limits.idle)

    def close(self, abort: bool = False) -> None:
        """`abort`: what the client hasn't taken yet is dropped, else the kernel would keep it for minutes."""
        self.state = State.CLOSED
        try:
            if abort:
                self.line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.line.sock.close()
        except OSError:
            pass
