"""gunicorn that sleeps while nobody calls, and whose threads only get requests that have arrived.

Its arbiter and its parser are gunicorn's; the connections are ours (`pileus_kit.edge`).
"""

import ctypes
import os
import signal
import time
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from pileus_kit.edge.answers import Answers
from pileus_kit.edge.crew import Crew
from pileus_kit.edge.front import LONGEST_SLEEP, Front
from pileus_kit.edge.limits import Limits

PR_SET_PDEATHSIG = 1


class CalmArbiter(Arbiter):
    """Signals (a worker's end is one) wake it at once; what it looks for otherwise is a worker that hangs."""

    def wait_for_signals(self, timeout: float = 1.0) -> list[int]:
        return super().wait_for_signals(LONGEST_SLEEP)


class CalmWorker(Worker):
    """Connections, ended requests and signals wake it at once; else it sleeps until a kept connection runs out."""

    limits = Limits()  # of this process; set before it is forked

    def init_process(self) -> None:
        """The kernel tells us when the arbiter is gone: we needn't look."""
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        self.front: Front | None = None
        if os.getppid() == self.ppid:
            super().init_process()

    def run(self) -> None:
        answers = Answers(self.limits, self.cfg, self.wsgi, self.log)
        self.front = answers.front
        crew = answers.crew
        crew.start()
        listeners = list(self.sockets)
        for listener in listeners:
            listener.setblocking(False)
        while self.alive:
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
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while len(front) and time.monotonic() < deadline:
            self.notify()
            front.run([], until=deadline)
        front.stop()

    def handle_exit(self, sig: int, frame: Any) -> None:
        self.alive = False
        if self.front is not None:
            self.front.wake()

    def handle_quit(self, sig: int, frame: Any) -> None:
        self.alive = False
        os._exit(0)
