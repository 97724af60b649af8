"""Server access logs of buckets: who logs where, and the spool in which lines wait until the worker delivers them.

A line is appended to a file of its process; the files of one time slot are delivered a moment after its end. So a line
survives the end of its process; it is flushed to disk within SYNC_S seconds.
"""

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from pileus_kit import decoding
from pileus_objectstore.core.bucket_settings import Setting

log = logging.getLogger(__name__)
SLOT_S = 60
GRACE_S = 10.0  # a thread may still write to a slot's file this long after its end
SYNC_S = 1.0
MAX_FILE_BYTES = 16 << 20  # lines beyond it are dropped, and the log says so
MAX_SPOOL_BYTES = 1 << 30
SUFFIX = ".lines"


class Logging(msgspec.Struct, frozen=True, omit_defaults=True):
    """The setting of a bucket: requests to it are logged in objects of `bucket` whose keys begin with `prefix`.

    `partitioned`: the keys go on with owner, region, source bucket and date.
    """

    bucket: str
    prefix: str = ""
    partitioned: bool = False


LOGGING = Setting("Logging", Logging)


class Source(msgspec.Struct, frozen=True, array_like=True):
    """A bucket whose requests are logged, and where to."""

    account: str
    bucket: str
    where: Logging


class Line(msgspec.Struct, array_like=True):
    """One line in the spool."""

    source: Source
    text: str


class Spool:
    """This process's file of the present slot. Thread-safe."""

    def __init__(self, directory: Path, now: Callable[[], float] = time.time) -> None:
        self._directory, self._now = directory, now
        self._slot = self._fd = -1
        self._size, self._synced = 0, 0.0
        self._lock = threading.Lock()

    def write(self, line: Line) -> None:
        """Append a line. A request isn't refused because its line can't be written: then the log has an error."""
        data = msgspec.json.encode(line) + b"\n"
        try:
            with self._lock:
                self._write(data)
        except OSError as e:
            log.error("a line of an access log is lost: %s", e)

    def close(self) -> None:
        """Flush the file."""
        with self._lock:
            self._close()

    def _write(self, data: bytes) -> None:
        now = self._now()
        if int(now // SLOT_S) != self._slot or not os.fstat(self._fd).st_nlink:  # it is over, or its file was removed
            self._close()
            self._open(int(now // SLOT_S))
        if self._size + len(data) > MAX_FILE_BYTES:
            log.error("a line of an access log is lost: there are too many")
            return
        self._size += os.write(self._fd, data)
        if now - self._synced > SYNC_S:
            os.fsync(self._fd)
            self._synced = now

    def _open(self, slot: int) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        name = f"{slot:010}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
        self._fd = os.open(self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._slot, self._size = slot, 0

    def _close(self) -> None:
        if self._fd >= 0:
            os.fsync(self._fd)
            os.close(self._fd)
        self._fd = self._slot = -1


def directory(home: Path) -> Path:
    """Where the spool of a host is."""
    return home / "access-logs"


def finished(spool: Path, now: float) -> list[Path]:
    """The files of slots that are over, oldest first."""
    files = sorted(spool.glob(f"*{SUFFIX}"))
    return [file for file in files if ends_at(file) + GRACE_S < now]


def ends_at(file: Path) -> float:
    """The end of a file's slot, in epoch seconds."""
    slot = file.name.partition("-")[0]
    return (int(slot) + 1) * SLOT_S if slot.isdecimal() else 0.0


def lines(file: Path) -> Iterator[Line]:
    """The lines of a file. The last one may be cut where its process was killed."""
    with file.open("rb") as opened:
        for raw in opened:
            try:
                yield decoding.decode(raw, Line)
            except msgspec.MsgspecError:
                log.warning("%s has a line that is no entry of an access log", file)


def trim(spool: Path) -> int:
    """Drop the oldest files while all together are too large, and return how many."""
    files = sorted(spool.glob(f"*{SUFFIX}"))
    size = sum(file.stat().st_size for file in files)
    dropped = 0
    while files and size > MAX_SPOOL_BYTES:
        size -= files[0].stat().st_size
        files.pop(0).unlink()
        dropped += 1
    return dropped
