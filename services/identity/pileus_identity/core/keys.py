"""Keys on disk that rotate: 0 is the staged one, the highest is used, those between still open what they closed.

A key is staged for one whole rotation before it is used, so that every process (or machine to which the folder is
copied) can read what it closes before the first one uses it.
"""

import itertools
import os
import threading
import time
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet


class KeyRing:
    """Encrypts and opens with the keys of a folder; a rotation by another process is noticed without a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._seen = -1
        self._fernet: MultiFernet | None = None

    def seal(self, data: bytes) -> bytes:
        return self._keys().encrypt(data)

    def open(self, token: bytes) -> bytes:
        """Raises InvalidToken for whatever was not sealed with one of these keys."""
        return self._keys().decrypt(token)

    def seal_text(self, text: str) -> str:
        return self.seal(text.encode()).decode()

    def open_text(self, sealed: str) -> str:
        return self.open(sealed.encode()).decode()

    def reseal(self, sealed: str) -> str:
        """The same under the newest key. Raises InvalidToken if none of the keys opens it."""
        return self._keys().rotate(sealed.encode()).decode()

    def _keys(self) -> MultiFernet:
        changed = self.folder.stat().st_mtime_ns
        with self._lock:
            if self._fernet is None or changed != self._seen:
                numbers = _numbers(self.folder)
                if not numbers:
                    raise FileNotFoundError(
                        f"{self.folder} holds no keys; run the manage command `migrate` or `rotate-keys`"
                    )
                newest_first = sorted(numbers, reverse=True)
                self._fernet = MultiFernet([Fernet((self.folder / str(n)).read_bytes()) for n in newest_first])
                self._seen = changed
            return self._fernet


def prepare(folder: Path) -> None:
    """Make the folder with its first two keys, unless it has some; only its owner reads it and them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _numbers(folder):
        _write(folder, 1)
        _write(folder, 0)
    _guard(folder, 0o700)
    for number in _numbers(folder):
        _guard(folder / str(number), 0o600)


def rotate(folder: Path, keep_seconds: float) -> int:
    """Use the staged key from now on and stage another; returns the number of the key now in use.

    An old key goes when it has been out of use for `keep_seconds`: however often one rotates, no living token dies.
    """
    prepare(folder)
    newest = max(_numbers(folder)) + 1
    staged = folder / "0"
    os.utime(staged)  # a key's time says since when it is in use
    staged.rename(folder / str(newest))
    _write(folder, 0)
    used = sorted(n for n in _numbers(folder) if n)
    for key, successor in itertools.pairwise(used):
        if (folder / str(successor)).stat().st_mtime < time.time() - keep_seconds:
            (folder / str(key)).unlink()
    return newest


def _guard(path: Path, mode: int) -> None:
    """A folder that was copied comes with any mode."""
    found = path.stat()
    if found.st_mode & 0o777 & ~mode and os.geteuid() in (0, found.st_uid):
        path.chmod(mode)


def _numbers(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]


def _write(folder: Path, number: int) -> None:
    """Whole or not at all, and never readable by others."""
    draft = folder / f".{number}.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(Fernet.generate_key())
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder / str(number))
