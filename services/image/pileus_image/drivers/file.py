"""Blobs as files: each is written under one name, made durable, and renamed to another."""

import errno
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pileus_image.drivers.base import BlobMissing, StoreDriver, StoreFull, Writer
from pileus_image.drivers.store_specs import StoreSpec

FLUSH_BYTES = 64 << 20
"""Bytes after which they are flushed to the disk, while the next ones are written.

So the last fsync is short however large the blob is: it has to end before the upload's lease does.
"""

RESERVE_BYTES, RESERVED_FRACTION = 256 << 20, 20
"""What uploads leave free of a file system, in bytes and as a fraction (1/20) of its size, whichever is less.

Databases and logs are on the same file system, and a cloud whose database can't write is down.
"""


class FileStore(StoreDriver):
    """Two directories on one file system: `partial`, and `blobs`, with folders by the first two digits of the ids."""

    kind = "file"

    def __init__(self, root: Path, name: str = "file") -> None:
        self.name, self._root = name, root
        self.partial, self.blobs = root / "partial", root / "blobs"
        for directory in (self.partial, self.blobs):
            directory.mkdir(parents=True, exist_ok=True)

    @classmethod
    def configured(cls, spec: StoreSpec) -> "FileStore":
        return cls(spec.path(), spec.name)

    def properties(self) -> dict[str, str]:
        return {"data_dir": str(self._root)}

    def path(self, blob: str) -> Path:
        if not self._path(blob).exists():
            raise BlobMissing(blob)
        return self._path(blob)

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

    def written_before(self, moment: float) -> list[str]:
        files = (*self.partial.iterdir(), *self.blobs.glob("*/*"))
        return [file.name for file in files if _modified_at(file) < moment]

    def _path(self, blob: str) -> Path:
        return self.blobs / blob[:2] / blob


class FileWriter(Writer):
    """A blob that is being written to a file of its own."""

    def __init__(self, partial: Path, final: Path) -> None:
        self._partial, self._final = partial, final
        _require_room(partial.parent)
        with _raising_store_full():
            self._file = partial.open("wb", buffering=0)
        self._flusher = ThreadPoolExecutor(1, thread_name_prefix="flush")
        self._flushing: Future[None] | None = None
        self._unflushed = 0

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        with _raising_store_full():
            while view:
                view = view[self._file.write(view) :]
        self._unflushed += len(data)
        if self._unflushed >= FLUSH_BYTES:
            _require_room(self._partial.parent)
            self._wait_for_flush()
            self._flushing, self._unflushed = self._flusher.submit(os.fdatasync, self._file.fileno()), 0

    def _wait_for_flush(self) -> None:
        if self._flushing is not None:
            with _raising_store_full():
                self._flushing.result()
            self._flushing = None

    def reader(self) -> BinaryIO:
        return Path(f"/proc/self/fd/{self._file.fileno()}").open(
            "rb"
        )  # this works after an image was deleted and its file unlinked

    def commit(self) -> None:
        self._wait_for_flush()
        with _raising_store_full():
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


def _modified_at(file: Path) -> float:
    """Return when the file was written; one that is gone meanwhile was never."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


@contextmanager
def _raising_store_full() -> Iterator[None]:
    try:
        yield
    except OSError as err:
        if err.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull() from err
        raise


def room_of(directory: Path) -> int:
    """Return the bytes that may be written to the directory's file system before only the reserve is left."""
    disk = os.statvfs(directory)
    reserve = min(RESERVE_BYTES, disk.f_blocks * disk.f_frsize // RESERVED_FRACTION)
    return disk.f_bavail * disk.f_frsize - reserve


def _require_room(directory: Path) -> None:
    """Raise StoreFull when only the reserve is left."""
    if room_of(directory) < 0:
        raise StoreFull()


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
