"""Fernet keys on disk that rotate: 0 is the staged key, the highest number is the primary, others only decrypt.

A key is staged for a whole rotation before it becomes primary, so that every process (or machine to which the folder is
copied) has it before the first one encrypts with it.
"""

import itertools
import os
import threading
import time
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

STAGED = 0


class KeyRing:
    """Encrypts and decrypts with the keys of a folder. It notices a rotation by another process without a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._modified_ns = -1
        self._fernet: MultiFernet | None = None

    def encrypt(self, data: bytes) -> bytes:
        """Encrypt with the primary key."""
        return self._keys().encrypt(data)

    def decrypt(self, token: bytes) -> bytes:
        """Raises InvalidToken for everything that was not encrypted with one of these keys."""
        return self._keys().decrypt(token)

    def encrypt_text(self, text: str) -> str:
        """Encrypt a text for a column of the database."""
        return self.encrypt(text.encode()).decode()

    def decrypt_text(self, encrypted: str) -> str:
        """Decrypt a column of the database. Raises InvalidToken."""
        return self.decrypt(encrypted.encode()).decode()

    def reencrypt(self, encrypted: str) -> str:
        """Encrypt the same with the primary key. Raises InvalidToken if none of the keys decrypts it."""
        return self._keys().rotate(encrypted.encode()).decode()

    def _keys(self) -> MultiFernet:
        modified_ns = self.folder.stat().st_mtime_ns
        with self._lock:
            if self._fernet is None or modified_ns != self._modified_ns:
                numbers = _numbers(self.folder)
                if not numbers:
                    raise FileNotFoundError(
                        f"{self.folder} holds no keys; run the manage command `migrate` or `rotate-keys`"
                    )
                newest_first = sorted(numbers, reverse=True)
                self._fernet = MultiFernet([Fernet((self.folder / str(n)).read_bytes()) for n in newest_first])
                self._modified_ns = modified_ns
            return self._fernet


def prepare(folder: Path) -> None:
    """Create the folder and its first two keys if there are none, and let only its owner read it and them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _numbers(folder):
        _write(folder, 1)
        _write(folder, STAGED)
    _restrict_mode(folder, 0o700)
    for number in _numbers(folder):
        _restrict_mode(folder / str(number), 0o600)


def rotate(folder: Path, keep_s: float) -> int:
    """Make the staged key primary and stage another one; returns the number of the primary key.

    An old key is deleted when it has not been primary for `keep_s` seconds: however often an operator rotates, no
    valid token becomes invalid.
    """
    prepare(folder)
    primary = max(_numbers(folder)) + 1
    staged = folder / str(STAGED)
    os.utime(staged)  # the time of a key's file says since when it has been primary
    staged.rename(folder / str(primary))
    _write(folder, STAGED)
    used = sorted(number for number in _numbers(folder) if number != STAGED)
    for key, successor in itertools.pairwise(used):
        if (folder / str(successor)).stat().st_mtime < time.time() - keep_s:
            (folder / str(key)).unlink()
    return primary


def _restrict_mode(path: Path, mode: int) -> None:
    """A folder that was copied may have any mode."""
    found = path.stat()
    if found.st_mode & 0o777 & ~mode and os.geteuid() in (0, found.st_uid):
        path.chmod(mode)


def _numbers(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]


def _write(folder: Path, number: int) -> None:
    """Write a new key completely or not at all, and never readable by others."""
    draft = folder / f".{number}.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(Fernet.generate_key())
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder / str(number))
