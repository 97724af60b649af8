# ruff: noqa: PTH104, PTH108, PTH110, PTH208, PTH116
# Paths are str here: this is on the way of every request.
"""All listings of one disk: where they are, which of them are open, and how one is made, dropped or put aside."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pileus_objectstore.errors import Damaged
from pileus_objectstore.storage.disks import Disk, sync_directory
from pileus_objectstore.storage.listing_database import ListingDatabase, empty_database
from pileus_objectstore.wire.contract import ListingInfo

OPEN = 64  # databases with an open connection; the rest sleeps on disk


class ListingStore:
    """The listings of one disk; the most recently used stay open."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._open: OrderedDict[str, ListingDatabase] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, kind: str, partition: int, digest: str) -> str:
        return f"{self.disk.root}/{kind}s/{partition}/{digest}.db"

    @contextmanager
    def use(self, kind: str, partition: int, digest: str) -> Iterator[ListingDatabase | None]:
        """The listing, or None where there is none. A damaged one goes into quarantine and raises Damaged."""
        listing = self._take(kind, self.path(kind, partition, digest))
        try:
            yield listing
        except Damaged:
            if listing is not None:
                self._put_aside(listing)
            raise
        finally:
            if listing is not None:
                with self._lock:
                    listing.users -= 1

    def create(self, kind: str, partition: int, digest: str, info: ListingInfo) -> bool:
        """Make an empty listing with this head; False if there is one."""
        path = self.path(kind, partition, digest)
        with self.disk.guard():
            directory = self.disk.directory(f"{kind}s", str(partition))
            with self.disk.lock(digest):
                if os.path.exists(path):
                    return False
                temporary = self.disk.temporary()
                write_whole(temporary, empty_database(info))
                os.rename(temporary, path)
            sync_directory(directory)
        return True

    def partitions(self, kind: str) -> list[int]:
        try:
            return sorted(int(name) for name in os.listdir(f"{self.disk.root}/{kind}s") if name.isdecimal())
        except FileNotFoundError:
            return []

    def digests(self, kind: str, partition: int) -> list[str]:
        try:
            names = os.listdir(f"{self.disk.root}/{kind}s/{partition}")
        except FileNotFoundError:
            return []
        return sorted(name[:-3] for name in names if name.endswith(".db"))

    def changed(self, kind: str, since: float) -> Iterator[tuple[int, str]]:
        """(partition, digest) of listings whose files came or changed after a time (epoch seconds)."""
        for partition in self.partitions(kind):
            with os.scandir(f"{self.disk.root}/{kind}s/{partition}") as entries:
                recent = {entry.name.partition(".")[0] for entry in entries if entry.stat().st_ctime >= since}
            yield from ((partition, digest) for digest in sorted(recent))

    def drop(self, kind: str, partition: int, digest: str, same: Callable[[ListingInfo], bool]) -> bool:
        """Remove a listing that was delivered elsewhere, unless somebody uses it, or it has changed since."""
        path = self.path(kind, partition, digest)
        with self._lock, self.disk.guard():
            if not os.path.exists(path):
                return False
            listing = self._open.get(path) or ListingDatabase(self.disk, path, kind)
            if listing.users:
                return False
            self._open.pop(path, None)
            wanted = same(listing.info)
            listing.close()
            for extra in ("", "-wal", "-shm") if wanted else ():
                if os.path.exists(path + extra):
                    os.unlink(path + extra)
        return wanted

    def close_idle(self, idle_s: float) -> int:
        """Close what nobody has used for so long; how many."""
        before = time.monotonic() - idle_s
        with self._lock:
            idle = [path for path, held in self._open.items() if not held.users and held.used_at <= before]
            for path in idle:
                self._open.pop(path).close()
        return len(idle)

    def idle_since(self, kind: str, partition: int, digest: str) -> int:
        """A number that changes with each change of a listing that nobody has open; 0 if somebody has."""
        path = self.path(kind, partition, digest)
        if path in self._open or os.path.exists(path + "-wal"):
            return 0
        try:
            return os.stat(path).st_mtime_ns
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        with self._lock:
            listings = list(self._open.values())
            self._open.clear()
        for listing in listings:
            listing.close()

    def _take(self, kind: str, path: str) -> ListingDatabase | None:
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
            resting = [p for p, held in self._open.items() if not held.users][: max(0, len(self._open) - OPEN)]
            for old in resting:
                self._open.pop(old).close()
        return listing

    def _put_aside(self, listing: ListingDatabase) -> None:
        with self._lock:
            if self._open.get(listing.path) is listing:
                del self._open[listing.path]
                listing.close()
                with self.disk.guard():
                    self.disk.put_aside(listing.path, f"{listing.kind}s")


def write_whole(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(fd)
    finally:
        os.close(fd)
