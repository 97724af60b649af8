"""gunicorn's arbiter and worker, changed so that they sleep without requests, and that a thread only gets a request
that has arrived completely.

Arbiter and parser are gunicorn's; the connections are ours (`pileus_kit.http_server`).
"""

import ctypes
import os
import signal
import time
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from pileus_kit import listeners
from pileus_kit.http_server.event_loop import MAX_SLEEP_S, EventLoop
from pileus_kit.http_server.limits import Limits
from pileus_kit.http_server.responder import Responder
from pileus_kit.http_server.thread_pool import ThreadPool

PR_SET_PDEATHSIG = 1


class IdleArbiter(Arbiter):
    """Sleeps until a signal comes (the end of a worker is one), and looks for a worker that hangs every half minute.

    Workers under load request another one with SIGTTIN; the youngest ends when none was requested for long.

    SIGWINCH has the arbiter retire with all its workers, when a successor has the same socket: they accept nothing
    more, and answer what they have begun however long that takes. A connection that a client has kept is closed behind
    its next answer, or when it was idle for as long as any may be: closed earlier, it would lose a request on its way.
    """

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self._requested_at = 0.0
        self._retiring: set[int] = set()
        self._is_leaving = False

    def handle_winch(self) -> None:
        self._is_leaving, self.num_workers = True, 0
        self.systemd = True  # a socket in the file system belongs to the successor: it stays there
        while self.LISTENERS:
            self.LISTENERS.pop().close()
        self.manage_workers()

    def wait_for_signals(self, timeout: float = 1.0) -> list[int]:
        if self._is_leaving and not self.WORKERS:
            raise StopIteration
        spare_s = IdleWorker.limits.spare_s
        found = super().wait_for_signals(MAX_SLEEP_S if self.num_workers <= 1 else min(MAX_SLEEP_S, spare_s))
        if self.num_workers > 1 and time.monotonic() - self._requested_at > spare_s:
            self.num_workers -= 1
        return found

    def handle_ttin(self) -> None:
        if self._is_leaving:
            return
        self._requested_at = time.monotonic()
        if self.num_workers < IdleWorker.limits.processes:
            self.num_workers += 1
        self.manage_workers()

    def stop(self, graceful: bool = True) -> None:
        """Close the sockets and end the workers, after the workers have drained."""
        if graceful and self.WORKERS and IdleWorker.limits.drain_s:
            self.kill_workers(signal.SIGTERM)
            time.sleep(IdleWorker.limits.drain_s)
        super().stop(graceful)

    def manage_workers(self) -> None:
        if len(self.WORKERS) < self.num_workers:
            self.spawn_workers()
        self._retiring &= set(self.WORKERS)
        ages = sorted((worker.age, pid) for pid, worker in self.WORKERS.items())
        for _, pid in ages[self.num_workers :]:
            if pid not in self._retiring:
                self._retiring.add(pid)
                self.kill_worker(pid, signal.SIGWINCH)


class IdleWorker(Worker):
    """Sleeps until a connection, an answered request or a signal wakes it, or a connection reaches its deadline."""

    limits = Limits()  # set before the process is forked

    def init_process(self) -> None:
        """Have the kernel send SIGTERM when the arbiter ends, instead of looking for it, then begin to work."""
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        self.event_loop: EventLoop | None = None
        self.is_retiring = False
        if os.getppid() == self.ppid:
            super().init_process()

    def run(self) -> None:
        request_process = self._request_process if self.limits.processes > 1 else None
        responder = Responder(self.limits, self.cfg, self.wsgi, self.log, request_process)
        self.event_loop = responder.event_loop
        responder.pool.start()
        sockets = list(self.sockets)
        for listener in sockets:
            listener.setblocking(False)
        listeners.announce_ready()
        while self.alive and not self.is_retiring:
            self._notify_unless_hanging(responder.pool)
            self.event_loop.run(sockets)
        if not self.is_retiring:
            self._drain(self.event_loop)
        self._end(self.event_loop)

    def _notify_unless_hanging(self, pool: ThreadPool) -> None:
        """Tell the arbiter that this process works. If every thread has been at one request for minutes, it doesn't:
        the arbiter then ends it and starts another."""
        if not pool.hangs(self.limits.hang_s):
            self.notify()

    def _drain(self, event_loop: EventLoop) -> None:
        """Go on for a while, but end each connection behind its answer and fail the health check: until balancers have
        noticed, they send requests that would otherwise be refused."""
        event_loop.is_draining = True
        until = time.monotonic() + self.limits.drain_s
        while time.monotonic() < until:
            self.notify()
            event_loop.run(list(self.sockets), until)

    def _end(self, event_loop: EventLoop) -> None:
        """Stop accepting; requests that have begun are answered, within the grace period."""
        for listener in self.sockets:
            listener.close()
        event_loop.end(self.limits.idle_s if self.alive else self.limits.linger_s)
        while len(event_loop) and self.alive:  # a process that retires lets an upload take its time
            self.notify()
            event_loop.run([])
        event_loop.end(self.limits.linger_s)
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while len(event_loop) and time.monotonic() < deadline:
            self.notify()
            event_loop.run([], until=deadline)
        event_loop.stop()

    def _request_process(self) -> None:
        """Ask the arbiter for another process."""
        os.kill(self.ppid, signal.SIGTTIN)

    def handle_winch(self, sig: int, fname: Any) -> None:
        """Retire: the load has gone, so this process answers what it has begun and ends."""
        self.is_retiring = True
        if self.event_loop is not None:
            self.event_loop.wake()

    def handle_exit(self, sig: int, frame: Any) -> None:
        self.alive = False
        if self.event_loop is not None:
            self.event_loop.wake()

    def handle_quit(self, sig: int, frame: Any) -> None:
        self.alive = False
        os._exit(0)
