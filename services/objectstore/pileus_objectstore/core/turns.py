"""Turns: of the requests that change which version of an object is current, one at a time works on an object.

Two deletions of versions that crossed each other could each make the other's version the current one. Turns hold in one
process; between processes the newest timestamp decides, as everywhere.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pileus_objectstore.core.names import Target

LOCKS = 128  # objects that share one wait for each other without need, but rarely


class Turns:
    """Thread-safe."""

    def __init__(self) -> None:
        self._locks = tuple(threading.Lock() for _ in range(LOCKS))

    @contextmanager
    def take(self, target: Target) -> Iterator[None]:
        """Wait for the object's turn, and keep it during the block."""
        with self._locks[hash(target.path) % LOCKS]:
            yield
