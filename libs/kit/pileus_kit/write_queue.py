"""Who writes to an SQLite file next: the one who has waited longest, in this process and among processes.

SQLite lets a waiting writer sleep and look again, ever more rarely; whoever asks at the right moment is served. With
many writers some wait half a minute. Here the threads of a process queue in order, and the first of each queue meets
those of other processes at a gate of two locks: the outer one is the place of who comes next, the inner one is the
file's. A process that has just written can't have the file again before the one that holds the outer lock.
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

PATIENCE_S = 30.0
"""How long a writer queues before it is told that the database is busy."""
LOOKS_S = (0.0005, 0.001, 0.002)
"""Pauses between looks at a lock that another process holds; the last one is repeated."""
OUTER, INNER = 0, 1


class InterprocessLock:
    """Two locks of a file beside the database. Only one thread of a process may be here at a time. The kernel opens
    them when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pid, self._file = 0, -1

    def enter(self, deadline: float) -> None:
        if self._pid != os.getpid():  # a lock belongs to an open file, and a forked child would share its parent's
            self._open()
        if self._file < 0:
            return
        self._take(OUTER, deadline)
        try:
            self._take(INNER, deadline)
        finally:
            self._set(OUTER, fcntl.F_UNLCK)

    def leave(self) -> None:
        if self._file >= 0:
            self._set(INNER, fcntl.F_UNLCK)

    def _open(self) -> None:
        """The file belongs to whoever the directory belongs to, also if root comes first. Where it can't be made,
        SQLite's own lock has to do."""
        self._pid = os.getpid()
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if os.geteuid() == 0:
                owner = self._path.parent.stat()
                os.fchown(self._file, owner.st_uid, owner.st_gid)
        except OSError as err:
            log.warning("%s can't be opened (%s): processes write in no order", self._path, err.strerror)
            self._file = -1

    def _take(self, which: int, deadline: float) -> None:
        looks = 0
        while not self._set(which, fcntl.F_WRLCK):
            if time.monotonic() > deadline:
                raise DatabaseBusy
            time.sleep(LOOKS_S[min(looks, len(LOOKS_S) - 1)])
            looks += 1

    def _set(self, which: int, kind: int) -> bool:
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, which, 1, 0))
        except (BlockingIOError, PermissionError):  # somebody else holds it
            return False
        return True


class WriteQueue:
    """The queue of one process for one SQLite file; `path` is None for a database that no other process sees."""

    def __init__(self, path: Path | None) -> None:
        self._gate = InterprocessLock(path) if path else None
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()
        self._mine = threading.local()

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Around a transaction of this thread: `take` inside it lasts until its end."""
        depth = self._mine.depth = getattr(self._mine, "depth", 0) + 1
        try:
            yield
        finally:
            self._mine.depth = depth - 1
            if depth == 1 and getattr(self._mine, "held", False):
                self._mine.held = False
                self._give()

    def take(self) -> None:
        """Wait for this thread's turn, before it begins to write. Raises DatabaseBusy after PATIENCE_S. Outside of a
        scope nothing would end the turn, so there is none."""
        if not getattr(self._mine, "depth", 0) or getattr(self._mine, "held", False):
            return
        deadline = time.monotonic() + PATIENCE_S
        self._queue(deadline)
        try:
            if self._gate:
                self._gate.enter(deadline)
        except BaseException:
            self._pass_on()
            raise
        self._mine.held = True

    def _queue(self, deadline: float) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            called = threading.Event()
            self._waiting.append(called)
        if called.wait(deadline - time.monotonic()):
            return
        with self._guard:
            if called.is_set():  # just now after all
                return
            self._waiting.remove(called)
        raise DatabaseBusy

    def _give(self) -> None:
        if self._gate:
            self._gate.leave()
        self._pass_on()

    def _pass_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
