# ruff: noqa: PTH104, PTH108, PTH110, PTH208, PTH116
# Paths are str here: this is on the way of every request.
"""The listing of an account (its containers) or of a container (its objects): one SQLite file each.

`rows` holds what is there, `gone` what was deleted and when, so that a listing never steps over the dead; both
number their changes, so that
replicas exchange only what is new. The head (counts, metadata, times) is one JSON value changed in the same
transaction and kept in memory,
as this process is the file's only user: asking for it costs no SQL. Writers that come at once share one commit,
hence one fsync.
"""

import os
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from pileus_objectstore.drivers.disks import Disk, sync_directory
from pileus_objectstore.drivers.scans import Scan, fold
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.rpc.contract import Info, Row

SCHEMA = """
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), value BLOB NOT NULL, change INTEGER NOT NULL);
CREATE TABLE rows (name TEXT PRIMARY KEY, timestamp TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, type
TEXT NOT NULL,
                   count INTEGER NOT NULL, stats_at TEXT NOT NULL, change INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE gone (name TEXT PRIMARY KEY, timestamp TEXT NOT NULL, change INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX rows_change ON rows (change);
CREATE INDEX gone_change ON gone (change);
"""
SETTINGS = (
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-128",
)
COLUMNS = "name, timestamp, size, etag, type, count, stats_at"
OPEN = 64  # databases with an open connection; the rest sleeps on disk
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class Waiting:
    """One writer in the queue."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.done = False
        self.error: Exception | None = None


class Listing:
    """One open listing. All methods may be called from any thread; changes are on disk when they return."""

    def __init__(self, disk: Disk, path: str, kind: str) -> None:
        self.disk = disk
        self.path = path
        self.kind = kind
        self.users = 0
        self.used_at = 0.0
        self._lock = threading.RLock()
        self._queue: list[Waiting] = []
        self._queue_lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        with self._guard():
            self._open()

    @property
    def info(self) -> Info:
        return self._info

    @property
    def upto(self) -> int:
        """The number of the last change."""
        return self._change

    def close(self) -> None:
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def change(self, apply: Callable[[Info], Info | None]) -> Info:
        """Replace the head by apply(head) in one transaction; None leaves it."""
        with self._lock, self._guard(), self._transaction():
            info = apply(self._info)
            if info is not None:
                self._save(info)
        return self._info

    def merge(self, rows: list[Row]) -> None:
        """Take in changed rows; for each name the newest wins. Whoever holds the lock commits for all who wait."""
        mine = Waiting(rows)
        with self._queue_lock:
            self._queue.append(mine)
        with self._lock:
            if not mine.done:
                with self._queue_lock:
                    batch, self._queue = self._queue, []
                self._commit(batch)
        if mine.error:
            raise mine.error

    def rows(
        self,
        *,
        limit: int,
        marker: str = "",
        end_marker: str = "",
        prefix: str = "",
        delimiter: str = "",
        path: str | None = None,
        reverse: bool = False,
    ) -> list[tuple[Any, ...]]:
        """(name, timestamp, size, etag, type, count) in order; a folded group is (name, "", 0, "", "", 0)."""
        if path is not None:
            prefix, delimiter = (path + "/" if path else ""), "/"
            marker = max(marker, prefix) if not reverse else marker
        with self._lock, self._guard():
            scan = Scan(self._db_open(), prefix, marker, end_marker, reverse)
            return list(
                fold(scan, prefix, delimiter, path is not None, limit, marker) if delimiter else scan.page(limit)
            )

    def changes(self, since: int, limit: int) -> tuple[list[Row], int]:
        """Rows changed after number `since`, oldest first, and the number up to which this is all."""
        with self._lock, self._guard():
            db = self._db_open()
            found = [
                (change, Row(*row))
                for change, *row in db.execute(
                    "SELECT change, name, timestamp, 0, size, etag, type, count, stats_at FROM rows WHERE change > ? "
                    "ORDER BY change LIMIT ?",
                    (since, limit),
                )
            ]
            found += [
                (change, Row(name, stamp, True))
                for change, name, stamp in db.execute(
                    "SELECT change, name, timestamp FROM gone WHERE change > ? ORDER BY change LIMIT ?", (since, limit)
                )
            ]
            upto = self._change
        found.sort(key=lambda pair: pair[0])
        if len(found) > limit:
            del found[limit:]
            upto = found[-1][0]
        for _, row in found:
            row.deleted = bool(row.deleted)
        return [row for _, row in found], upto

    def remove(self, names: Iterable[str]) -> None:
        """Take rows out without remembering it: only for lists that have no replicas."""
        with self._lock, self._guard(), self._transaction():
            self._db_open().executemany("DELETE FROM rows WHERE name = ?", [(name,) for name in names])

    def forget(self, before: str) -> int:
        """Drop the memory of what was deleted before a timestamp; how many."""
        with self._lock, self._guard():
            if not self._db_open().execute("SELECT 1 FROM gone WHERE timestamp < ? LIMIT 1", (before,)).fetchone():
                return 0
            with self._transaction():
                return self._db_open().execute("DELETE FROM gone WHERE timestamp < ?", (before,)).rowcount

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            f"file:{self.path}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=5
        )
        try:
            for setting in SETTINGS:
                db.execute(setting)
            value, self._change = db.execute("SELECT value, change FROM head").fetchone()
            self._info = msgspec.json.decode(value, type=Info)
        except BaseException:
            db.close()
            raise
        self._db = db
        return db

    def _db_open(self) -> sqlite3.Connection:
        return self._db or self._open()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        db = self._db_open()
        before = self._info, self._change
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            self._info, self._change = before
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _save(self, info: Info) -> None:
        self._info = info
        self._db_open().execute("UPDATE head SET value = ?, change = ?", (msgspec.json.encode(info), self._change))

    def _commit(self, batch: list[Waiting]) -> None:
        error: Exception | None = None
        try:
            with self._guard(), self._transaction():
                info = msgspec.structs.replace(self._info)
                for waiting in batch:
                    for row in waiting.rows:
                        self._take(info, row)
                self._save(info)
        except (DeviceFailed, Damaged) as e:
            error = e
        for waiting in batch:
            waiting.done, waiting.error = True, error

    def _take(self, info: Info, row: Row) -> None:
        """The rule of merging: existence by `timestamp`, a container's statistics by `stats_at`."""
        db = self._db_open()
        old = db.execute(f"SELECT {COLUMNS} FROM rows WHERE name = ?", (row.name,)).fetchone()  # noqa: S608 - a constant
        if old is None:
            dead = db.execute("SELECT timestamp FROM gone WHERE name = ?", (row.name,)).fetchone()
            if dead and dead[0] >= row.timestamp:
                return
        elif row.timestamp < old[1] or (row.timestamp == old[1] and row.stats_at <= old[6]):
            return
        elif self.kind == "account" and old[6] > row.stats_at:
            row = msgspec.structs.replace(row, count=old[5], size=old[2], stats_at=old[6])
        self._change += 1
        info.newest = max(info.newest, row.timestamp)
        if old is not None:
            info.count -= 1
            info.size -= old[2]
            info.objects -= old[5]
        if row.deleted:
            if old is not None:
                db.execute("DELETE FROM rows WHERE name = ?", (row.name,))
            db.execute("INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", (row.name, row.timestamp, self._change))
            return
        info.count += 1
        info.size += row.size
        info.objects += row.count
        if old is None and dead:
            db.execute("DELETE FROM gone WHERE name = ?", (row.name,))
        db.execute(
            "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (row.name, row.timestamp, row.size, row.etag, row.type, row.count, row.stats_at, self._change),
        )

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as e:
            code = getattr(e, "sqlite_errorname", "")
            if code.startswith(DAMAGED):
                raise Damaged(path=self.path, why=str(e)) from e
            if isinstance(e, sqlite3.OperationalError):
                raise DeviceFailed(device=self.disk.name, why=f"{e} ({code})") from e
            raise
        except (msgspec.MsgspecError, TypeError) as e:
            raise Damaged(path=self.path, why=str(e)) from e


