"""What an upgrade's supervisor and the processes that it starts agree on: a listening socket, and when they are ready.

During an upgrade the supervisor takes the socket of a running process and gives it to its successor. So it stays open
all the time: clients wait in its queue instead of being refused. A process is replaced only when the one before it has
said that it is ready, however slow the machine is.
"""

import os
import socket

VARIABLE = "PILEUS_LISTENER"
"""The environment variable with the numbers of the descriptors, separated by commas."""
READY_VARIABLE = "PILEUS_READY"
"""The environment variable with the number of an eventfd that the supervisor reads."""


_given: list[int] = []
"""The descriptors that were given to this process and not taken yet."""


def inherited() -> int | None:
    """Return the descriptor of a listening socket that was given to this process; None if it has to make its own.

    The descriptor belongs to the caller; what this process starts doesn't inherit it.
    """
    _read_variable()
    return _given.pop(0) if _given else None


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Return the socket on this address that was given to this process, or else a new one."""
    _read_variable()
    wanted = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][:2]
    for number in _given:
        found = socket.socket(fileno=number)
        if found.getsockname()[:2] == wanted:
            _given.remove(number)
            return found
        found.detach()
    return socket.create_server((host, port), backlog=backlog)


def _read_variable() -> None:
    for number in filter(None, os.environ.pop(VARIABLE, "").split(",")):
        os.set_inheritable(int(number), False)
        _given.append(int(number))


def announce_ready() -> None:
    """Tell the supervisor that this process does its work from now on, if it wants to know."""
    given = os.environ.pop(READY_VARIABLE, "")
    if given:
        os.eventfd_write(int(given), 1)
        os.close(int(given))
