"""Whether a host or another process has been silent, as far as this process can tell.

After a laptop woke, a process was started or stopped for a while, or the clock was set, every host's last report seems
old, though each of them reports again within seconds. So silence counts only for as long as this process has been awake
under a clock that ran evenly.
"""

import os
import threading
import time
from datetime import UTC, datetime, timedelta

TICK_S = 5.0
LATE_S = 10.0
"""A tick that comes so much too late means that this process did not run."""
STEP_S = 5.0
"""How far the wall clock may move against the monotonic one between two ticks."""


class AwakeClock:
    """How long this process has been awake. Without `begin`, as in tests, that is for ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun, self._pid = False, 0
        self._since = self._steady = self._wall = 0.0

    def begin(self) -> None:
        """Start the clock; the main function of every process does."""
        self._begun = True

    def seconds(self) -> float:
        """Return the seconds for which this process has been awake; the first call starts the thread that watches."""
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
        stepped = abs((wall - self._wall) - (steady - self._steady)) > STEP_S  # a suspended machine's does, too
        if slept or stepped:
            self._restart()
        else:
            self._steady, self._wall = steady, wall

    def _restart(self) -> None:
        self._since = self._steady = time.monotonic()
        self._wall = time.time()


awake_clock = AwakeClock()


def is_silent(last_seen: datetime, patience: timedelta) -> bool:
    """Whether the last report, made at `last_seen`, is older than `patience`.

    A time that lies further in the future than that was written by a clock that was ahead, and counts as old.
    """
    if abs(datetime.now(UTC) - last_seen) < patience:
        return False
    return awake_clock.seconds() >= patience.total_seconds()
