# ruff: noqa: PTH108, PTH208
# Paths are str here, because this code runs in every request and pathlib is slow.
"""The log of changed rows that wait to be merged into the listings of one disk.

A row that comes from another host, or says what a container has become, is acknowledged when it is in this log: one
fsync makes the rows of all requests that wait at that moment durable, whatever listings they belong to. The row of an
object that is stored on this host isn't waited for: until it is flushed, a recovery would find it by the object
(agent/recovery.py). SQLite merges rows later, many in one transaction. The log consists of segments,
`rows/<when it began, in nanoseconds>`, each a sequence of records:

    length of the message, crc32 of it | message: WaitingRows as JSON

A segment is removed once all its rows are in the listings and on disk. Merging a row again changes nothing, so a new
process simply merges what it finds in the segments.
"""

import logging
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from pileus_kit import decoding
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.disks import Disk, sync_directory
from pileus_objectstore.wire.contract import ListingRow

log = logging.getLogger(__name__)
DIRECTORY = "rows"
RECORD = struct.Struct("<II")
MAX_SEGMENT_BYTES = 4 << 20
TICK_S = 0.004  # rows that arrive so soon after others were written wait for each other,
LAZY_TICK_S = 0.01  # and so long if no request waits for them
LAZY_S = 0.5  # rows for which no request waits are flushed to disk after this


class WaitingRows(msgspec.Struct, array_like=True):
    """Rows for one listing of the disk. It is the format on disk."""

    kind: str
    partition: int
    digest: str
    rows: list[ListingRow]


class Flush:
    """The rows that are written together. They are durable once `wait` returns True."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.is_awaited = False  # a request waits for them
        self._finished = threading.Event()
        self._error: DeviceFailed | None = None

    def finish(self, error: DeviceFailed | None = None) -> None:
        """Let all waiting threads go on."""
        self._error = error
        self._finished.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether the rows are on disk. Raises DeviceFailed if the disk did not take them."""
        if not self._finished.wait(timeout_s):
            return False
        if self._error is not None:
            raise self._error
        return True


@dataclass
class Segment:
    """One file of the log, and the listings whose rows are in it."""

    path: str
    fd: int
    size: int = 0
    listings: set[tuple[str, str]] = field(default_factory=set)  # kind and path
    began: float = field(default_factory=time.monotonic)
    unsynced: list[Flush] = field(default_factory=list)
    sync_at: float = 0.0  # when those are flushed to disk even if no request waits


