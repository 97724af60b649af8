# ruff: noqa: PTH116
# Paths are str here, because this code runs in every request and pathlib is slow.
"""The small objects of a device: an append-only log of records, written by one thread, with one fdatasync for many.

Requests hand in changes and wait. The thread takes all that have come while it was waiting for the disk, leaves out
those that are older than what is there, appends the others, makes them durable together, and only then enters them into
the index, where readers find them. If writing fails, the segment is cut back to what was durable, and all those changes
fail.
"""

import errno
import logging
import os
import queue
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.storage.pack_index import Location, PackIndex
from pileus_objectstore.storage.pack_records import (
    HEADER_BYTES,
    MAGIC_BYTES,
    MAX_PAYLOAD_BYTES,
    PREAMBLE,
    REMOVED,
    STORED,
    Header,
    decode_header,
    intact_payload,
)
from pileus_objectstore.storage.pack_segments import SegmentFiles

log = logging.getLogger(__name__)
SEGMENT_BYTES = 64 << 20  # a segment that is larger gets no more records
MAX_BATCH = 512
TICK_S = 0.004  # with several writers, a commit begins so long after the last one began
Allowed = Callable[[Location | None], bool]


@dataclass(slots=True)
class Usage:
    """What a segment holds: bytes in all, bytes of records that don't count any more, and records that do."""

    size: int = PREAMBLE.size
    garbage: int = 0
    live: int = 0

    @property
    def wasteful(self) -> bool:
        """Whether moving what counts to another segment gives back more than it costs."""
        return 2 * self.garbage > self.size


class Completion:
    """Waits until several changes, on several devices, are finished."""

    def __init__(self, changes: int) -> None:
        self._left = changes
        self._guard, self._finished = threading.Lock(), threading.Lock()
        if changes:
            self._finished.acquire()

    def count_down(self) -> None:
        """One change is finished."""
        with self._guard:
            self._left -= 1
            if not self._left:
                self._finished.release()

    def wait(self) -> None:
        """Return when all changes are finished."""
        with self._finished:
            return


class Change:
    """One record to be written, if `allowed` says so of what is there (None: nothing) at that moment.

    Afterwards `done` tells whether it was written, and `error` why it could not be. An `idle` change costs no fdatasync
    of its own, because no one relies on it.
    """

    __slots__ = ("allowed", "completion", "digest", "done", "error", "idle", "kind", "partition", "payload", "stamps")

    def __init__(
        self, kind: int, partition: int, digest: str, stamps: tuple[int, int], payload: bytes, allowed: Allowed
    ) -> None:
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"a record of {len(payload)} bytes could not be read again")
        self.kind, self.partition, self.digest = kind, partition, bytes.fromhex(digest)
        self.stamps, self.payload, self.allowed = stamps, payload, allowed
        self.completion = Completion(0)
        self.done = self.idle = False
        self.error: DeviceFailed | None = None

    def header(self, now: int) -> Header:
        """The record's header."""
        stamp, posted = self.stamps
        checksum = zlib.crc32(self.payload)
        return Header(self.kind, self.digest, self.partition, stamp, posted, now, len(self.payload), checksum)

    def result(self) -> bool:
        """Whether it was written; call this after the completion. Raises DeviceFailed."""
        if self.error is not None:
            raise self.error
        return self.done