class Listings:
    """The listings of one disk; the most recently used stay open."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._open: OrderedDict[str, Listing] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, kind: str, partition: int, digest: str) -> str:
        return f"{self.disk.root}/{kind}s/{partition}/{digest}.db"

    @contextmanager
    def use(self, kind: str, partition: int, digest: str) -> Iterator[Listing | None]:
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

    def create(self, kind: str, partition: int, digest: str, info: Info) -> bool:
        """Make an empty listing with this head; False if there is one."""
        path = self.path(kind, partition, digest)
        with self.disk.guard():
            directory = self.disk.directory(f"{kind}s", str(partition))
            with self.disk.lock(digest):
                if os.path.exists(path):
                    return False
                temporary = self.disk.temporary()
                write_whole(temporary, blank(info))
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

    def drop(self, kind: str, partition: int, digest: str, same: Callable[[Info], bool]) -> bool:
        """Remove a listing that was delivered elsewhere, unless somebody uses it, or it has changed since."""
        path = self.path(kind, partition, digest)
        with self._lock, self.disk.guard():
            if not os.path.exists(path):
                return False
            listing = self._open.get(path) or Listing(self.disk, path, kind)
            if listing.users:
                return False
            self._open.pop(path, None)
            wanted = same(listing.info)
            listing.close()
            for extra in ("", "-wal", "-shm") if wanted else ():
                if os.path.exists(path + extra):
                    os.unlink(path + extra)
        return wanted

    def rest(self, idle_s: float) -> int:
        """Close what nobody has used for so long; how many."""
        before = time.monotonic() - idle_s
        with self._lock:
            idle = [path for path, held in self._open.items() if not held.users and held.used_at <= before]
            for path in idle:
                self._open.pop(path).close()
        return len(idle)

    def resting_since(self, kind: str, partition: int, digest: str) -> int:
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

    def _take(self, kind: str, path: str) -> Listing | None:
        with self._lock:
            listing = self._open.get(path)
            if listing is None:
                if not os.path.exists(path):
                    return None
                try:
                    listing = Listing(self.disk, path, kind)
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

    def _put_aside(self, listing: Listing) -> None:
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


def blank(info: Info) -> bytes:
    """The bytes of an empty database with this head, marked as WAL (file format versions 2,
    sqlite.org/fileformat.html 1.3.3)."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        db.execute("PRAGMA page_size=4096")
        db.executescript(SCHEMA)
        db.execute("INSERT INTO head VALUES (1, ?, 0)", (msgspec.json.encode(info),))
        image = bytearray(db.serialize())
    finally:
        db.close()
    image[18] = image[19] = 2
    return bytes(image)
