"""Whether one process is enough: Python runs one thread at a time, so a second core needs a second process.

It comes when several requests at a time keep this process busy, and goes when that has not happened for minutes: an API
that nobody presses has one process, and its memory.
"""

import time
from collections.abc import Callable

WINDOW = 0.5  # seconds over which is judged
SEVERAL = 1.5  # requests in threads' hands, on average
BUSY = 0.3  # of a core, also where others want it; requests that wait for something else need no second core
AGAIN = 2.0  # seconds between two calls for help
SETTLED = 50  # requests of a connection after which it may be sent to look for another process


class Load:
    """`help` is called while the load is high, every two seconds."""

    def __init__(self, help: Callable[[], None] | None) -> None:
        self._help = help
        self._since, self._cpu = time.monotonic(), time.process_time()
        self._spent = 0.0
        self._called = self._first_call = 0.0
        self._high = False

    def answered(self, seconds: float) -> None:
        """A request has been in a thread's hands for so long."""
        self._spent += seconds
        now = time.monotonic()
        passed = now - self._since
        if self._help is None or passed < WINDOW:
            return
        cpu = time.process_time()
        self._high = self._spent / passed >= SEVERAL and (cpu - self._cpu) / passed >= BUSY
        self._since, self._cpu, self._spent = now, cpu, 0.0
        if self._high and now - self._called > AGAIN:
            self._first_call = self._first_call if now - self._called < 2 * AGAIN else now
            self._called = now
            self._help()

    def sheds(self, served: int) -> bool:
        """Whether a client who has asked so often over one connection shall connect anew: connections that are kept
        would all stay with the process that was there first."""
        helped = self._high and time.monotonic() - self._first_call > AGAIN
        return helped and served >= SETTLED and served % SETTLED == 0