class RowLog:
    """The log of one disk. Thread-safe; a thread of its own writes and flushes."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._ready = threading.Condition()
        self._writing = threading.Lock()  # held while the segment is written to or replaced
        self._next = Flush()
        self._next_listings: set[tuple[str, str]] = set()
        self._segment: Segment | None = None
        self._ended: list[Segment] = []  # their rows are not merged yet
        self._thread: threading.Thread | None = None
        self._closing = False

    def append(self, waiting: WaitingRows, path: str, *, lazily: bool = False) -> Flush:
        """Add rows of the listing whose file is at `path`; wait for the result before they are acknowledged.

        With `lazily` no request waits, as the rows can be made again from what else is on disk: then they are written
        at once and flushed within LAZY_S.
        """
        message = msgspec.json.encode(waiting)
        record = RECORD.pack(len(message), zlib.crc32(message)) + message
        with self._ready:
            flush = self._next
            flush.records.append(record)
            flush.is_awaited |= not lazily
            self._next_listings.add((waiting.kind, path))
            if self._thread is None:
                self._closing = False
                self._thread = threading.Thread(target=self._run, name=f"rows-{self._disk.name}", daemon=True)
                self._thread.start()
            if len(flush.records) == 1:
                self._ready.notify()
        return flush

    def end_segment(self, min_age_s: float) -> list[Segment]:
        """Begin a new segment if this one is old or long; all segments that have ended and were not removed."""
        with self._writing:
            segment = self._segment
            if segment is not None:
                old = time.monotonic() >= segment.began + min_age_s
                if old or segment.size > MAX_SEGMENT_BYTES:
                    self._end()
            return self._ended

    def remove(self, path: str) -> None:
        """Remove a segment whose rows are in the listings and on disk. Raises DeviceFailed.

        One that is gone was on another disk, which was exchanged for this one.
        """
        with self._disk.guard(), suppress(FileNotFoundError):
            os.unlink(path)
        with self._writing:
            self._ended = [segment for segment in self._ended if segment.path != path]

    def paths(self) -> list[str]:
        """All segments but the one that is being written, oldest first."""
        directory = f"{self._disk.root}/{DIRECTORY}"
        try:
            paths = sorted(f"{directory}/{name}" for name in os.listdir(directory))
        except FileNotFoundError:
            return []
        with self._writing:
            return [path for path in paths if self._segment is None or path != self._segment.path]

    def close(self) -> None:
        """Flush what is waiting and end the thread and the segment."""
        with self._ready:
            self._closing = True
            self._ready.notify()
            thread = self._thread
        if thread is not None:
            thread.join()
        with self._writing:
            self._end()

    def _run(self) -> None:
        written = 0.0
        while True:
            with self._ready:
                while not self._next.records and not self._closing and not self._sync_is_due():
                    self._ready.wait(self._until_sync_s())
                if self._closing and not self._next.records:
                    self._thread = None
                    return
            tick_s = TICK_S if self._next.is_awaited else LAZY_TICK_S
            time.sleep(max(0.0, written + tick_s - time.monotonic()))
            with self._ready:
                flush, self._next = self._next, Flush()
                listings, self._next_listings = self._next_listings, set()
            self._commit(flush, listings)
            written = time.monotonic()

    def _until_sync_s(self) -> float | None:
        """Seconds until what was written must be flushed; None if everything is."""
        segment = self._segment
        return max(0.0, segment.sync_at - time.monotonic()) if segment is not None and segment.unsynced else None

    def _sync_is_due(self) -> bool:
        return self._until_sync_s() == 0.0

    def _commit(self, flush: Flush, listings: set[tuple[str, str]]) -> None:
        """Write rows, and flush them if a request waits or it is due. Those who wait learn whether that worked."""
        try:
            with self._writing, self._disk.guard():
                if flush.records:
                    self._write(b"".join(flush.records), listings)
                    self._wrote(flush)
                if flush.is_awaited or self._sync_is_due():
                    self._sync()
        except DeviceFailed as e:
            flush.finish(e)
        except OSError as e:
            flush.finish(DeviceFailed(device=self._disk.name, why=os.strerror(e.errno or 0)))
        except Exception as e:  # a bug must not let the requests wait for ever
            log.exception("device %s: %d changed rows failed", self._disk.name, len(flush.records))
            flush.finish(DeviceFailed(device=self._disk.name, why=str(e)))

    def _write(self, data: bytes, listings: set[tuple[str, str]]) -> None:
        segment = self._segment or self._begin()
        segment.listings |= listings
        segment.size += len(data)
        try:
            written = 0
            while written < len(data):
                written += os.write(segment.fd, data[written:])
        except BaseException:
            self._end()  # nothing may follow half a record
            raise

    def _wrote(self, flush: Flush) -> None:
        segment = self._segment
        assert segment is not None
        if not segment.unsynced:
            segment.sync_at = time.monotonic() + LAZY_S
        segment.unsynced.append(flush)

    def _sync(self) -> None:
        """Flush what was written. Raises OSError, and the segment ends, as nothing is known of its pages any more."""
        if self._segment is not None:
            try:
                _flush(self._segment, self._disk.name)
            except BaseException:
                self._end()
                raise

    def _begin(self) -> Segment:
        directory = self._disk.directory(DIRECTORY)
        path = f"{directory}/{time.time_ns():020d}"
        segment = Segment(path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            sync_directory(directory)
        except BaseException:
            os.close(segment.fd)
            raise
        self._segment = segment
        return segment

    def _end(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            with suppress(OSError):  # those who wait for the rows learn it
                _flush(segment, self._disk.name)
            os.close(segment.fd)
            self._ended = [*self._ended, segment]


def _flush(segment: Segment, device: str) -> None:
    """Make all that was written to a segment durable, and tell those who wait for it. Raises OSError."""
    waiting, segment.unsynced = segment.unsynced, []
    error: DeviceFailed | None = DeviceFailed(device=device, why="changed rows could not be flushed")
    try:
        if waiting:
            os.fdatasync(segment.fd)
        error = None
    finally:
        for flush in waiting:
            flush.finish(error)


def read_segment(path: str) -> Iterator[WaitingRows]:
    """The rows of a segment. Raises OSError, and Damaged at a record that is not what was written.

    A segment that ends with a part of a record is not damaged: the process died while it wrote, and acknowledged none
    of that.
    """
    with open(path, "rb") as file:
        while len(head := file.read(RECORD.size)) == RECORD.size:
            length, crc = RECORD.unpack(head)
            message = file.read(length)
            if len(message) < length:
                return
            if zlib.crc32(message) != crc:
                raise Damaged(path=path, why="a record is not what was written")
            try:
                yield decoding.decode(message, WaitingRows)
            except msgspec.MsgspecError as e:
                raise Damaged(path=path, why=str(e)) from e
