"""Writers of an SQLite file take turns: the one that has waited longest is next, in a process and among processes.

SQLite itself lets a waiting writer sleep and look again, ever more rarely, and the writer that tries at the right
moment is served; with many writers, some wait half a minute. Here the threads of a process queue in order, and the
first of each queue takes two locks that it shares with other processes: the outer one makes it the next, the inner one
is for writing. A process that has just written can't write again before the one that holds the outer lock.
"""

import fcntl
import logging
import os
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pileus_kit.errors import DatabaseBusy

log = logging.getLogger(__name__)

MAX_WAIT_S = 30.0
"""How long a writer waits before the database counts as busy."""
PAUSES_S = (0.0005, 0.001, 0.002)
"""Pauses between tries to take a lock that another process holds; the last one is repeated."""
OUTER, INNER = 0, 1


class InterprocessLock:
    """Two locks on a file beside the database, for one thread of a process at a time.

    The kernel releases them when the process ends, however it ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pid, self._file = 0, -1

    def acquire(self, deadline: float) -> None:
        """Wait until this process may write. Raises DatabaseBusy at `deadline` (monotonic)."""
        if self._pid != os.getpid():  # a lock belongs to the open file, which a forked child shares with its parent
            self._open()
        if self._file < 0:
            return
        self._take(OUTER, deadline)
        try:
            self._take(INNER, deadline)
        finally:
            self._set(OUTER, fcntl.F_UNLCK)

    def release(self) -> None:
        """Let another process write."""
        if self._file >= 0:
            self._set(INNER, fcntl.F_UNLCK)

    def _open(self) -> None:
        """Open the file, which belongs to the owner of the directory even if root creates it. If it can't be created,
        processes only have SQLite's own lock."""
        self._pid = os.getpid()
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if os.geteuid() == 0:
                owner = self._path.parent.stat()
                os.fchown(self._file, owner.st_uid, owner.st_gid)
        except OSError as err:
            log.warning(
                "%s can't be opened (%s): writers of different processes take no turns", self._path, err.strerror
            )
            self._file = -1

    def _take(self, which: int, deadline: float) -> None:
        tries = 0
        while not self._set(which, fcntl.F_WRLCK):
            if time.monotonic() > deadline:
                raise DatabaseBusy
            time.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries += 1

    def _set(self, which: int, kind: int) -> bool:
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, which, 1, 0))
        except (BlockingIOError, PermissionError):  # another process holds it
            return False
        return True


class WriteQueue:
    """The queue of one process for one SQLite file."""

    def __init__(self, path: Path | None) -> None:
        """`path` is the file with the locks; None for a database that no other process uses."""
        self._interprocess_lock = InterprocessLock(path) if path else None
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()
        self._thread = threading.local()

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Wrap a transaction of this thread: a turn that it takes lasts until the end of the block."""
        depth = self._thread.depth = getattr(self._thread, "depth", 0) + 1
        try:
            yield
        finally:
            self._thread.depth = depth - 1
            if depth == 1 and getattr(self._thread, "held", False):
                self._thread.held = False
                self._end_turn()

    def take_turn(self) -> None:
        """Wait for this thread's turn, before it begins to write. Raises DatabaseBusy after MAX_WAIT_S.

        Outside of a scope nothing would end the turn, so there is none.
        """
        if not getattr(self._thread, "depth", 0) or getattr(self._thread, "held", False):
            return
        deadline = time.monotonic() + MAX_WAIT_S
        self._wait_in_line(deadline)
        try:
            if self._interprocess_lock:
                self._interprocess_lock.acquire(deadline)
        except BaseException:
            self._pass_on()
            raise
        self._thread.held = True

    def _wait_in_line(self, deadline: float) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            called = threading.Event()
            self._waiting.append(called)
        if called.wait(deadline - time.monotonic()):
            return
        with self._lock:
            if called.is_set():  # its turn came just now
                return
            self._waiting.remove(called)
        raise DatabaseBusy

    def _end_turn(self) -> None:
        if self._interprocess_lock:
            self._interprocess_lock.release()
        self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
