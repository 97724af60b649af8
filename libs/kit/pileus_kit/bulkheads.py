"""A peer that hangs takes a part of our threads with it, not all."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from pileus_kit.errors import PeerDown

SLOW_S = 5.0
"""A call that has had no answer for so long counts as one that hangs."""


class Bulkhead:
    """Refuses a call to a peer at once while `max_hanging` calls hang there already."""

    def __init__(self, max_hanging: int) -> None:
        self._max_hanging = max_hanging
        self._waiting: defaultdict[str, dict[object, float]] = defaultdict(dict)  # peer -> call -> since when
        self._lock = threading.Lock()

    @contextmanager
    def call(self, service: str) -> Iterator[None]:
        """Count the call made in the block. Raises PeerDown instead if too many hang there."""
        call, now = object(), time.monotonic()
        with self._lock:
            waiting = self._waiting[service]
            if sum(now - since > SLOW_S for since in waiting.values()) >= self._max_hanging:
                raise PeerDown(service=service, why=f"{len(waiting)} calls wait for it already")
            waiting[call] = now
        try:
            yield
        finally:
            with self._lock:
                del waiting[call]
