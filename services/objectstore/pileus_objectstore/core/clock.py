"""The time of writes: this host's clock, but never twice the same and never backwards."""

import threading
import time

STEP = 0.00001  # what a timestamp can tell apart


class Clock:
    """Epoch seconds, later at each call, even while the system's clock is being set back."""

    def __init__(self) -> None:
        self._last = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            self._last = max(time.time(), self._last + STEP)
            return self._last
