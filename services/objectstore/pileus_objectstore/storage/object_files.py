# ruff: noqa: PTH104, PTH108, PTH116, PTH208
# Paths are str here, because this code runs in every request and pathlib is slow.
"""A large object on a disk is one file: its bytes, then a trailer with all that is known about it (`object_format`).

The metadata is in a trailer, not in extended attributes or a second file, because then one fsync and one rename make
bytes and metadata appear together or not at all, on any file system, and a plain copy of the directory is a complete
backup. The checksums of blocks let a reader find damage before it sends the bytes on, in any range, at 4 GB/s. The path
is objects/<partition>/<digest>, whatever the version, so reading needs no directory scan. The file's mtime is its
timestamp, so two devices are compared by stat alone (the trailer decides in doubt). A deletion replaces the file by a
tombstone. A change of metadata only is a second file, `<digest>.meta`, which counts only for the version that it names.
"""

import errno
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from pileus_objectstore.errors import Damaged
from pileus_objectstore.storage.block_checksums import BLOCK_BYTES
from pileus_objectstore.storage.disks import Disk, sync_directory
from pileus_objectstore.storage.object_format import check, read_trailer, stamp_of, trailer
from pileus_objectstore.wire.contract import ObjectMeta

OBJECTS = "objects"  # the directory of objects; that of a storage policy other than 0 ends with its index
FLUSH_BYTES = 8 << 20  # writing out begins after this much, or the fsync of a large object would take minutes


class Draft:
    """A file that is being written in tmp/. Readers see it after `commit`."""

    def __init__(self, files: "ObjectFiles", partition: int, digest: str, expect: int) -> None:
        self.files = files
        self._disk = files.disk
        self.partition, self.digest = partition, digest
        self._size = self._flushed = 0
        self._finished = False  # it was kept or given up
        with self._disk.guard():
            self.path = self._disk.temporary()
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            if expect > BLOCK_BYTES:
                try:
                    os.posix_fallocate(self._fd, 0, expect)
                except OSError:
                    self.abandon()
                    raise

    def write(self, data: bytes) -> None:
        """Append bytes. Raises DeviceFailed."""
        with self._disk.guard():
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, memoryview(data)[written:])
            self._size += written
            if self._size - self._flushed >= FLUSH_BYTES:
                os.posix_fadvise(self._fd, self._flushed, self._size - self._flushed, os.POSIX_FADV_DONTNEED)
                self._flushed = self._size

    def commit(self, stamp: int, suffix: str = "") -> bool:
        """Make the file durable in its place. False if something newer is there, which stays. Raises DeviceFailed."""
        disk = self._disk
        with disk.guard():
            os.utime(self._fd, ns=(stamp, stamp))
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1
            directory = disk.directory(self.files.directory, str(self.partition))
            path = f"{directory}/{self.digest}{suffix}"
            with disk.lock(self.digest):
                newer = modified(path) >= stamp
                if newer:
                    os.unlink(self.path)
                else:
                    os.rename(self.path, path)
                self._finished = True
            if newer:
                return False
            sync_directory(directory)
        return True

    def written(self) -> Iterator[bytes]:
        """The bytes that were written so far, for another device that needs them too. Raises DeviceFailed."""
        with self._disk.guard(), open(self.path, "rb") as file:
            left = self._size
            while left and (piece := file.read(min(BLOCK_BYTES, left))):
                left -= len(piece)
                yield piece
            if left:
                raise OSError(errno.EIO, "a draft is shorter than what was written to it", self.path)

    def abandon(self) -> None:
        """Remove the file, unless it was committed."""
        if self._finished:
            return
        self._finished = True
        try:
            if self._fd >= 0:
                os.close(self._fd)
            os.unlink(self.path)
        except OSError:  # the disk is broken; tmp/ is emptied when it comes back
            return
        finally:
            self._fd = -1


