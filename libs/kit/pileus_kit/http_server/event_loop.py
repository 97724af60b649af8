"""All connections of an API process.

Connections wait in one epoll, armed for one event each; every thread of the crew takes events from there. A piece of a
request costs the thread that reads it microseconds; only a whole request keeps it. The main thread accepts, and closes
what has had its time.
"""

import errno
import logging
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Any

from pileus_kit.http_server.connections import Connection, State
from pileus_kit.http_server.framing import HeadTooLarge
from pileus_kit.http_server.limits import LARGEST_HELD, Limits

log = logging.getLogger(__name__)
LONGEST_SLEEP = 30.0  # seconds; a quarter of the time after which the arbiter kills a worker that hangs
PAUSE = 0.1  # seconds before we accept again when there is no room at all
WAITING = (State.ARRIVING, State.FLUSHING, State.LEAVING)
IN, OUT = select.EPOLLIN | select.EPOLLRDHUP, select.EPOLLOUT
OUT_OF_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Front:
    """`ready(connection)` answers a whole request; `refuse(connection, status, why)` one that can't be read."""

    def __init__(
        self, limits: Limits, ready: Callable[[Connection], None], refuse: Callable[[Connection, int, str], None]
    ) -> None:
        self.limits, self._ready, self._refuse = limits, ready, refuse
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._lock = threading.Lock()
        self._over, self._bell = os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)
        self._epoll.register(self._over, select.EPOLLIN)
        self._planned = 0.0  # when the main thread looks next
        self.ending = False

    def __len__(self) -> int:
        return len(self._connections)

    # -- the crew --------------------------------------------------------------------------------------------------

    def turn(self) -> bool:
        """One event of one connection; False when the server ends."""
        for fd, _ in self._epoll.poll(-1, 1):
            if fd == self._over:
                return False
            connection = self._connections.get(fd)
            if connection is not None and (state := self._claim(connection)):
                self._happened(connection, state)
        return True

    def _claim(self, connection: Connection) -> State | None:
        with self._lock:
            state = connection.state
            if state not in WAITING and state is not State.PARKED:
                return None
            connection.state = State.BUSY
            return state

    def _happened(self, connection: Connection, state: State) -> None:
        connection.went_on(state)
        try:
            if state is State.PARKED:
                self._ready(connection)
            elif state is State.FLUSHING:
                self.flush(connection)
            elif state is State.LEAVING:
                self._discard(connection)
            elif connection.receive():
                self.proceed(connection)
            else:
                self.close(connection)
        except OSError:  # the client broke the connection, or is too slow
            self.close(connection, abort=True)
        except (Exception, SystemExit):
            log.exception("a connection failed")
            self.close(connection)

    def proceed(self, connection: Connection) -> None:
        """Look whether the next request is whole."""
        arrival, had_head = connection.arrival, connection.arrival.head >= 0
        try:
            whole = bool(connection.inbox) and arrival.whole(connection.inbox)
        except HeadTooLarge:
            self._refuse(connection, 431, "The request's head is too large.")
            return
        if whole:
            self._ready(connection)
            return
        if arrival.head >= 0:
            if not had_head and arrival.expects:
                connection.line.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                connection.continued = True
            connection.waits(connection.line.patience.left)  # the body has a clock of its own
        self._wait(connection, State.ARRIVING, IN)
        if len(connection.inbox) > LARGEST_HELD // 1000:
            self._make_room_in_memory()

    def flush(self, connection: Connection) -> None:
        """Send what is left of an answer without a thread that waits; then go on as the answer said."""
        if not connection.line.push():
            connection.waits(connection.line.patience.left)
            self._wait(connection, State.FLUSHING, OUT)
        elif not connection.keep:
            self.leave(connection)
        else:
            connection.rest()  # what has come behind it is looked at at once, but after those who wait
            self._wait(connection, State.ARRIVING, OUT if connection.inbox else IN)

    def leave(self, connection: Connection) -> None:
        """Nothing more is read. A client who still sends would lose the answer if we closed at once."""
        connection.waits(self.limits.linger)
        connection.line.sock.shutdown(1)
        self._wait(connection, State.LEAVING, IN)

    def _discard(self, connection: Connection) -> None:
        deadline = connection.until
        alive = connection.receive()
        connection.inbox.clear()
        connection.until = deadline
        if alive:
            self._wait(connection, State.LEAVING, IN)
        else:
            self.close(connection)

    def resume(self, connection: Connection) -> None:
        """A parked request has its turn: the next free thread takes it up."""
        self._epoll.modify(connection.fd, OUT | select.EPOLLONESHOT)

    def _wait(self, connection: Connection, state: State, events: int) -> None:
        if self.ending and state is State.ARRIVING and not connection.inbox:
            connection.until = min(connection.until, time.monotonic() + self.limits.linger)
        with self._lock:
            connection.state = state
            self._epoll.modify(connection.fd, events | select.EPOLLONESHOT)
        if connection.until < self._planned:
            self.wake()

    def close(self, connection: Connection, abort: bool = False) -> None:
        with self._lock:
            self._connections.pop(connection.fd, None)
            connection.close(abort)
        if self.ending:
            self.wake()

    # -- the main thread -------------------------------------------------------------------------------------------

    def wake(self) -> None:
        os.eventfd_write(self._bell, 1)

    def run(self, listeners: list[Any], until: float | None = None) -> None:
        """Accept and tidy up, once; at most until `until`."""
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        by_fd = {listener.fileno(): listener for listener in listeners}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(1000 * self._until_next(until)):
            if fd == self._bell:
                os.eventfd_read(self._bell)
            elif fd in by_fd:
                self._accept(by_fd[fd])
        self._close_old()

    def _until_next(self, until: float | None) -> float:
        with self._lock:
            ends = [c.until for c in self._connections.values() if c.state in WAITING]
        now = time.monotonic()
        self._planned = min([now + LONGEST_SLEEP, *ends, *([until] if until else [])])
        return max(0.0, self._planned - now) + 0.005

    def _accept(self, listener: Any) -> None:
        """A full house and descriptors that have run out end no process: the one who has been idle longest goes."""
        for _ in range(64):
            if len(self) >= self.limits.connections and not self._make_room():
                time.sleep(PAUSE)
                return
            try:
                sock, client = listener.accept()
            except OSError as err:
                if err.errno in OUT_OF_ROOM and not self._make_room():
                    time.sleep(PAUSE)
                return
            self._welcome(sock, client, listener.getsockname())

    def _welcome(self, sock: Any, client: Any, server: Any) -> None:
        connection = Connection(sock, client, server, self.limits)
        with self._lock:
            self._connections[connection.fd] = connection
            connection.state = State.ARRIVING
        self._epoll.register(connection.fd, IN | select.EPOLLONESHOT)

    def _make_room(self) -> bool:
        """Close a connection that only waits: first who never asked anything, then who has waited longest."""
        return self._close_one(lambda c: (c.served > 0, c.since), lambda c: True)

    def _make_room_in_memory(self) -> None:
        """Bodies that don't become whole have a bound together; the largest, and of these the oldest, goes."""
        if sum(len(c.inbox) for c in list(self._connections.values())) > LARGEST_HELD:
            self._close_one(lambda c: (-(len(c.inbox) >> 16), c.since), lambda c: bool(c.inbox))

    def _close_one(self, order: Callable[[Connection], Any], fit: Callable[[Connection], bool]) -> bool:
        with self._lock:
            waiting = [c for c in self._connections.values() if c.state in WAITING and fit(c)]
            if not waiting:
                return False
            victim = min(waiting, key=order)
            self._connections.pop(victim.fd, None)
            victim.close()
            return True

    def _close_old(self) -> None:
        now = time.monotonic()
        with self._lock:
            old = [c for c in self._connections.values() if c.state in WAITING and c.until <= now]
            for connection in old:
                del self._connections[connection.fd]
                connection.close(abort=connection.state is State.FLUSHING)

    def end(self) -> None:
        """Kept connections have a moment for a request that may be on its way."""
        self.ending = True
        soon = time.monotonic() + self.limits.linger
        with self._lock:
            for connection in self._connections.values():
                if connection.state in WAITING:
                    connection.until = min(connection.until, soon)

    def stop(self) -> None:
        os.eventfd_write(self._over, 1)
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()
