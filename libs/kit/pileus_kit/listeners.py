"""What an upgrade's supervisor and the processes that it starts agree on: a listening socket, and when they are ready.

During an upgrade the supervisor takes the socket of a running process and gives it to its successor. So it stays open
all the time: clients wait in its queue instead of being refused. A process is replaced only when the one before it has
said that it is ready, however slow the machine is.
"""

import os
import socket

VARIABLE = "PILEUS_LISTENER"
"""The environment variable with the number of the descriptor."""
READY_VARIABLE = "PILEUS_READY"
"""The environment variable with the number of an eventfd that the supervisor reads."""


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


def announce_ready() -> None:
    """Tell the supervisor that this process does its work from now on, if it wants to know."""
    given = os.environ.pop(READY_VARIABLE, "")
    if given:
        os.eventfd_write(int(given), 1)
        os.close(int(given))
