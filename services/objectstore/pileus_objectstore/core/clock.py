"""The time of writes: this host's clock, which never gives the same time twice and never goes backwards."""

import threading
import time

STEP_S = 0.00001  # the smallest difference that a timestamp can express


class Clock:
    """Returns epoch seconds, later at each call, even while the system's clock is being set back. Thread-safe."""

    def __init__(self) -> None:
        self._last = 0.0
        self._ahead = 0.0  # what was observed last that was in the future
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            self._last = max(time.time(), self._last + STEP_S)
            return self._last

    def observe(self, at: float, given: float) -> bool:
        """Return later times than `at` from now on; whether the time `given` was too early for a change after `at`.

        It was if `at` is in the future, unless this clock knew of `at` when it returned `given`.
        """
        with self._lock:
            now = time.time()
            if at > max(now, self._last):
                self._last = self._ahead = at
            return given < at and now < at <= self._ahead
