"""gunicorn that sleeps while nobody calls, and whose threads only get requests that have arrived.

Its arbiter and its parser are gunicorn's; the connections are ours (`pileus_kit.http_server`).
"""

import ctypes
import os
import signal
import time
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from pileus_kit.http_server.event_loop import LONGEST_SLEEP, Front
from pileus_kit.http_server.limits import Limits
from pileus_kit.http_server.responder import Answers
from pileus_kit.http_server.thread_pool import Crew

PR_SET_PDEATHSIG = 1


class IdleArbiter(Arbiter):
    """Signals (a worker's end is one) wake it at once; what it looks for otherwise is a worker that hangs.

    Workers under load ask for another one (SIGTTIN); the youngest goes when nobody has asked for long.
    """

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self._asked = 0.0
        self._retiring: set[int] = set()

    def wait_for_signals(self, timeout: float = 1.0) -> list[int]:
        spare = IdleWorker.limits.spare
        found = super().wait_for_signals(LONGEST_SLEEP if self.num_workers == 1 else min(LONGEST_SLEEP, spare))
        if self.num_workers > 1 and time.monotonic() - self._asked > spare:
            self.num_workers -= 1
        return found

    def handle_ttin(self) -> None:
        self._asked = time.monotonic()
        if self.num_workers < IdleWorker.limits.processes:
            self.num_workers += 1
        self.manage_workers()

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
    """Connections, ended requests and signals wake it at once; else it sleeps until a kept connection runs out."""

    limits = Limits()  # of this process; set before it is forked

    def init_process(self) -> None:
        """The kernel tells us when the arbiter is gone: we needn't look."""
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        self.front: Front | None = None
        self.retiring = False
        if os.getppid() == self.ppid:
            super().init_process()

    def run(self) -> None:
        answers = Answers(self.limits, self.cfg, self.wsgi, self.log, self._ask if self.limits.processes > 1 else None)
        self.front = answers.front
        crew = answers.crew
        crew.start()
        listeners = list(self.sockets)
        for listener in listeners:
            listener.setblocking(False)
        while self.alive and not self.retiring:
            self._notify_unless_hanging(crew)
            self.front.run(listeners)
        self._end(self.front)

    def _notify_unless_hanging(self, crew: Crew) -> None:
        """A worker whose every thread has been at one request for minutes isn't alive: the arbiter makes a new one."""
        if not crew.hanging(self.limits.hanging):
            self.notify()

    def _end(self, front: Front) -> None:
        """Stop accepting; requests that have begun are answered, within the grace period."""
        for listener in self.sockets:
            listener.close()
        front.end()
        while len(front) and self.alive:  # retiring: an upload may take its time
            self.notify()
            front.run([])
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while len(front) and time.monotonic() < deadline:
            self.notify()
            front.run([], until=deadline)
        front.stop()

    def _ask(self) -> None:
        """There is more to do than one process can."""
        os.kill(self.ppid, signal.SIGTTIN)

    def handle_winch(self, sig: int, fname: Any) -> None:
        """This process isn't needed any more: it ends what it has begun and goes."""
        self.retiring = True
        if self.front is not None:
            self.front.wake()

    def handle_exit(self, sig: int, frame: Any) -> None:
        self.alive = False
        if self.front is not None:
            self.front.wake()

    def handle_quit(self, sig: int, frame: Any) -> None:
        self.alive = False
        os._exit(0)
