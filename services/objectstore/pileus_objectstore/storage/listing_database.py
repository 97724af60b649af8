# ruff: noqa: PTH110, PTH116
# Paths are str here, because this code runs in every request and pathlib is slow.
"""The listing of an account (its containers) or of a container (its objects): one SQLite file each.

`rows` holds what is there, `gone` what was deleted and when; so reading a listing never steps over deleted rows. Both
number their changes, so that replication reads them page by page, oldest first. The head (counts, metadata, times) is
one JSON value that changes in the same transaction. It is kept in memory, because this process is the file's only user:
reading it costs no SQL.

Rows of requests wait in memory, and in the disk's log (`row_log.py`), until the listing is read or the log has
grown; then they are merged in one transaction. So a reader sees every acknowledged row, and a row costs no commit.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import msgspec

from pileus_kit import decoding
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.storage.listing_scans import Row, Scan, fold
from pileus_objectstore.wire.contract import ListingInfo, ListingRow, PolicySums, ShardRange
from pileus_objectstore.wire.shard_ranges import is_shard

SETTINGS = (
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-128",
)
FIND = "SELECT name, timestamp, size, etag, type, count, stats_at FROM rows WHERE name = ?"
EVERY = "SELECT name FROM rows WHERE name > ? ORDER BY name LIMIT 1 OFFSET ?"
DROP_ROWS = """DELETE FROM rows WHERE name IN (SELECT name FROM rows WHERE change <= ? ORDER BY change LIMIT ?)
               RETURNING size"""
DROP_GONE = "DELETE FROM gone WHERE name IN (SELECT name FROM gone WHERE change <= ? ORDER BY change LIMIT ?)"
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class ListingDatabase:
    """One open listing. Thread-safe; except for `add`, changes are on disk when a method returns."""

    def __init__(self, disk: Disk, path: str, kind: str) -> None:
        self.disk = disk
        self.path = path
        self.kind = kind
        self.users = 0
        self.used_at = 0.0
        self._lock = threading.RLock()
        self._waiting: list[ListingRow] = []  # rows that are in the disk's log and not in the database
        self._flushed = True  # whether all merged rows are on disk
        self._synchronous = "FULL"
        self._closed = False  # no rows are taken any more
        self._adding = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._read_only = False  # opened for reading only, because the disk is full or read-only
        with self._guard():
            self._open()

    @property
    def info(self) -> ListingInfo:
        """The head. Raises DeviceFailed or Damaged if waiting rows can't be merged."""
        if self._waiting:
            with self._lock:
                self._merge_waiting()
        return self._info

    @property
    def ranges(self) -> list[ShardRange]:
        """The ranges of a divided container. Nothing is merged for this: only `change` changes them."""
        return self._info.ranges

    @property
    def takes_rows(self) -> bool:
        """Whether rows may be added. A shard that was deleted takes none, because none are read there."""
        return self._info.live or not is_shard(self._info.name)

    def close(self) -> None:
        """Merge waiting rows and close the file. Raises DeviceFailed or Damaged if they can't be merged."""
        with self._lock:
            try:
                with self._adding:
                    self._merge_waiting()
                    self._closed = True
            finally:
                self.abandon()

    def abandon(self) -> None:
        """Close the file without the waiting rows."""
        with self._lock:
            self._closed = True
            self._release()

    def add(self, rows: list[ListingRow]) -> None:
        """Merge rows at the next look at the listing. Until `flush`, only the disk's log makes them durable.

        Raises DeviceFailed if the listing was closed meanwhile, because its disk is gone.
        """
        with self._adding:
            if self._closed:
                raise DeviceFailed(device=self.disk.name, why="its listings were closed")
            self._waiting.extend(rows)

    def flush(self) -> None:
        """Merge waiting rows, and bring all that was merged to disk. Raises DeviceFailed or Damaged."""
        with self._lock, self._guard():
            self._merge_waiting()
            if not self._flushed and self._db is not None:
                with self.disk.guard():
                    fd = os.open(self.path + "-wal", os.O_RDWR)
                    try:
                        os.fdatasync(fd)
                    finally:
                        os.close(fd)
                self._flushed = True

    def change(self, apply: Callable[[ListingInfo], ListingInfo | None]) -> ListingInfo:
        """Replace the head by apply(head) in one transaction, unless that is None; the head afterwards."""
        with self._lock, self._guard():
            self._merge_waiting()
            with self._transaction("FULL"):
                info = apply(self._info)
                if info is not None:
                    self._save(info)
        return self._info

    def merge(self, rows: list[ListingRow]) -> None:
        """Merge changed rows at once; for each name the newest wins."""
        with self._lock:
            self._merge_waiting("FULL", rows)

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
    ) -> list[Row]:
        """Rows in order; a group is (name, "", 0, "", "", 0). For the parameters see `ListingQuery`."""
        if path is not None:
            prefix, delimiter = (path.rstrip("/") + "/" if path else ""), "/"
            marker = max(marker, prefix) if not reverse else marker
        with self._lock, self._guard():
            self._merge_waiting()
            scan = Scan(self._db_open(), prefix, marker, end_marker, reverse)
            return list(
                fold(scan, prefix, delimiter, path is not None, limit, marker) if delimiter else scan.page(limit)
            )

    def find(self, names: Iterable[str]) -> list[ListingRow]:
        """The rows of these names; those of deleted ones are marked so."""
        with self._lock, self._guard():
            self._merge_waiting()
            db, found = self._db_open(), []
            for name in names:
                row = db.execute(FIND, (name,)).fetchone()
                gone = None if row else db.execute("SELECT timestamp FROM gone WHERE name = ?", (name,)).fetchone()
                if row:
                    found.append(ListingRow(row[0], row[1], False, *row[2:]))
                elif gone:
                    found.append(ListingRow(name, gone[0], True))
        return found

    def changes(self, since: int, limit: int) -> tuple[list[ListingRow], int]:
        """Up to `limit` rows that changed after change `since`, oldest first, and the number of the last change."""
        with self._lock, self._guard():
            self._merge_waiting()
            db = self._db_open()
            found = [
                (change, ListingRow(*row))
                for change, *row in db.execute(
                    "SELECT change, name, timestamp, 0, size, etag, type, count, stats_at FROM rows WHERE change > ? "
                    "ORDER BY change LIMIT ?",
                    (since, limit),
                )
            ]
            found += [
                (change, ListingRow(name, stamp, True))
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
        """Remove rows without a trace. Only for listings that have no replicas."""
        with self._lock, self._guard():
            self._merge_waiting()
            with self._transaction("FULL"):
                self._db_open().executemany("DELETE FROM rows WHERE name = ?", [(name,) for name in names])

    def every(self, step: int) -> list[str]:
        """Every `step`-th name, in order."""
        with self._lock, self._guard():
            self._merge_waiting()
            names, last = [], ""
            while row := self._db_open().execute(EVERY, (last, step - 1)).fetchone():
                last = row[0]
                names.append(last)
        return names

    def drop(self, upto: int, limit: int) -> int:
        """Remove up to `limit` rows, which changed last at change `upto` or before, without a trace; how many.

        The memory of deleted rows counts, too.
        """
        with self._lock, self._guard():
            self._merge_waiting()
            with self._transaction("NORMAL"):
                db, info = self._db_open(), msgspec.structs.replace(self._info)
                rows = db.execute(DROP_ROWS, (upto, limit)).fetchall()
                gone = db.execute(DROP_GONE, (upto, limit - len(rows))).rowcount
                info.count -= len(rows)
                info.size -= sum(size for (size,) in rows)
                self._save(info)
        return len(rows) + gone

    def forget(self, before: str) -> int:
        """Forget the rows that were deleted before a timestamp; how many."""
        with self._lock, self._guard():
            if not self._db_open().execute("SELECT 1 FROM gone WHERE timestamp < ? LIMIT 1", (before,)).fetchone():
                return 0
            with self._transaction("FULL"):
                return self._db_open().execute("DELETE FROM gone WHERE timestamp < ?", (before,)).rowcount

    def _release(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
            self._flushed = True  # SQLite writes its log back before it closes

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect("mode=rw", SETTINGS)
        except sqlite3.OperationalError:
            if not self._is_complete():
                raise
            # a listing on a full or read-only file system can still be read
            self._read_only = True
            return self._connect("mode=ro&immutable=1", ())

    def _is_complete(self) -> bool:
        """Whether the main file is complete: there is no log beside it that must be written back first."""
        log = self.path + "-wal"
        return os.path.exists(self.path) and (not os.path.exists(log) or not os.stat(log).st_size)

    def _connect(self, mode: str, settings: Iterable[str]) -> sqlite3.Connection:
        db = sqlite3.connect(
            f"file:{self.path}?{mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=5
        )
        try:
            for setting in settings:
                db.execute(setting)
            value, self._change = db.execute("SELECT value, change FROM head").fetchone()
            self._info = decoding.decode(value, ListingInfo)
        except BaseException:
            db.close()
            raise
        self._db = db
        self._synchronous = "FULL"
        return db

    def _db_open(self) -> sqlite3.Connection:
        return self._db or self._open()

    def _writable(self) -> sqlite3.Connection:
        """The connection for a write. Each write tries whether the disk has become writable again."""
        if self._read_only:
            self._release()
            self._read_only = False
        return self._db_open()

    @contextmanager
    def _transaction(self, synchronous: str) -> Iterator[None]:
        """Commit to disk ("FULL"), or so that a power failure may undo the transaction ("NORMAL")."""
        db = self._writable()
        if synchronous != self._synchronous:
            db.execute(f"PRAGMA synchronous={synchronous}")
            self._synchronous = synchronous
        before, written = (self._info, self._change), db.total_changes
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
            if db.total_changes != written:
                self._flushed = synchronous == "FULL"
        except BaseException:
            self._info, self._change = before
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _save(self, info: ListingInfo) -> None:
        self._info = info
        self._db_open().execute("UPDATE head SET value = ?, change = ?", (msgspec.json.encode(info), self._change))

    def _merge_waiting(self, synchronous: str = "NORMAL", more: Iterable[ListingRow] = ()) -> None:
        """Merge the waiting rows, and `more`; the former go on waiting if that fails. The caller has the lock."""
        waiting = len(self._waiting)
        rows = [*self._waiting[:waiting], *more]
        if not rows:
            return
        with self._guard(), self._transaction(synchronous):
            info, change = msgspec.structs.replace(self._info), self._change
            for row in rows:
                self._merge_row(info, row)
            if self._change != change:
                self._save(info)
        del self._waiting[:waiting]

    def _merge_row(self, info: ListingInfo, row: ListingRow) -> None:
        """Merge one row: `timestamp` decides whether it exists, `stats_at` which sums of a container are newest."""
        db = self._db_open()
        old = db.execute(FIND, (row.name,)).fetchone()
        if old is None:
            deleted = db.execute("SELECT timestamp FROM gone WHERE name = ?", (row.name,)).fetchone()
            if deleted and deleted[0] >= row.timestamp:
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
            self._count_policy(info, old[4], -1, -old[5], -old[2])
        if row.deleted:
            if old is not None:
                db.execute("DELETE FROM rows WHERE name = ?", (row.name,))
            db.execute("INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", (row.name, row.timestamp, self._change))
            return
        info.count += 1
        info.size += row.size
        info.objects += row.count
        self._count_policy(info, row.type, 1, row.count, row.size)
        if old is None and deleted:
            db.execute("DELETE FROM gone WHERE name = ?", (row.name,))
        db.execute(
            "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (row.name, row.timestamp, row.size, row.etag, row.type, row.count, row.stats_at, self._change),
        )

    def _count_policy(self, info: ListingInfo, mark: str, containers: int, objects: int, size: int) -> None:
        """Change an account's sums of the storage policy that a container's row names, unless that is 0."""
        if self.kind != "account" or not mark:
            return
        old = info.policies.get(int(mark), PolicySums())
        new = PolicySums(old.containers + containers, old.objects + objects, old.size + size)
        info.policies = info.policies | {int(mark): new}

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