class PackLog:
    """The log of one directory of a device. `open` reads what is there; the first change starts the thread."""

    def __init__(self, disk: Disk, name: str) -> None:
        self.disk = disk
        self.segments = SegmentFiles(disk, name)
        self.index = PackIndex()
        self.usage: dict[int, Usage] = {}  # of all segments
        self.on_sealed: Callable[[int], object] = lambda number: None  # a segment gets no more records, or is wasteful
        self.current = 0  # the segment to which records are appended; 0: none yet
        self._fd, self._size, self._magic = -1, 0, b""
        self._uncut = self._broken = False  # the segment ends with refused records; it must not be used any more
        self._changes: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closed = False

    def open(self) -> None:
        """Read what the segments hold. Raises DeviceFailed."""
        with self.disk.guard():
            numbers = self.segments.numbers()
            for number in numbers:
                self._load(number)
            self.current = numbers[-1] if numbers else 0

    def find(self, partition: int, digest: str) -> Location | None:
        """Where an object's newest record is; None if it isn't packed."""
        return self.index.find(partition, bytes.fromhex(digest))

    def read(self, digest: str, location: Location) -> bytes | None:
        """A record's payload, verified; None if its segment was removed meanwhile. Raises Damaged or DeviceFailed."""
        with self.disk.guard():
            try:
                segment = self.segments.segment(location.segment)
            except FileNotFoundError:
                if location.segment in self.usage:
                    raise
                return None
            data = segment.read(HEADER_BYTES + location.length, location.offset)
            header, payload = decode_header(data, segment.magic), data[HEADER_BYTES:]
            if header is None or header.digest.hex() != digest or not intact_payload(header, payload):
                raise Damaged(path=f"{segment.path}:{location.offset}", why="the record is not what was written")
            return payload

    def submit(self, changes: list[Change], completion: Completion) -> None:
        """Hand in changes; each counts the completion down."""
        with self._starting:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name=f"pack-{self.disk.name}", daemon=True)
                self._thread.start()
            closed = self._closed
            for change in changes:
                change.completion = completion
                if not closed:
                    self._changes.put(change)
        if closed:
            self._fail(changes, DeviceFailed(device=self.disk.name, why="it was released"))

    def apply(self, change: Change) -> bool:
        """Make one change and wait for it; whether it was written. Raises DeviceFailed."""
        completion = Completion(1)
        self.submit([change], completion)
        completion.wait()
        return change.result()

    def close(self) -> None:
        """Finish what was handed in and end the thread."""
        with self._starting:
            self._closed = True
            thread, self._thread = self._thread, None
            if thread is not None:
                self._changes.put(None)
        if thread is not None:
            thread.join()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self.segments.close()

    def _load(self, number: int) -> None:
        """Enter a segment's records into the index."""
        self.usage[number] = usage = Usage(self.segments.size(number))
        whole = PREAMBLE.size
        for offset, header in self.segments.headers(number):
            whole += header.size
            self._enter(number, offset, header)
        usage.garbage += max(0, usage.size - whole)

    def _enter(self, number: int, offset: int, header: Header) -> None:
        """A record is durable: the index shows it, and what it replaces is garbage."""
        if header.kind == STORED:
            place = Location(header.stamp, header.posted, number, offset, header.length)
            old = self.index.put(header.partition, header.digest, place)
            self.usage[number].live += 1
        else:
            old = self.index.remove(header.partition, header.digest)
        usage = None if old is None else self.usage.get(old.segment)
        if old is None or usage is None:
            return
        usage.live -= 1
        usage.garbage += HEADER_BYTES + old.length
        if usage.wasteful and old.segment != self.current:
            self.on_sealed(old.segment)

    def _run(self) -> None:
        wait_until = 0.0
        while True:
            batch, ended = self._batch(wait_until)
            if batch:
                began = time.monotonic()
                self._commit(batch)
                wait_until = began + TICK_S if len(batch) > 1 else 0.0
            if ended:
                return

    def _batch(self, wait_until: float) -> tuple[list[Change], bool]:
        """What was handed in since the last commit, at least one change; whether the log is being closed.

        If several requests wrote at the same time lately, those that come until `wait_until` (monotonic) are waited
        for: switching threads for each change costs more than the commit.
        """
        batch: list[Change] = []
        change = self._changes.get()
        if change is not None:
            time.sleep(max(0.0, wait_until - time.monotonic()))
        while change is not None:
            batch.append(change)
            if len(batch) >= MAX_BATCH:
                return batch, False
            try:
                change = self._changes.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[Change]) -> None:
        try:
            with self.disk.guard():
                self._write(batch)
        except DeviceFailed as e:
            self._fail(batch, e)
            return
        except Exception as e:  # a bug must not let the requests wait for ever
            log.exception("device %s: %d changes failed", self.disk.name, len(batch))
            self._fail(batch, DeviceFailed(device=self.disk.name, why=str(e)))
            return
        for change in batch:
            change.completion.count_down()

    def _fail(self, batch: list[Change], error: DeviceFailed) -> None:
        for change in batch:
            change.done, change.error = False, error
            change.completion.count_down()

    def _write(self, batch: list[Change]) -> None:
        self._prepare()
        records, data = self._records(batch)
        if not records:
            return
        try:
            size = _write_all(self._fd, data, self._size)
        except OSError:
            self._cut()
            raise
        if not all(change.idle for change in batch if change.done):
            self._sync()
        self._size = self.usage[self.current].size = size
        for offset, header in records:
            self._enter(self.current, offset, header)

    def _sync(self) -> None:
        """Make the segment durable if it is still on the device: an open file can be written when that is gone."""
        try:
            os.fdatasync(self._fd)
            if not os.path.samestat(os.stat(self.segments.path(self.current)), os.fstat(self._fd)):
                raise OSError(errno.ENOENT, "the segment is gone")
        except OSError:
            self._broken = True  # nothing more is known of this file's pages
            self._cut()
            raise

    def _records(self, batch: list[Change]) -> tuple[list[tuple[int, Header]], list[bytes]]:
        """The records of those changes that are allowed, with their offsets, and their bytes."""
        now, offset = int(time.time()), self._size
        data: list[bytes] = []
        records: list[tuple[int, Header]] = []
        pending: dict[bytes, Location | None] = {}
        for change in batch:
            digest = change.digest
            there = pending[digest] if digest in pending else self.index.find(change.partition, digest)
            if not change.allowed(there):
                continue
            change.done = True
            header = change.header(now)
            pending[digest] = (
                Location(*change.stamps, self.current, offset, header.length) if change.kind == STORED else None
            )
            records.append((offset, header))
            data += (header.encode(self._magic), change.payload)
            offset += header.size
        return records, data

    def _prepare(self) -> None:
        """Have a segment that can be appended to. One of an earlier process stays as it is."""
        if self._uncut:
            self._cut()
        if self._fd >= 0 and self._size < SEGMENT_BYTES and not self._broken:
            return
        number, magic = self.current + 1, secrets.token_bytes(MAGIC_BYTES)
        fd = self.segments.create(number, magic)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._size, self._magic, self._broken = fd, PREAMBLE.size, magic, False
        self.usage[number] = Usage()
        full, self.current = self.current, number
        if full:
            self.on_sealed(full)

    def _cut(self) -> None:
        """Remove what was not made durable: it was refused, so it must not come back. Raises OSError."""
        self._uncut = True
        os.ftruncate(self._fd, self._size)
        self._uncut = False

    def changed(self, since: float) -> Iterator[Header]:
        """Headers of the records that were written since a time (epoch seconds)."""
        for number in self.segments.numbers():
            if self.segments.modified(number) >= since:
                yield from (header for _, header in self.segments.headers(number) if header.written >= int(since))


def newer(stamps: tuple[int, int]) -> Allowed:
    """A change that is allowed if its (version, later metadata) is newer than what is there."""
    return lambda there: there is None or (there.stamp, there.posted) < stamps


def same(stamp: int, posted: int | None = None) -> Allowed:
    """A change that is allowed if exactly this version is there, with this later metadata unless that is None."""
    return lambda there: there is not None and there.stamp == stamp and posted in (None, there.posted)


def removal(partition: int, digest: str, allowed: Allowed) -> Change:
    """A change after which the device has no version of the object."""
    return Change(REMOVED, partition, digest, (0, 0), b"", allowed)


def _write_all(fd: int, data: list[bytes], offset: int) -> int:
    """Write bytes at an offset; where they end."""
    whole = memoryview(b"".join(data))
    while whole:
        written = os.pwrite(fd, whole, offset)
        whole, offset = whole[written:], offset + written
    return offset
