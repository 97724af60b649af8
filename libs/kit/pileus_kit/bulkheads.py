"""A peer that hangs takes a part of our threads with it, not all."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from pileus_kit.errors import PeerDown

SLOW = 5.0  # seconds after which a call that isn't answered counts


class Bulkhead:
    """While `most` calls have waited for one peer for long, another is refused at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: defaultdict[str, dict[object, float]] = defaultdict(dict)  # peer -> call -> since when
        self._lock = threading.Lock()

    @contextmanager
    def passing(self, service: str) -> Iterator[None]:
        call, now = object(), time.monotonic()
        with self._lock:
            waiting = self._waiting[service]
            if sum(now - since > SLOW for since in waiting.values()) >= self._most:
                raise PeerDown(service=service, why=f"{len(waiting)} calls wait for it already")
            waiting[call] = now
        try:
            yield
        finally:
            with self._lock:
                del waiting[call]
