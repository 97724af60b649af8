"""Checksums of bodies: those of S3's x-amz-checksum-* headers, MD5 and SHA-256.

Source: Amazon S3 User Guide, "Checking object integrity". CRC32C and CRC64NVME come from the AWS Common Runtime.
"""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable
from typing import Protocol

from pileus_objectstore.api.s3.errors import S3Error

PREFIX = "x-amz-checksum-"


class Digest(Protocol):
    """A running checksum."""

    def update(self, data: bytes) -> object:
        """Add the next bytes."""
        ...

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far."""
        ...


class Crc:
    """A CRC of `length` bytes, computed by a function of data and the value before it."""

    def __init__(self, compute: Callable[[bytes, int], int], length: int) -> None:
        self._compute, self._length, self._value = compute, length, 0

    def update(self, data: bytes) -> None:
        """Add the next bytes."""
        self._value = self._compute(data, self._value)

    def digest(self) -> bytes:
        """Return the CRC in big-endian order."""
        return self._value.to_bytes(self._length, "big")


def _crc32c(data: bytes, before: int) -> int:
    from awscrt.checksums import crc32c  # most bodies come with a CRC32

    return int(crc32c(data, before))


def _crc64nvme(data: bytes, before: int) -> int:
    from awscrt.checksums import crc64nvme

    return int(crc64nvme(data, before))


ALGORITHMS: dict[str, Callable[[], Digest]] = {
    "crc32": lambda: Crc(zlib.crc32, 4),
    "crc32c": lambda: Crc(_crc32c, 4),
    "crc64nvme": lambda: Crc(_crc64nvme, 8),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}
LENGTHS = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}


def named(name: str) -> Digest:
    """Begin a checksum of this algorithm. Raises S3Error for one that S3 doesn't have."""
    if name.lower() not in ALGORITHMS:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    return ALGORITHMS[name.lower()]()


def parse(algorithm: str, text: str) -> bytes:
    """Read a checksum in base64. Raises S3Error."""
    try:
        value = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != LENGTHS[algorithm]:
        raise S3Error("InvalidRequest", f"Value for {PREFIX}{algorithm} header is invalid.")
    return value


def encode(value: bytes) -> str:
    return base64.b64encode(value).decode()
