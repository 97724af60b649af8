# ruff: noqa: PTH104, PTH108, PTH110, PTH116, PTH119, PTH208
# Paths are str here, because this code runs in every request and pathlib is slow.
"""All listings of one disk: where they are, which are open, and how they are created, removed and quarantined."""

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.disks import Disk, sync_directory, write_durably
from pileus_objectstore.storage.listing_database import ListingDatabase
from pileus_objectstore.storage.listing_schema import empty_database
from pileus_objectstore.storage.row_log import DIRECTORY, Flush, RowLog, Segment, WaitingRows, read_segment
from pileus_objectstore.wire.contract import ListingInfo, ListingRow, ShardRange
from pileus_objectstore.wire.shard_ranges import contains, own_rows

log = logging.getLogger(__name__)
MAX_OPEN = 64  # databases with an open connection
RETRY_S = 1.0  # rows that could not be merged are tried again after this


class Appended(NamedTuple):
    """Rows on their way into a listing, and the ranges of shards to which they belong."""

    flush: Flush | None  # None: the listing itself takes none of them
    ranges: tuple[ShardRange, ...] = ()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether the rows are on disk. Raises DeviceFailed if the disk did not take them."""
        return self.flush is None or self.flush.wait(timeout_s)


class ListingStore:
    """The listings of one disk; those that were used last stay open. Thread-safe."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._open: OrderedDict[str, ListingDatabase] = OrderedDict()
        self._lock = threading.Lock()
        self._rows = RowLog(disk)
        self._unmerged = True  # whether there may be rows in the log that no open listing knows
        self._merge_at = 0.0  # when to try again to merge them
        self._merging = threading.Lock()

    def path(self, kind: str, partition: int, digest: str) -> str:
        """Where a listing's file is, or would be."""
        return f"{self.disk.root}/{kind}s/{partition}/{digest}.db"

    @contextmanager
    def use(self, kind: str, partition: int, digest: str) -> Iterator[ListingDatabase | None]:
        """The listing, or None if there is none. A damaged one is moved to quarantine, and Damaged is raised."""
        if self._unmerged:
            self._merge_left()
        with self._used(kind, self.path(kind, partition, digest)) as listing:
            yield listing

    @contextmanager
    def _used(self, kind: str, path: str) -> Iterator[ListingDatabase | None]:
        listing = self._acquire(kind, path)
        try:
            yield listing
        except Damaged:
            if listing is not None:
                self._quarantine(listing)
            raise
        finally:
            if listing is not None:
                with self._lock:
                    listing.users -= 1

    def append(
        self, kind: str, partition: int, digest: str, rows: list[ListingRow], *, lazily: bool = False
    ) -> Appended | None:
        """Merge rows into a listing; None if there is none. They are durable once the result's `wait` returns.

        A divided container takes only what no shard has to list. For `lazily` see `RowLog.append`.
        """
        with self.use(kind, partition, digest) as listing:
            if listing is None or not listing.takes_rows:
                return None
            ranges: tuple[ShardRange, ...] = ()
            if listing.ranges:
                ranges = tuple(found for found in listing.ranges if any(contains(found, row.name) for row in rows))
                rows = own_rows(rows, ranges)
            if not rows:
                return Appended(None, ranges)
            listing.add(rows)
            waiting = WaitingRows(kind, partition, digest, rows)
            return Appended(self._rows.append(waiting, listing.path, lazily=lazily), ranges)

    def shorten_log(self, min_age_s: float) -> None:
        """Merge the rows in the log into their listings, and remove what is older than `min_age_s` seconds.

        Raises DeviceFailed if not all rows could be merged; those segments stay in the log.
        """
        if self._unmerged:
            self._merge_left()
        failed: DeviceFailed | None = None
        for segment in self._rows.end_segment(min_age_s):
            try:
                self._flush(segment)
                if self._unmerged:
                    break
                self._rows.remove(segment.path)
            except DeviceFailed as e:
                failed = e
        if failed is not None:
            raise failed

    def create(self, kind: str, partition: int, digest: str, info: ListingInfo) -> bool:
        """Create an empty listing with this head; False if it exists."""
        path = self.path(kind, partition, digest)
        with self.disk.guard():
            directory = self.disk.directory(f"{kind}s", str(partition))
            with self.disk.lock(digest):
                if os.path.exists(path):
                    return False
                temporary = self.disk.temporary()
                write_durably(temporary, empty_database(info))
                os.rename(temporary, path)
            sync_directory(directory)
        return True

    def partitions(self, kind: str) -> list[int]:
        """The partitions of which the disk has listings."""
        try:
            return sorted(int(name) for name in os.listdir(f"{self.disk.root}/{kind}s") if name.isdecimal())
        except FileNotFoundError:
            return []

    def digests(self, kind: str, partition: int) -> list[str]:
        """The listings of a partition."""
        try:
            names = os.listdir(f"{self.disk.root}/{kind}s/{partition}")
        except FileNotFoundError:
            return []
        return sorted(name[:-3] for name in names if name.endswith(".db"))

    def changed(self, kind: str, since: float) -> Iterator[tuple[int, str]]:
        """(partition, digest) of listings whose files were created or changed since a time (epoch seconds)."""
        for partition in self.partitions(kind):
            with os.scandir(f"{self.disk.root}/{kind}s/{partition}") as entries:
                recent = {entry.name.partition(".")[0] for entry in entries if entry.stat().st_ctime >= since}
            yield from ((partition, digest) for digest in sorted(recent))

    def remove(self, kind: str, partition: int, digest: str, same: Callable[[ListingInfo], bool]) -> bool:
        """Remove a listing if it is not in use and `same` accepts its head; whether it was removed."""
        path = self.path(kind, partition, digest)
        with self._lock, self.disk.guard():
            if not os.path.exists(path):
                return False
            listing = self._open.get(path) or ListingDatabase(self.disk, path, kind)
            if listing.users:
                return False
            wanted = same(listing.info)
            self._open.pop(path, None)
            listing.close()
            for extra in ("", "-wal", "-shm") if wanted else ():
                if os.path.exists(path + extra):
                    os.unlink(path + extra)
        return wanted

    def close_idle(self, idle_s: float) -> int:
        """Close the listings that were not used for `idle_s` seconds; how many."""
        before = time.monotonic() - idle_s
        with self._lock:
            idle = [path for path, held in self._open.items() if not held.users and held.used_at <= before]
            for path in idle:
                self._close(self._open.pop(path))
        return len(idle)

    def idle_since(self, kind: str, partition: int, digest: str) -> int:
        """A number that changes with each change of a closed listing; 0 if it is open."""
        path = self.path(kind, partition, digest)
        if path in self._open or os.path.exists(path + "-wal"):
            return 0
        try:
            return os.stat(path).st_mtime_ns
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """Merge all rows and close all listings. What can't be merged stays in the log."""
        self._rows.close()
        with self._lock:
            listings = list(self._open.values())
            self._open.clear()
            for listing in listings:
                self._close(listing)
            complete = not self._unmerged
            self._unmerged, self._merge_at = True, 0.0
        try:
            for path in self._rows.paths() if complete else ():
                self._rows.remove(path)
        except (DeviceFailed, OSError) as e:
            log.info("the log of device %s stays: %s", self.disk.name, e)

    def _close(self, listing: ListingDatabase) -> None:
        """Close a listing. The caller has the lock."""
        try:
            listing.close()
        except (Damaged, DeviceFailed) as e:
            log.warning("%s", e)
            self._unmerged = True

    def _flush(self, segment: Segment) -> None:
        """Bring all rows of a segment into the listings, and these to disk. A closed listing has them already.

        Raises DeviceFailed at the end: a listing that can't be written keeps no other one waiting.
        """
        failed: DeviceFailed | None = None
        for kind, path in sorted(segment.listings):
            with self._lock:
                listing = self._open.get(path)
                if listing is None:
                    continue
                listing.users += 1
            try:
                self._flush_listing(kind, listing)
            except DeviceFailed as e:
                failed = e
            finally:
                with self._lock:
                    listing.users -= 1
        if failed is not None:
            raise failed

    def _flush_listing(self, kind: str, listing: ListingDatabase) -> None:
        try:
            listing.flush()
        except Damaged as e:
            log.error("the rows of a %s are left to its other replicas: %s", kind, e)
            self._quarantine(listing)

    def _merge_left(self) -> None:
        """Merge the rows that are only in the log, because their process died or their listings couldn't be written.

        While the disk is full, its listings can be read without them; other replicas have the rows, too.
        """
        with self._merging:
            if not self._unmerged or time.monotonic() < self._merge_at:
                return
            try:
                self._merge_segments()
            except (DeviceFailed, OSError) as e:
                log.warning("device %s: rows wait in its log: %s", self.disk.name, e)
                self._merge_at = time.monotonic() + RETRY_S
            else:
                self._unmerged = False

    def _merge_segments(self) -> None:
        """Merge all segments and remove them. Raises DeviceFailed or OSError at the end if one has to stay."""
        failed: DeviceFailed | OSError | None = None
        self._rows.end_segment(0.0)
        for path in self._rows.paths():
            try:
                self._merge_segment(path)
                self._rows.remove(path)
            except (DeviceFailed, OSError) as e:
                failed = e
        if failed is not None:
            raise failed

    def _merge_segment(self, path: str) -> None:
        """Merge the rows of a segment. Raises DeviceFailed at the end if those of some listings could not be merged."""
        rows: dict[tuple[str, int, str], list[ListingRow]] = {}
        try:
            for waiting in read_segment(path):
                rows.setdefault((waiting.kind, waiting.partition, waiting.digest), []).extend(waiting.rows)
        except Damaged as e:
            log.error("some rows are left to the other replicas of their listings: %s", e)
            # It is there already if an earlier process put it aside and died.
            with self.disk.guard(), suppress(FileExistsError):
                os.link(path, f"{self.disk.directory('quarantined', DIRECTORY)}/{os.path.basename(path)}")
        failed: DeviceFailed | None = None
        for (kind, partition, digest), changed in rows.items():
            try:
                with self._used(kind, self.path(kind, partition, digest)) as listing:
                    if listing is not None:
                        listing.merge(changed)
            except Damaged as e:
                log.error("%s", e)
            except DeviceFailed as e:
                failed = e
        if failed is not None:
            raise failed

    def _acquire(self, kind: str, path: str) -> ListingDatabase | None:
        with self._lock:
            listing = self._open.get(path)
            if listing is None:
                if not os.path.exists(path):
                    return None
                try:
                    listing = ListingDatabase(self.disk, path, kind)
                except Damaged:
                    with self.disk.guard():
                        self.disk.put_aside(path, f"{kind}s")
                    raise
                self._open[path] = listing
            self._open.move_to_end(path)
            listing.users += 1
            listing.used_at = time.monotonic()
            unused = [p for p, held in self._open.items() if not held.users][: max(0, len(self._open) - MAX_OPEN)]
            for old in unused:
                self._close(self._open.pop(old))
        return listing

    def _quarantine(self, listing: ListingDatabase) -> None:
        with self._lock:
            if self._open.get(listing.path) is listing:
                del self._open[listing.path]
                listing.abandon()
                with self.disk.guard():
                    self.disk.put_aside(listing.path, f"{listing.kind}s")
