"""Takes the listening sockets of running processes, so that they stay open while those processes are replaced.

The kernel gives root a duplicate of any descriptor (pidfd_getfd, Linux 5.6), so this works with processes of every
release, whichever process made the socket.
"""

import ctypes
import os
import socket
from pathlib import Path

PIDFD_GETFD = 438  # the same number on all architectures


class SocketsOutOfReach(RuntimeError):
    """The kernel gives us no other process's sockets; the message says what would help."""


def listening(pid: int) -> list[int]:
    """Return duplicates of the sockets on which a process accepts connections.

    The caller owns the descriptors. Raises SocketsOutOfReach.
    """
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return []
    found = []
    try:
        for number in _sockets(pid):
            duplicate = _duplicate(process, number)
            if duplicate is not None and _accepts(duplicate):
                found.append(duplicate)
            elif duplicate is not None:
                os.close(duplicate)
    finally:
        os.close(process)
    return found


def _sockets(pid: int) -> list[int]:
    """Return the numbers of a process's descriptors that are sockets."""
    try:
        entries = list(Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        return []
    return sorted(int(entry.name) for entry in entries if _link(entry).startswith("socket:"))


def _link(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except FileNotFoundError:  # it was closed meanwhile
        return ""


def _duplicate(process: int, number: int) -> int | None:
    """Return a duplicate of a process's descriptor; None if it is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    found: int = libc.syscall(PIDFD_GETFD, process, number, 0)
    if found >= 0:
        return found
    error = ctypes.get_errno()
    if error in (1, 38):  # EPERM, ENOSYS
        raise SocketsOutOfReach(
            f"the kernel doesn't give us the sockets of running processes ({os.strerror(error)}), so clients would be "
            "refused: a container needs the capability SYS_PTRACE for that, and Linux 5.6"
        )
    return None


def _accepts(number: int) -> bool:
    found = socket.socket(fileno=os.dup(number))
    try:
        return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    finally:
        found.close()
