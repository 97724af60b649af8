"""Checksums of bodies as S3 defines them, and how those of parts become that of the whole.

Source: Amazon S3 User Guide, "Checking object integrity". CRC32C and CRC64NVME come from the AWS Common Runtime.
"""

import base64
import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

FULL_OBJECT, COMPOSITE = "FULL_OBJECT", "COMPOSITE"


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
TYPES = {  # of an upload in parts; the first is what it has if it names none
    "crc32": (COMPOSITE, FULL_OBJECT),
    "crc32c": (COMPOSITE, FULL_OBJECT),
    "crc64nvme": (FULL_OBJECT,),
    "sha1": (COMPOSITE,),
    "sha256": (COMPOSITE,),
}


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum of an object: `value` is in base64, that of a COMPOSITE one ends with the number of parts."""

    algorithm: str
    value: str
    type: str = FULL_OBJECT

    def write(self) -> str:
        """The form in which it is stored."""
        return f"{self.algorithm} {self.value} {self.type}"


def read(stored: str) -> Checksum | None:
    """A stored checksum; None for ''."""
    words = stored.split()
    return Checksum(*words[:3]) if len(words) > 1 else None


def encode(value: bytes) -> str:
    """A checksum in base64, as S3 shows it."""
    return base64.b64encode(value).decode()


def whole(algorithm: str, kind: str, parts: Sequence[tuple[str, int]]) -> Checksum:
    """The checksum of an object made of parts, from (base64 checksum, size in bytes) of each.

    COMPOSITE is the checksum of the parts' checksums. FULL_OBJECT is what the whole body has: CRCs can be combined.
    """
    values = [base64.b64decode(value) for value, _ in parts]
    if kind == COMPOSITE:
        digest = ALGORITHMS[algorithm]()
        digest.update(b"".join(values))
        return Checksum(algorithm, f"{encode(digest.digest())}-{len(parts)}", COMPOSITE)
    from awscrt import checksums as crt

    combine = {"crc32": crt.combine_crc32, "crc32c": crt.combine_crc32c, "crc64nvme": crt.combine_crc64nvme}[algorithm]
    result = 0
    for value, (_, size) in zip(values, parts, strict=True):
        result = combine(result, int.from_bytes(value, "big"), size)
    return Checksum(algorithm, encode(result.to_bytes(LENGTHS[algorithm], "big")), FULL_OBJECT)
