# ruff: noqa: PTH104, PTH108, PTH110, PTH208, PTH116
# Paths are str here, because this code runs in every request and pathlib is slow.
"""All listings of one disk: where they are, which are open, and how they are created, removed and quarantined."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pileus_objectstore.errors import Damaged
from pileus_objectstore.storage.disks import Disk, sync_directory, write_durably
from pileus_objectstore.storage.listing_database import ListingDatabase, empty_database
from pileus_objectstore.wire.contract import ListingInfo

MAX_OPEN = 64  # databases with an open connection


class ListingStore:
    """The listings of one disk; those that were used last stay open. Thread-safe."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._open: OrderedDict[str, ListingDatabase] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, kind: str, partition: int, digest: str) -> str:
        """Where a listing's file is, or would be."""
        return f"{self.disk.root}/{kind}s/{partition}/{digest}.db"

    @contextmanager
    def use(self, kind: str, partition: int, digest: str) -> Iterator[ListingDatabase | None]:
        """The listing, or None if there is none. A damaged one is moved to quarantine, and Damaged is raised."""
        listing = self._acquire(kind, self.path(kind, partition, digest))
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
            self._open.pop(path, None)
            wanted = same(listing.info)
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
                self._open.pop(path).close()
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
        """Close all listings."""
        with self._lock:
            listings = list(self._open.values())
            self._open.clear()
        for listing in listings:
            listing.close()

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
                self._open.pop(old).close()
        return listing

    def _quarantine(self, listing: ListingDatabase) -> None:
        with self._lock:
            if self._open.get(listing.path) is listing:
                del self._open[listing.path]
                listing.close()
                with self.disk.guard():
                    self.disk.put_aside(listing.path, f"{listing.kind}s")
