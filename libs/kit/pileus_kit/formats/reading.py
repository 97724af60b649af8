"""What the recognisers share: their answer, and bounded reads of a file that may claim any offset."""

from dataclasses import dataclass
from typing import BinaryIO

SECTOR = 512


@dataclass(frozen=True)
class Inspection:
    """`format` is raw when nothing else is recognised. `unsafe` says why no host may open it; empty: it may."""

    format: str
    virtual_size: int
    """Bytes that a guest sees."""
    unsafe: str = ""


class Reader:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)
        self.rounded_size = -(-self.size // SECTOR) * SECTOR
        """QEMU counts whole sectors: what it finds from the end, it finds from here."""

    def __call__(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; what lies behind the end reads as zeros, as it does in QEMU."""
        if not 0 <= offset < self.size:  # an image may claim any offset, also one that no file system could seek to
            return bytes(length)
        self._file.seek(offset)
        return self._file.read(length).ljust(length, b"\0")
