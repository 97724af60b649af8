"""A listening socket that a process takes over from the one that it replaces.

During an upgrade the supervisor takes the socket of a running process and gives it to its successor. So it stays open
all the time: clients wait in its queue instead of being refused.
"""

import os
import socket

VARIABLE = "PILEUS_LISTENER"
"""The environment variable with the number of the descriptor."""


def inherited() -> int | None:
    """Return the descriptor of the listening socket that was given to this process; None if it has to make its own.

    The descriptor belongs to the caller; what this process starts doesn't inherit it.
    """
    given = os.environ.pop(VARIABLE, "")
    if not given:
        return None
    os.set_inheritable(int(given), False)
    return int(given)


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Return the socket that was given to this process, or else a new one on this address."""
    given = inherited()
    return socket.create_server((host, port), backlog=backlog) if given is None else socket.socket(fileno=given)
