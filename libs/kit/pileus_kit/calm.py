"""gunicorn that sleeps while nobody calls; by itself its arbiter and its threaded worker wake once a second."""

import ctypes
import os
import signal
import time
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

LONGEST_SLEEP = 30.0  # seconds; a quarter of the time after which the arbiter kills a worker that hangs
PR_SET_PDEATHSIG = 1


class CalmArbiter(Arbiter):
    """Signals (a worker's end is one) wake it at once; what it looks for otherwise is a worker that hangs."""

    def wait_for_signals(self, timeout: float = 1.0) -> list[int]:
        return super().wait_for_signals(LONGEST_SLEEP)


class CalmWorker(ThreadWorker):
    """Connections, ended requests and signals wake it at once; else it sleeps until a kept connection runs out."""

    def init_process(self) -> None:
        """The kernel tells us when the arbiter is gone: we needn't look."""
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() == self.ppid:
            super().init_process()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(self._until_next() if self.alive else timeout)

    def _until_next(self) -> float:
        waiting: list[Any] = [*list(self.keepalived_conns)[:1], *list(self.pending_conns)[:1]]  # soonest first
        now = time.monotonic()
        return min([LONGEST_SLEEP, *(max(connection.timeout - now, 0.0) + 0.01 for connection in waiting)])
