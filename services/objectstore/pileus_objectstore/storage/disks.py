# ruff: noqa: PTH102, PTH105, PTH110, PTH112, PTH116, PTH119, PTH120
# Paths are str here, because this code runs in every request and pathlib is slow.
"""A device's directory: whether it is mounted and has room, and how a file is written to it durably."""

import errno
import fcntl
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from pileus_objectstore.errors import DeviceFailed

MARKER = ".device"
RESERVE_BYTES = 64 << 20  # object data leaves them free, so that listings, tombstones and repairs still fit
ROOM_CHECK_S = 1.0
SEEN_S = 0.5
FAILURES = {
    errno.EIO,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENODEV,
    errno.ENXIO,
    errno.EUCLEAN,
    errno.ENOTCONN,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.ESTALE,
    errno.EBADMSG,  # ext4 and XFS: a checksum of their own is wrong
    errno.EISDIR,
    errno.ELOOP,
    errno.EFBIG,
    errno.EBUSY,
    errno.ETIMEDOUT,
    errno.EREMOTEIO,
    errno.EOPNOTSUPP,
    errno.EMFILE,  # not the disk's failure, but nothing can be written there now
    errno.ENFILE,
    errno.ENOMEM,
}


class Disk:
    """One device of this host. `open` takes it for this process alone. A disk without its marker is not mounted."""

    def __init__(self, root: Path, reserve: int = RESERVE_BYTES) -> None:
        self.root = root
        self.name = root.name
        self._path = str(root)
        self._reserve = reserve
        self._known: set[str] = set()
        self._locks = [threading.Lock() for _ in range(64)]
        self._room_checked = 0.0
        self._room = 0
        self._owner: int | None = None
        self._taking = threading.Lock()
        self._seen = 0.0
        self.lost = 0  # how often it disappeared
        self._device = 0

    @staticmethod
    def format(root: Path, name: str) -> None:
        """Make a directory a device. What is in it already stays."""
        root.mkdir(parents=True, exist_ok=True)
        marker = root / MARKER
        if not marker.exists():
            marker.write_bytes(msgspec.json.encode({"name": name, "id": str(uuid.uuid4())}))
            sync_directory(str(root))

    def open(self) -> None:
        """Take the device. Raises DeviceFailed if it is not mounted or another process has it."""
        with self.guard():
            if not (self.root / MARKER).exists():
                raise DeviceFailed(device=self.name, why="its marker is missing: not mounted, or never formatted")
            if self.marked != self.name:
                raise DeviceFailed(device=self.name, why=f"its marker says that it is {self.marked}")
            self._owner = os.open(self.root / MARKER, os.O_RDONLY)
            try:
                fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.close()
                raise DeviceFailed(device=self.name, why="another process has it") from None
            self._device = self.root.stat().st_dev
            self._known.clear()
            self._sweep()

    @property
    def marked(self) -> str:
        """The name in its marker. A disk that was moved, or mounted in another's place, is not that device."""
        try:
            return str(msgspec.json.decode((self.root / MARKER).read_bytes())["name"])
        except (msgspec.MsgspecError, KeyError, TypeError):
            return self.name  # an unreadable marker is no reason to refuse the device

    def close(self) -> None:
        """Release the device for another process."""
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None

    @property
    def usable(self) -> bool:
        """Whether it is taken by this process and was mounted a moment ago; a write finds out if it is not any more."""
        if self._owner is not None and time.monotonic() <= self._seen + SEEN_S:
            return True
        with self._taking:
            return self._take()

    def _take(self) -> bool:
        """One thread at a time: of two that open the device at once, each would find it taken by the other."""
        if self._owner is None:
            try:
                self.open()
            except DeviceFailed:
                return False
        if not self._same():
            self.close()
            self.lost += 1
            return False
        self._seen = time.monotonic()
        return True

    def _same(self) -> bool:
        """Whether it is the file system that was taken, not an empty mount point or another disk."""
        try:
            return os.stat(f"{self._path}/{MARKER}").st_dev == self._device
        except OSError:
            return False

    @property
    def device(self) -> int:
        """The number of its file system. Devices with the same number are on the same disk."""
        return self._device

    def lock(self, digest: str) -> threading.Lock:
        """The lock to hold while a file is compared and replaced."""
        return self._locks[hash(digest) & 63]

    def room_for(self, size: int) -> None:
        """Raise DeviceFailed if `size` bytes of object data would fill the device."""
        now = time.monotonic()
        if now > self._room_checked + ROOM_CHECK_S:
            with self.guard():
                self._room = shutil.disk_usage(self._path).free - self._reserve
            self._room_checked = now
        self._room -= size
        if self._room < 0:
            raise DeviceFailed(device=self.name, why="it is full")

    def directory(self, *parts: str) -> str:
        """The path of a directory, which is created durably if it is missing."""
        path = "/".join((self._path, *parts))
        if path not in self._known:
            self._make(path)
            self._known.add(path)
        return path

    def temporary(self) -> str:
        """A path for a new temporary file."""
        return f"{self.directory('tmp')}/{uuid.uuid4().hex}"

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Errors of the disk become DeviceFailed; errors of the program stay what they are."""
        try:
            yield
        except OSError as e:
            self._seen = 0.0
            if e.errno == errno.ENOENT:
                self._known.clear()
            if e.errno in FAILURES or e.errno == errno.ENOENT:
                raise DeviceFailed(device=self.name, why=os.strerror(e.errno or 0)) from e
            raise

    def put_aside(self, path: str, kind: str) -> None:
        """Move a damaged file, and the files that belong to it, to quarantine, for an operator to look at."""
        directory = self.directory("quarantined", kind)
        for extra in ("", "-wal", "-shm", ".meta"):
            if os.path.exists(path + extra):
                os.replace(path + extra, f"{directory}/{os.path.basename(path)}.{time.time_ns()}{extra}")
        sync_directory(os.path.dirname(path))

    def _make(self, path: str) -> None:
        if os.path.isdir(path):
            return
        parent = os.path.dirname(path)
        if path == self._path or not parent.startswith(self._path):
            raise FileNotFoundError(errno.ENOENT, "the device is gone", path)
        self._make(parent)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            return
        sync_directory(parent)

    def _sweep(self) -> None:
        """Remove what was being written when the last process died: no client was told that it is stored."""
        for path in (self.root / "tmp").glob("*"):
            path.unlink(missing_ok=True)


def policy_directory(name: str, policy: int) -> str:
    """The directory of a device that holds what `name` says of one storage policy."""
    return f"{name}-{policy}" if policy else name


def policies_of(root: Path, name: str) -> list[int]:
    """The storage policies for which a device has a directory `name`."""
    suffixes = [path.name.removeprefix(name).removeprefix("-") for path in root.glob(f"{name}*")]
    return sorted(int(suffix or 0) for suffix in suffixes if not suffix or suffix.isdecimal())


def write_durably(path: str, data: bytes) -> None:
    """Create a file with these bytes and flush it to disk."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_directory(path: str) -> None:
    """Flush a directory to disk, and with it the names that were created or changed in it."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
