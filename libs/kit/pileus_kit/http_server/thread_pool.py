"""The threads: a fixed number for requests, and one more for each transfer whose client is slow, up to a bound."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any


class Crew:
    """Each thread calls `turn` again and again; it answers one event, and returns False when the crew shall end."""

    def __init__(self, threads: int, streams: int, turn: Callable[[], bool]) -> None:
        self._threads, self._streams, self._turn = threads, streams, turn
        self._lent: defaultdict[Any, int] = defaultdict(int)
        self._surplus = 0
        self._lock = threading.Lock()
        self.busy: dict[int, float] = {}  # thread -> since when it answers

    def start(self) -> None:
        for _ in range(self._threads):
            self._hire()

    def _hire(self) -> None:
        threading.Thread(target=self._work, name="edge", daemon=True).start()

    def _work(self) -> None:
        while self._turn():
            with self._lock:
                if self._surplus:
                    self._surplus -= 1
                    return

    def lend(self, owner: Any) -> bool:
        """The calling thread will wait for its client: somebody takes its place, unless this owner has had their
        share of such places, or all are taken."""
        with self._lock:
            if sum(self._lent.values()) >= self._streams or self._lent[owner] >= max(1, self._streams // 2):
                return False
            self._lent[owner] += 1
        try:
            self._hire()
        except RuntimeError:  # the machine has no room for another thread
            with self._lock:
                self._lent[owner] -= 1
            return False
        return True

    def give_back(self, owner: Any) -> None:
        with self._lock:
            self._lent[owner] -= 1
            if not self._lent[owner]:
                del self._lent[owner]
            self._surplus += 1

    def hanging(self, seconds: float) -> bool:
        """Whether every thread has been at the same request for so long."""
        now = time.monotonic()
        with self._lock:
            transfers = sum(self._lent.values())
        return sum(now - since > seconds for since in list(self.busy.values())) >= self._threads + transfers > 0
