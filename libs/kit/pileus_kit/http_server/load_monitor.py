"""Whether one process is enough: Python runs one thread at a time, so a second core needs a second process.

It is asked for when several requests at a time keep this process busy, and ends when that has not happened for minutes:
an API without much to do is one process, with the memory of one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_S = 0.5
"""Load is judged over windows of this length, or a little longer."""
MIN_REQUESTS = 1.5
"""Requests that threads were working on, on average over a window, from which on the load is high."""
MIN_CORES = 0.3
"""CPU that the process used, in cores, from which on the load is high. It is low because other processes want the
cores, too; requests that only wait for something else use none, and a second process would not help them."""
REPEAT_S = 2.0
"""Seconds between two requests for another process."""
REQUESTS_PER_CONNECTION = 50
"""Requests after which a kept connection may be closed, so that its client connects to another process."""


@dataclass(frozen=True)
class Window:
    """What a process did within some time."""

    seconds: float
    busy_s: float
    """Seconds that threads worked on requests, all threads added up."""
    cpu_s: float
    """Seconds of CPU that the process used."""


def is_high(window: Window) -> bool:
    """Whether the process had more to do in this window than one core does well."""
    requests, cores = window.busy_s / window.seconds, window.cpu_s / window.seconds
    return requests >= MIN_REQUESTS and cores >= MIN_CORES


class LoadMonitor:
    """Calls `request_process` while the load is high, every REPEAT_S seconds; None: there may be no other process."""

    def __init__(self, request_process: Callable[[], None] | None) -> None:
        self._request_process = request_process
        self._window_began, self._cpu_then_s = time.monotonic(), time.process_time()
        self._busy_s = 0.0
        self._requested_at = self._first_requested_at = 0.0
        self._is_high = False

    def count(self, seconds: float) -> None:
        """Note that a thread has worked on a request for so many seconds, and judge the load when a window ends."""
        self._busy_s += seconds
        now = time.monotonic()
        if self._request_process is None or now - self._window_began < WINDOW_S:
            return
        cpu_s = time.process_time()
        self._is_high = is_high(Window(now - self._window_began, self._busy_s, cpu_s - self._cpu_then_s))
        self._window_began, self._cpu_then_s, self._busy_s = now, cpu_s, 0.0
        if self._is_high and now - self._requested_at > REPEAT_S:
            self._first_requested_at = self._first_requested_at if now - self._requested_at < 2 * REPEAT_S else now
            self._requested_at = now
            self._request_process()

    def should_reconnect(self, served: int) -> bool:
        """Whether to close a connection after its request number `served`, so that the client connects again.

        Connections that are kept would otherwise all stay with the process that was there first.
        """
        has_help = self._is_high and time.monotonic() - self._first_requested_at > REPEAT_S
        return has_help and served >= REQUESTS_PER_CONNECTION and served % REQUESTS_PER_CONNECTION == 0
