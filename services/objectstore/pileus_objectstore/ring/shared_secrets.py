"""Brings the file of root secrets (core/encryption/root_secrets.py) to the machines that keep objects.

Secrets are only added, so of two files both hold; the one with more of them says which is the active one.
"""

import fcntl
import os
import zlib
from pathlib import Path

import msgspec

from pileus_kit import decoding
from pileus_objectstore.ring.durable_files import replace_durably

SECRETS_FILE = "root-secrets.json"


class Secrets(msgspec.Struct):
    """The file: secrets in hexadecimal digits by their ids, and the id of the one for what is written now."""

    active: str
    secrets: dict[str, str]


def state_of(data: bytes) -> tuple[int, int]:
    """How many secrets there are, and a checksum of the file. Raises ValueError."""
    return len(decoding.decode(data, Secrets).secrets), zlib.crc32(data)


def merge(path: Path, data: bytes) -> bool:
    """Add another host's secrets to the file; whether it changed. Raises ValueError and OSError."""
    theirs = decoding.decode(data, Secrets)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        before = path.read_bytes() if path.exists() else b""
        mine = decoding.decode(before, Secrets) if before else Secrets("", {})
        is_newer = not before or state_of(data) > state_of(before)
        active = theirs.active if is_newer else mine.active
        after = msgspec.json.encode(Secrets(active, dict(sorted((mine.secrets | theirs.secrets).items()))))
        if after != before:
            replace_durably(path, after, 0o600)
        return after != before
    finally:
        os.close(directory)