class ObjectFile:
    """One stored version, open for reading."""

    def __init__(self, disk: Disk, path: str, fd: int) -> None:
        self.disk = disk
        self.path = path
        self._fd = fd
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def _load(self) -> None:
        whole = os.fstat(self._fd).st_size
        self.meta, self.size, self._sums = read_trailer(
            self.path, whole, lambda length, offset: os.pread(self._fd, length, offset)
        )

    def block(self, number: int, into: bytearray) -> int:
        """Read one block into `into` and verify its checksum; its length. Raises Damaged."""
        start = number * BLOCK_BYTES
        length = min(BLOCK_BYTES, self.size - start)
        view = memoryview(into)[:length]
        if os.preadv(self._fd, [view], start) != length or zlib.crc32(view) != self._sum(number):
            raise Damaged(path=self.path, why=f"block {number} is not what was written")
        return length

    def _sum(self, number: int) -> int:
        return int.from_bytes(self._sums[number * 4 : number * 4 + 4], "little")

    def fileno(self) -> int:
        """The descriptor of the open file."""
        return self._fd

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> "ObjectFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ObjectFiles:
    """The objects of one disk, by partition and digest."""

    def __init__(self, disk: Disk, directory: str = OBJECTS) -> None:
        self.disk = disk
        self.directory = directory
        self._base = f"{disk.root}/{directory}"

    def path(self, partition: int, digest: str) -> str:
        """Where an object's file is, or would be."""
        return f"{self._base}/{partition}/{digest}"

    def stamps(self, partition: int, digest: str) -> tuple[int, int]:
        """The timestamps of (version, later metadata) in nanoseconds; 0 for what is not there."""
        path = self.path(partition, digest)
        version = modified(path)
        return (version, modified(path + ".meta")) if version else (0, 0)

    def draft(self, partition: int, digest: str, expect: int = 0) -> Draft:
        """Begin a file of about `expect` bytes. Raises DeviceFailed if there is no room."""
        self.disk.room_for(max(expect, 0))
        return Draft(self, partition, digest, expect)

    def open(self, partition: int, digest: str) -> ObjectFile | None:
        """The stored version, which may be a tombstone, with its later metadata; None if there is none.

        A damaged file is moved to quarantine, and Damaged is raised.
        """
        path = self.path(partition, digest)
        file = None
        try:
            file = self._open(path)
            if file is not None:
                self._apply_posted(file)
        except Damaged:
            if file is not None:
                file.close()
            self.quarantine(partition, digest)
            raise
        return file

    def open_path(self, path: str) -> ObjectFile:
        """Open any file of this disk, for example one that is still being written. Raises Damaged."""
        file = self._open(path)
        if file is None:
            raise Damaged(path=path, why="it is gone")
        return file

    def write_tombstone(self, partition: int, digest: str, meta: ObjectMeta) -> bool:
        """Replace an object by a tombstone; False if something newer is there. Raises DeviceFailed."""
        stamp = stamp_of(meta.timestamp)
        draft = Draft(self, partition, digest, 0)
        try:
            draft.write(trailer(meta, 0, b""))
            return draft.commit(stamp)
        finally:
            draft.abandon()

    def post(self, partition: int, digest: str, meta: ObjectMeta) -> bool:
        """Store later metadata; False if newer metadata is there. Raises DeviceFailed."""
        draft = Draft(self, partition, digest, 0)
        try:
            draft.write(trailer(meta, 0, b""))
            return draft.commit(stamp_of(meta.posted), ".meta")
        finally:
            draft.abandon()

    def quarantine(self, partition: int, digest: str) -> bool:
        """Move a file to quarantine if it is damaged; it is read again under its lock to be certain.

        If the object is damaged, its later metadata goes with it; otherwise only damaged later metadata goes.
        """
        path = self.path(partition, digest)
        with self.disk.guard(), self.disk.lock(digest):
            for part in (path, path + ".meta"):
                if self._damaged(part):
                    self.disk.put_aside(part, self.directory)
                    return True
        return False

    def _damaged(self, path: str) -> bool:
        try:
            file = self._open(path)
            if file is not None:
                with file:
                    check(file)
        except Damaged:
            return True
        return False

    def remove(self, partition: int, digest: str, stamp: int, posted: int = 0) -> bool:
        """Remove exactly this version and its later metadata; False if something else is there."""
        path = self.path(partition, digest)
        with self.disk.guard(), self.disk.lock(digest):
            if (modified(path), modified(path + ".meta")) != (stamp, posted):
                return False
            os.unlink(path)
            if posted:
                os.unlink(path + ".meta")
        return True

    def withdraw(self, partition: int, digest: str, stamp: int) -> bool:
        """Remove this version, whatever its later metadata; False if something else is there."""
        path = self.path(partition, digest)
        with self.disk.guard(), self.disk.lock(digest):
            if modified(path) != stamp:
                return False
            os.unlink(path)
            sync_directory(f"{self._base}/{partition}")
        return True

    def remove_older(self, partition: int, digest: str, stamp: int) -> None:
        """Remove a version that is older than `stamp`, because a newer one is elsewhere on the device."""
        path = self.path(partition, digest)
        if 0 < modified(path) < stamp:
            with self.disk.guard(), self.disk.lock(digest):
                if 0 < modified(path) < stamp:
                    os.unlink(path)
                    if modified(path + ".meta"):
                        os.unlink(path + ".meta")

    def version(self, partition: int, digest: str, stamp: int) -> ObjectFile:
        """Open exactly this version. Raises Damaged if something else is there by now."""
        file = self.open_path(self.path(partition, digest))
        if stamp_of(file.meta.timestamp) != stamp:
            file.close()
            raise Damaged(path=file.path, why="it was replaced")
        return file

    def partitions(self) -> list[int]:
        """The partitions of which the disk has objects."""
        try:
            return sorted(int(name) for name in os.listdir(self._base) if name.isdecimal())
        except FileNotFoundError:
            return []

    def changed(self, partition: int, since: float) -> list[str]:
        """Digests of a partition whose files were created or changed since a time (epoch seconds), by stat alone."""
        directory = f"{self._base}/{partition}"
        try:
            if os.stat(directory).st_mtime < since:
                return []
            with os.scandir(directory) as entries:
                return sorted({e.name.partition(".")[0] for e in entries if e.stat().st_ctime >= since})
        except FileNotFoundError:
            return []

    def held(self, partition: int) -> dict[str, tuple[int, int]]:
        """{digest: timestamps of (version, later metadata)} of a partition, by stat alone."""
        found: dict[str, list[int]] = {}
        try:
            with os.scandir(f"{self._base}/{partition}") as entries:
                for entry in entries:
                    digest, _, suffix = entry.name.partition(".")
                    found.setdefault(digest, [0, 0])[1 if suffix else 0] = entry.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        return {digest: (version, posted) for digest, (version, posted) in found.items() if version}

    def _open(self, path: str) -> ObjectFile | None:
        with self.disk.guard():
            try:
                fd = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                return None
            return ObjectFile(self.disk, path, fd)

    def _apply_posted(self, file: ObjectFile) -> None:
        later = self._open(file.path + ".meta")
        if later is not None:
            with later:
                if later.meta.timestamp == file.meta.timestamp:
                    file.meta = later.meta


def open_file(path: Path) -> ObjectFile:
    """Open a file without taking its disk. Raises Damaged or OSError."""
    return ObjectFile(Disk(path.parents[2]), str(path), os.open(path, os.O_RDONLY))


def modified(path: str) -> int:
    """A file's mtime in nanoseconds, 0 if it doesn't exist."""
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0
