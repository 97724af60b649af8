"""When the next request of each account and container may be served, if its rate is limited.

A request that comes too early waits for its turn, and is refused if that would take too long, or if too many wait
already. Each proxy process paces on its own. A key is forgotten when 10,000 others were used since, so the memory is
bounded.
"""

import math
import threading
import time
from collections import OrderedDict

from pileus_objectstore.errors import RateLimited

MAX_KEYS = 10_000
CATCH_UP_S = 5.0  # a key that stayed below its rate for up to so long may exceed it until that is made up for
SHARE_OF_THREADS = 4  # one of so many threads of a process may wait for a turn


class Pacer:
    """The turns of all keys. Thread-safe."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, float] = OrderedDict()  # key -> when its next request may be served
        self._waiting = 0
        self._lock = threading.Lock()

    def wait(self, key: str, rate: float, max_sleep_s: float, threads: int) -> None:
        """Wait for the next turn of a key that has `rate` turns a second. Raises RateLimited.

        No request waits for `max_sleep_s` seconds or more, and of a process with so many threads not more than a part.
        """
        pause_s = self._take(key, rate, max_sleep_s, threads)
        if pause_s:
            try:
                time.sleep(pause_s)
            finally:
                with self._lock:
                    self._waiting -= 1

    def _take(self, key: str, rate: float, max_sleep_s: float, threads: int) -> float:
        """Take the next turn, and return in how many seconds it is; a thread that has to wait is counted."""
        with self._lock:
            now = time.monotonic()
            turn = self._turns.get(key, now)
            if now - turn > CATCH_UP_S:
                turn = now
            pause_s = max(turn - now, 0.0)
            if pause_s:
                if pause_s >= max_sleep_s or (self._waiting + 1) * SHARE_OF_THREADS > threads:
                    raise RateLimited(math.ceil(pause_s))
                self._waiting += 1
            self._turns[key] = turn + 1 / rate
            self._turns.move_to_end(key)
            if len(self._turns) > MAX_KEYS:
                self._turns.popitem(last=False)
            return pause_s
