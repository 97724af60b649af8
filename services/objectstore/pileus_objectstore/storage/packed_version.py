"""A version that was packed, open for reading: it is in memory, because it is small and its checksum was verified."""

import zlib

from pileus_objectstore.errors import Damaged
from pileus_objectstore.storage.block_checksums import BLOCK_BYTES
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.storage.object_format import read_trailer


class PackedVersion:
    """What `object_format.StoredVersion` is of a file."""

    def __init__(self, disk: Disk, path: str, payload: bytes) -> None:
        """`payload` is the object as its file would be. Raises Damaged if it is not."""
        self.disk = disk
        self.path = path
        self._payload = payload
        self.meta, self.size, self.sums = read_trailer(
            path, len(payload), lambda length, offset: payload[offset : offset + length]
        )

    def block(self, number: int, into: bytearray) -> int:
        """Copy one block of the body into `into` and verify its checksum; its length. Raises Damaged."""
        start = number * BLOCK_BYTES
        length = min(BLOCK_BYTES, self.size - start)
        piece = memoryview(self._payload)[start : start + length]
        if zlib.crc32(piece) != int.from_bytes(self.sums[number * 4 : number * 4 + 4], "little"):
            raise Damaged(path=self.path, why=f"block {number} is not what was written")
        into[:length] = piece
        return length

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> "PackedVersion":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
