"""Which files were read completely a moment ago, with all their checksums right: those may be sent by the kernel.

A file is known by its device, inode, size and times, so a replaced or changed one is another file. A disk that changes
bytes by itself changes none of these; so a file counts only for some minutes, in which its pages are most likely still
in memory.
"""

import os
import threading
import time
from collections import OrderedDict

from pileus_objectstore.storage.object_files import ObjectFile

VERIFIED_S = 300.0
MAX_FILES = 4096
Identity = tuple[int, int, int, int, int]


class VerifiedFiles:
    """The files that were verified last. Thread-safe."""

    def __init__(self) -> None:
        self._until: OrderedDict[Identity, float] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, file: ObjectFile) -> None:
        """All blocks of the file were verified just now."""
        with self._lock:
            self._until[_identity(file)] = time.monotonic() + VERIFIED_S
            self._until.move_to_end(_identity(file))
            while len(self._until) > MAX_FILES:
                self._until.popitem(last=False)

    def inode(self, file: ObjectFile) -> int:
        """The file's inode if it was verified lately, else 0."""
        identity = _identity(file)
        with self._lock:
            return identity[1] if self._until.get(identity, 0.0) > time.monotonic() else 0


def _identity(file: ObjectFile) -> Identity:
    about = os.fstat(file.fileno())
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns
