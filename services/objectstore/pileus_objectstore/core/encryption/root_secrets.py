"""The root secrets, from which all keys of the store are derived: a file that only the proxies and workers can read.

Each has an id, which is stored with what it encrypts. New objects use the active one; the others stay for what was
written under them.
"""

import fcntl
import json
import os
import secrets
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pileus_kit import decoding
from pileus_kit.errors import Unavailable

SECRET_BYTES = 32
ID_BYTES = 6
FILE = "root-secrets.json"
MAX_REMEMBERED_KEYS = 4096


class RootSecretMissing(Unavailable):
    """Something was encrypted under a root secret that this host doesn't have."""

    text = "Root secret {id} is not in this host's {file}; copy the file from the host that made it."


class _Stored(msgspec.Struct):
    active: str
    secrets: dict[str, str]  # in hex, by id


@dataclass(frozen=True, slots=True)
class RootSecret:
    """One root secret."""

    id: str
    secret: bytes

    def derive(self, purpose: str, path: str, length: int, salt: bytes = b"") -> bytes:
        """A key for one purpose, and for the account, container or object at `path` (HKDF with SHA-256)."""
        return _derived(self.secret, f"pileus objectstore {purpose} 1\0{path}".encode(), length, salt)


class RootSecrets:
    """The file's content, read again when the file changes. Thread-safe. It is made at the first encryption."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None  # (inode, mtime) of what was read
        self._active = ""
        self._known: dict[str, RootSecret] = {}

    def active(self) -> RootSecret:
        """The secret for what is written now; the first one is made here."""
        self._read()
        if not self._active:
            add(self._path, only_first=True)
            self._read()
        return self._known[self._active]

    def exist(self) -> bool:
        """Whether there are any, so whether anything can be encrypted."""
        return bool(self._known) or self._path.exists()

    def find(self, secret_id: str) -> RootSecret:
        """A secret by its id. Raises RootSecretMissing."""
        if secret_id not in self._known:
            self._read()
        found = self._known.get(secret_id)
        if found is None:
            raise RootSecretMissing(id=secret_id, file=FILE)
        return found

    def _read(self) -> None:
        try:
            about = self._path.stat()
        except FileNotFoundError:
            return
        if (about.st_ino, about.st_mtime_ns) == self._seen:
            return
        with self._lock:
            stored = decoding.decode(self._path.read_bytes(), _Stored)
            self._known = {name: RootSecret(name, bytes.fromhex(text)) for name, text in stored.secrets.items()}
            self._active, self._seen = stored.active, (about.st_ino, about.st_mtime_ns)


def add(path: Path, *, only_first: bool = False) -> str:
    """Add a new secret and make it the active one; return its id. `only_first`: only if there is none yet, or ''.

    The file is replaced as a whole and synced, so that a crash leaves the old one or the new one. A process that adds
    one at the same time waits: a secret that another one dropped would make all that it encrypted unreadable.
    """
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        known: dict[str, str] = json.loads(path.read_bytes())["secrets"] if path.exists() else {}
        if known and only_first:
            return ""
        new = secrets.token_hex(ID_BYTES)
        _replace(path, _Stored(new, known | {new: secrets.token_hex(SECRET_BYTES)}))
        os.fsync(directory)
        return new
    finally:
        os.close(directory)


def _replace(path: Path, stored: _Stored) -> None:
    draft = path.with_name(f".{path.name}.{stored.active}")
    try:
        with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(msgspec.json.encode(stored))
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            owner = path.stat()
            os.chown(draft, owner.st_uid, owner.st_gid)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@lru_cache(MAX_REMEMBERED_KEYS)
def _derived(secret: bytes, info: bytes, length: int, salt: bytes) -> bytes:
    return HKDF(SHA256(), length, salt or None, info).derive(secret)
