"""Whether somebody has been is_silent: only who was awake to listen can tell.

After a laptop woke, a process started or was stopped for a while, or the clock was set, every host's last word seems
long ago, though each of them speaks again within seconds. So silence counts only for as long as this process has been
awake, under a clock that ran evenly.
"""

import os
import threading
import time
from datetime import UTC, datetime, timedelta

TICK_S = 5.0
LATE_S = 10.0
"""A tick that comes so much later than the last one means that this process did not run."""
STEP_S = 5.0
"""How far the wall clock may move against the monotonic one between ticks."""


class AwakeClock:
    """How long this process has been awake. Without `begin`, as in tests, it has been for ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun, self._pid = False, 0
        self._since = self._steady = self._wall = 0.0

    def begin(self) -> None:
        self._begun = True

    def seconds(self) -> float:
        """Seconds for which this process has been awake and watching; the first call begins it."""
        if not self._begun:
            return float("inf")
        with self._lock:
            if self._pid != os.getpid():  # a thread doesn't survive a fork
                self._pid = os.getpid()
                self._restart()
                threading.Thread(target=self._watch, name="awake_clock", daemon=True).start()
            self._look()
            return self._steady - self._since

    def _watch(self) -> None:
        while True:
            time.sleep(TICK_S)
            with self._lock:
                self._look()

    def _look(self) -> None:
        steady, wall = time.monotonic(), time.time()
        slept = steady - self._steady > TICK_S + LATE_S
        stepped = abs((wall - self._wall) - (steady - self._steady)) > STEP_S  # also by a suspended machine
        if slept or stepped:
            self._restart()
        else:
            self._steady, self._wall = steady, wall

    def _restart(self) -> None:
        self._since = self._steady = time.monotonic()
        self._wall = time.time()


awake_clock = AwakeClock()


def is_silent(last_word: datetime, patience: timedelta) -> bool:
    """Whether nothing has been heard for `patience`. A word from the future, which a clock that was ahead wrote down,
    is as good as none once it is further away than that."""
    if abs(datetime.now(UTC) - last_word) < patience:
        return False
    return awake_clock.seconds() >= patience.total_seconds()
