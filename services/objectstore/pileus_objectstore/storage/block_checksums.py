"""The checksums of an object's blocks, with which damage is found before the bytes are sent."""

import struct
import zlib

BLOCK_BYTES = 1 << 18  # bytes


class BlockChecksums:
    """The crc32 of each block of a stream that comes in pieces of any size."""

    def __init__(self) -> None:
        self._done: list[int] = []
        self._crc = 0
        self._filled = 0

    def add(self, data: bytes) -> None:
        """Take in the next piece."""
        view, at = memoryview(data), 0
        while at < len(view):
            piece = view[at : at + BLOCK_BYTES - self._filled]
            self._crc = zlib.crc32(piece, self._crc)
            self._filled += len(piece)
            at += len(piece)
            if self._filled == BLOCK_BYTES:
                self._done.append(self._crc)
                self._crc = self._filled = 0

    def packed(self) -> bytes:
        """The checksums as the trailer holds them."""
        sums = self._done + ([self._crc] if self._filled else [])
        return struct.pack(f"<{len(sums)}I", *sums)
