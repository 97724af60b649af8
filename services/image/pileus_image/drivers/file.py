"""Blobs as files: written to one name, made durable, then renamed to another."""

import errno
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pileus_image.drivers.base import BlobMissing, Store, StoreFull, Writer

FLUSH_BYTES = 64 << 20
"""Bytes after which they are brought to the disk, beside the writing of the next; so the last fsync is short, however
large the blob: it has to fit into an uploader's lease."""

RESERVE, RESERVED_SHARE = 256 << 20, 20
"""What uploads leave free of a file system, in bytes and as a part of its size, whichever is less: databases and logs
lie on the same one, and a cloud whose database can't write is down."""


class FileStore(Store):
    """Two directories on one file system: `partial` and `blobs`, the latter by the first two digits of the id."""

    name = "file"

    def __init__(self, root: Path) -> None:
        self.partial, self.blobs = root / "partial", root / "blobs"
        for directory in (self.partial, self.blobs):
            directory.mkdir(parents=True, exist_ok=True)

    def writer(self, blob: str) -> "FileWriter":
        return FileWriter(self.partial / blob, self._path(blob))

    def open(self, blob: str) -> BinaryIO:
        try:
            return self._path(blob).open("rb")
        except FileNotFoundError:
            raise BlobMissing(blob) from None

    def delete(self, blob: str) -> None:
        (self.partial / blob).unlink(missing_ok=True)
        self._path(blob).unlink(missing_ok=True)

    def _path(self, blob: str) -> Path:
        return self.blobs / blob[:2] / blob


class FileWriter(Writer):
    def __init__(self, partial: Path, final: Path) -> None:
        self._partial, self._final = partial, final
        _require_room(partial.parent)
        with _full_is_said():
            self._file = partial.open("wb", buffering=0)
        self._flusher = ThreadPoolExecutor(1, thread_name_prefix="flush")
        self._flushing: Future[None] | None = None
        self._unflushed = 0

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        with _full_is_said():
            while view:
                view = view[self._file.write(view) :]
        self._unflushed += len(data)
        if self._unflushed >= FLUSH_BYTES:
            _require_room(self._partial.parent)
            self._settle()
            self._flushing, self._unflushed = self._flusher.submit(os.fdatasync, self._file.fileno()), 0

    def _settle(self) -> None:
        if self._flushing is not None:
            with _full_is_said():
                self._flushing.result()
            self._flushing = None

    def reader(self) -> BinaryIO:
        return Path(f"/proc/self/fd/{self._file.fileno()}").open("rb")  # also when a deleted image's file is unlinked

    def commit(self) -> None:
        self._settle()
        with _full_is_said():
            os.fsync(self._file.fileno())
            self._final.parent.mkdir(exist_ok=True)
            try:
                self._partial.rename(self._final)
            except FileNotFoundError:
                raise BlobMissing(self._final.name) from None
            for directory in (self._final.parent, self._final.parent.parent):
                _sync_directory(directory)
        self._file.close()

    def discard(self) -> None:
        self._flusher.shutdown()
        self._file.close()
        self._partial.unlink(missing_ok=True)


@contextmanager
def _full_is_said() -> Iterator[None]:
    try:
        yield
    except OSError as err:
        if err.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull() from err
        raise


def _require_room(directory: Path) -> None:
    """Raise StoreFull when only the reserve is left."""
    disk = os.statvfs(directory)
    reserve = min(RESERVE, disk.f_blocks * disk.f_frsize // RESERVED_SHARE)
    if disk.f_bavail * disk.f_frsize < reserve:
        raise StoreFull()


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
