"""All connections of an API process.

Connections wait in one epoll, armed for one event each; every thread of the pool takes events from there. A piece of a
request costs the thread that reads it microseconds; only a whole request keeps it. The main thread accepts connections
and closes those whose deadline has passed.
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
from pileus_kit.http_server.limits import MAX_BUFFERED_TOTAL_BYTES, Limits

log = logging.getLogger(__name__)

MAX_SLEEP_S = 30.0
"""The main thread sleeps no longer: a quarter of the time after which the arbiter kills a worker that hangs."""
ACCEPT_PAUSE_S = 0.1
"""Pause before connections are accepted again when there is no room for one."""
MAX_ACCEPTED_AT_ONCE = 64
WAITING = (State.RECEIVING, State.SENDING, State.LINGERING)
IN, OUT = select.EPOLLIN | select.EPOLLRDHUP, select.EPOLLOUT
OUT_OF_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class EventLoop:
    """Calls `respond(connection)` for a whole request, and `refuse(connection, status, why)` for an unreadable one.

    `respond` returns a connection that was queued and has its turn now; the same thread goes on with that.
    """

    def __init__(
        self,
        limits: Limits,
        respond: Callable[[Connection], Connection | None],
        refuse: Callable[[Connection, int, str], None],
    ) -> None:
        self.limits, self._respond, self._refuse = limits, respond, refuse
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._lock = threading.Lock()
        self._stop_event, self._wake_event = os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)
        self._epoll.register(self._stop_event, select.EPOLLIN)
        self._wakes_at = 0.0  # when the main thread looks next (monotonic)
        self.is_draining = self.is_ending = False
        self._kept_s = limits.idle_s  # how long a connection without a request is kept

    def __len__(self) -> int:
        return len(self._connections)

    # -- the threads of the pool -----------------------------------------------------------------------------------

    def handle_event(self) -> bool:
        """Wait for one event of one connection and handle it. Returns False when the server stops."""
        for fd, _ in self._epoll.poll(-1, 1):
            if fd == self._stop_event:
                return False
            connection = self._connections.get(fd)
            while connection is not None and (state := self._claim(connection)):
                connection = self._handle(connection, state)
        return True

    def _claim(self, connection: Connection) -> State | None:
        """Make the connection this thread's. Returns the state that it was in; None if another thread has it."""
        with self._lock:
            state = connection.state
            if state not in WAITING and state is not State.QUEUED:
                return None
            connection.state = State.BUSY
            return state

    def _handle(self, connection: Connection, state: State) -> Connection | None:
        """Do what the connection waited for. Returns another one that has its turn now."""
        connection.charge_wait(state)
        try:
            if state is State.QUEUED:
                return self._respond(connection)
            if state is State.SENDING:
                self.flush(connection)
            elif state is State.LINGERING:
                self._discard_input(connection)
            elif connection.receive():
                return self.proceed(connection)
            else:
                self.close(connection)
        except OSError:  # the client broke the connection, or is too slow
            self.close(connection, abort=True)
        except (Exception, SystemExit):
            log.exception("a connection failed")
            self.close(connection)
        return None

    def proceed(self, connection: Connection) -> Connection | None:
        """Answer the next request if it is whole, else wait for the rest of it. Returns what `respond` does."""
        framing, had_head = connection.framing, connection.framing.has_head
        try:
            is_whole = bool(connection.received) and framing.is_whole(connection.received)
        except HeadTooLarge:
            self._refuse(connection, 431, "The request's head is too large.")
            return None
        if is_whole:
            return self._respond(connection)
        if framing.has_head:
            if not had_head and framing.expects_continue:
                connection.socket.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                connection.sent_continue = True
            connection.wait_at_most(connection.socket.budget.left_s)  # the body has a deadline of its own
        self._wait(connection, State.RECEIVING, IN)
        if len(connection.received) > MAX_BUFFERED_TOTAL_BYTES // 1000:
            self._make_room_in_memory()
        return None

    def flush(self, connection: Connection) -> None:
        """Send the rest of an answer as the client takes it, without a thread that waits; then do what the answer said:
        keep the connection or close it."""
        if not connection.socket.push():
            connection.wait_at_most(connection.socket.budget.left_s)
            self._wait(connection, State.SENDING, OUT)
        elif not connection.keep_alive:
            self.linger(connection)
        else:
            connection.become_idle()  # a request that has arrived behind it is handled after those that wait
            self._wait(connection, State.RECEIVING, OUT if connection.received else IN)

    def linger(self, connection: Connection) -> None:
        """End our half of the connection and throw away what still comes: a client that is still sending would lose
        the answer if the connection were closed at once."""
        connection.wait_at_most(self.limits.linger_s)
        connection.socket.sock.shutdown(1)
        self._wait(connection, State.LINGERING, IN)

    def _discard_input(self, connection: Connection) -> None:
        deadline = connection.deadline
        is_open = connection.receive()
        connection.received.clear()
        connection.deadline = deadline
        if is_open:
            self._wait(connection, State.LINGERING, IN)
        else:
            self.close(connection)

    def resume(self, connection: Connection) -> None:
        """Let the next free thread take up a request that was queued."""
        self._epoll.modify(connection.fd, OUT | select.EPOLLONESHOT)

    def _wait(self, connection: Connection, state: State, events: int) -> None:
        if self.is_ending and state is State.RECEIVING and not connection.received:
            connection.deadline = min(connection.deadline, time.monotonic() + self._kept_s)
        with self._lock:
            connection.state = state
            self._epoll.modify(connection.fd, events | select.EPOLLONESHOT)
        if connection.deadline < self._wakes_at:
            self.wake()

    def close(self, connection: Connection, abort: bool = False) -> None:
        """Close the connection; with `abort`, drop what the client hasn't taken."""
        with self._lock:
            self._connections.pop(connection.fd, None)
            connection.close(abort)
        if self.is_ending:
            self.wake()

    # -- the main thread -------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Make `run` return and look again."""
        os.eventfd_write(self._wake_event, 1)

    def run(self, listeners: list[Any], until: float | None = None) -> None:
        """Wait, at most until `until` (monotonic), then accept connections and close old ones, once."""
        poll = select.poll()
        poll.register(self._wake_event, select.POLLIN)
        by_fd = {listener.fileno(): listener for listener in listeners}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(1000 * self._seconds_to_sleep(until)):
            if fd == self._wake_event:
                os.eventfd_read(self._wake_event)
            elif fd in by_fd:
                self._accept(by_fd[fd])
        self._close_expired()

    def _seconds_to_sleep(self, until: float | None) -> float:
        with self._lock:
            deadlines = [c.deadline for c in self._connections.values() if c.state in WAITING]
        now = time.monotonic()
        self._wakes_at = min([now + MAX_SLEEP_S, *deadlines, *([until] if until else [])])
        return max(0.0, self._wakes_at - now) + 0.005

    def _accept(self, listener: Any) -> None:
        """Accept what waits. Without room (connections or descriptors) the one that has been idle longest is closed."""
        for _ in range(MAX_ACCEPTED_AT_ONCE):
            if len(self) >= self.limits.connections:
                if not _is_pending(listener):
                    return
                if not self._make_room():
                    time.sleep(ACCEPT_PAUSE_S)
                    return
            try:
                sock, client = listener.accept()
            except OSError as err:
                if err.errno in OUT_OF_ROOM and not self._make_room():
                    time.sleep(ACCEPT_PAUSE_S)
                return
            self._add(sock, client, listener.getsockname())

    def _add(self, sock: Any, client: Any, server: Any) -> None:
        connection = Connection(sock, client, server, self.limits)
        with self._lock:
            self._connections[connection.fd] = connection
            connection.state = State.RECEIVING
        self._epoll.register(connection.fd, IN | select.EPOLLONESHOT)

    def _make_room(self) -> bool:
        """Close a connection that only waits: first one that never had a request, then the one that waits longest."""
        return self._close_one(lambda c: (c.served > 0, c.since), lambda c: True)

    def _make_room_in_memory(self) -> None:
        """Bound the bodies that have not arrived completely: close the largest one, the oldest among equals."""
        self._close_one(
            lambda c: (-(len(c.received) >> 16), c.since),
            lambda c: bool(c.received),
            lambda: sum(len(c.received) for c in self._connections.values()) > MAX_BUFFERED_TOTAL_BYTES,
        )

    def _close_one(
        self,
        order: Callable[[Connection], Any],
        fits: Callable[[Connection], bool],
        is_needed: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Close the first waiting connection in this order. Returns False if none fits, or if it isn't needed.

        Threads look whether it is needed one after the other, so that one excess closes one connection.
        """
        with self._lock:
            waiting = [c for c in self._connections.values() if c.state in WAITING and fits(c)] if is_needed() else []
            if not waiting:
                return False
            first = min(waiting, key=order)
            self._connections.pop(first.fd, None)
            first.close()
            return True

    def _close_expired(self) -> None:
        now = time.monotonic()
        with self._lock:
            expired = [c for c in self._connections.values() if c.state in WAITING and c.deadline <= now]
            for connection in expired:
                del self._connections[connection.fd]
                connection.close(abort=connection.state is State.SENDING)

    def end(self, kept_s: float) -> None:
        """Close each connection behind its next answer, and those on which no request comes within `kept_s` seconds.

        A client whose request is on its way when its connection is closed loses that request.
        """
        self.is_draining = self.is_ending = True
        self._kept_s = kept_s
        soon = time.monotonic() + kept_s
        with self._lock:
            for connection in self._connections.values():
                if connection.state in WAITING:
                    connection.deadline = min(connection.deadline, soon)

    def stop(self) -> None:
        """End the threads and close every connection."""
        os.eventfd_write(self._stop_event, 1)
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()


def _is_pending(listener: Any) -> bool:
    """Whether a connection waits to be accepted."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    return bool(poll.poll(0))
