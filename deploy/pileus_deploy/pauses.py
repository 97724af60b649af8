"""A pause of the processes that use a database, while a program moves it. Guests, agents and the bus run on.

The program holds a lock as long as the pause is to last. If it dies, the kernel frees the lock, and the supervisor
starts the processes again.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK_S = 1.0  # how often the supervisor looks whether the pause is over


class AlreadyPaused(RuntimeError):
    """Another program has paused the cloud."""


def is_wanted(state: Path) -> bool:
    """Whether a program holds the lock of the cloud in `state`."""
    try:
        with hold(state):
            return False
    except FileNotFoundError:
        return False  # nothing ever ran there
    except AlreadyPaused:
        return True


@contextmanager
def hold(state: Path) -> Iterator[None]:
    """Hold the lock during the block. Raises AlreadyPaused."""
    with (state / "run" / "pause.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyPaused("another program has paused this cloud; wait for its end") from None
        yield
