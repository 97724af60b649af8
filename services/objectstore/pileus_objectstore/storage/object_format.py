"""The bytes of a stored object, the same in a file and in a pack: its body, then a trailer.

body | one crc32 for each 256 KiB of it | meta (JSON) | footer: magic, sizes, crc32 of the trailer
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from pileus_kit import decoding
from pileus_objectstore.errors import Damaged
from pileus_objectstore.storage.block_checksums import BLOCK_BYTES
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.wire.contract import ObjectMeta

FOOTER = struct.Struct("<8sIIQI")
MAGIC = b"PILEUS01"
TAIL_BYTES = 4096  # what is read first; most trailers fit


class StoredVersion(Protocol):
    """One version of an object, open for reading. `size` is its body's, in bytes."""

    disk: Disk
    path: str
    meta: ObjectMeta
    size: int

    def block(self, number: int, into: bytearray) -> int:
        """Read one block into `into` and verify its checksum; its length. Raises Damaged."""
        ...

    def close(self) -> None:
        """Release what is open."""
        ...

    def __enter__(self) -> "StoredVersion": ...

    def __exit__(self, *_: object) -> None: ...


def stamp_of(timestamp: str) -> int:
    """A timestamp in nanoseconds, as mtime. It is exact, because a timestamp has five decimals."""
    seconds, _, fraction = timestamp.partition(".")
    return int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0"))


def timestamp_of(stamp: int) -> str:
    """The timestamp that an mtime in nanoseconds stands for."""
    return f"{stamp // 1_000_000_000:010d}.{stamp % 1_000_000_000 // 10_000:05d}"


def trailer(meta: ObjectMeta, size: int, sums: bytes) -> bytes:
    """The bytes that follow a body of `size` bytes."""
    data = msgspec.json.encode(meta)
    crc = zlib.crc32(data, zlib.crc32(sums))
    return sums + data + FOOTER.pack(MAGIC, len(data), len(sums), size, crc)


def read_trailer(path: str, whole: int, read: Callable[[int, int], bytes]) -> tuple[ObjectMeta, int, bytes]:
    """(meta, size of the body, checksums of its blocks) of a file with `whole` bytes.

    `read(length, offset)` gives its bytes. Raises Damaged, for which `path` says where.
    """
    tail = read(TAIL_BYTES, max(0, whole - TAIL_BYTES))
    if len(tail) < FOOTER.size:
        raise Damaged(path=path, why="too short")
    magic, meta_size, sums_size, size, crc = FOOTER.unpack(tail[-FOOTER.size :])
    need = FOOTER.size + meta_size + sums_size
    if magic != MAGIC or whole != size + need:
        raise Damaged(path=path, why="footer and length disagree")
    if need > len(tail):
        tail = read(need, size)
    block = tail[-need : -FOOTER.size]
    if zlib.crc32(block) != crc:
        raise Damaged(path=path, why="the trailer's checksum is wrong")
    try:
        meta = decoding.decode(block[sums_size:], ObjectMeta)
    except msgspec.MsgspecError as e:
        raise Damaged(path=path, why=str(e)) from e
    return meta, size, block[:sums_size]


def blocks(version: StoredVersion) -> Iterator[bytes]:
    """The body, block by block. Each block's checksum is verified first. Raises Damaged."""
    buffer = bytearray(BLOCK_BYTES)
    for number in range((version.size + BLOCK_BYTES - 1) // BLOCK_BYTES):
        yield bytes(memoryview(buffer)[: version.block(number, buffer)])


def check(version: StoredVersion) -> None:
    """Read the whole body and verify its checksums. Raises Damaged."""
    buffer = bytearray(BLOCK_BYTES)
    for number in range((version.size + BLOCK_BYTES - 1) // BLOCK_BYTES):
        version.block(number, buffer)
