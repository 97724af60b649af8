"""The threads: a fixed number for requests, and one more for each transfer whose client is slow, up to a bound."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable


class ThreadPool:
    """Each thread calls `handle_event` again and again, which returns False when the pool has to end.

    A thread that has to wait for a slow client is replaced by a substitute meanwhile, so that the number of threads
    that can take requests stays the same.
    """

    def __init__(self, threads: int, max_substitutes: int, handle_event: Callable[[], bool]) -> None:
        self._threads, self._max_substitutes, self._handle_event = threads, max_substitutes, handle_event
        self._substitutes: defaultdict[Hashable, int] = defaultdict(int)  # owner of the slow transfer -> how many
        self._surplus = 0  # threads that end after their next event
        self._lock = threading.Lock()
        self.busy_since: dict[int, float] = {}  # thread -> since when it has worked on its request (monotonic)

    def start(self) -> None:
        """Start the threads for requests."""
        for _ in range(self._threads):
            self._add_thread()

    def _add_thread(self) -> None:
        threading.Thread(target=self._run, name="http", daemon=True).start()

    def _run(self) -> None:
        while self._handle_event():
            with self._lock:
                if self._surplus:
                    self._surplus -= 1
                    return

    def add_substitute(self, owner: Hashable) -> bool:
        """Start a thread in place of the calling one, which is about to wait for its client.

        Returns False if this owner has half of the substitutes already, all are in use, or the machine has no room for
        another thread; then the caller waits in its own place.
        """
        with self._lock:
            in_use = sum(self._substitutes.values())
            if in_use >= self._max_substitutes or self._substitutes[owner] >= max(1, self._max_substitutes // 2):
                return False
            self._substitutes[owner] += 1
        try:
            self._add_thread()
        except RuntimeError:
            with self._lock:
                self._substitutes[owner] -= 1
            return False
        return True

    def remove_substitute(self, owner: Hashable) -> None:
        """Let one thread end, because the transfer that had a substitute is over."""
        with self._lock:
            self._substitutes[owner] -= 1
            if not self._substitutes[owner]:
                del self._substitutes[owner]
            self._surplus += 1

    def hangs(self, seconds: float) -> bool:
        """Whether every thread has been at the same request for more than `seconds`."""
        now = time.monotonic()
        with self._lock:
            substitutes = sum(self._substitutes.values())
        hanging = sum(now - since > seconds for since in list(self.busy_since.values()))
        return hanging >= self._threads + substitutes > 0
