"""The time of writes: this host's clock, which never gives the same time twice and never goes backwards."""

import threading
import time

STEP_S = 0.00001  # the smallest difference that a timestamp can express


class Clock:
    """Returns epoch seconds, later at each call, even while the system's clock is being set back. Thread-safe."""

    def __init__(self) -> None:
        self._last = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            self._last = max(time.time(), self._last + STEP_S)
            return self._last

    def observe(self, at: float) -> bool:
        """Return later times than `at` from now on; whether it was in the future."""
        with self._lock:
            ahead = at > max(time.time(), self._last)
            self._last = max(self._last, at)
        return ahead
