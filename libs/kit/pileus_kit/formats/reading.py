"""What the recognisers share: their result, and bounded reads of a file whose fields may claim any offset."""

from dataclasses import dataclass
from typing import BinaryIO

SECTOR = 512


@dataclass(frozen=True)
class Inspection:
    """What an image is. `format` is QEMU's name of it, raw if no other is recognised; `unsafe` says why no host may
    open the image, and is empty if they may."""

    format: str
    virtual_size: int
    """Bytes that a guest sees."""
    unsafe: str = ""


class Reader:
    """Reads pieces of a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)
        self.rounded_size = -(-self.size // SECTOR) * SECTOR
        """QEMU counts whole sectors, so it looks for what lies at the end of an image from here."""

    def __call__(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes; those behind the end are zeros, as in QEMU."""
        if not 0 <= offset < self.size:  # an image may claim an offset that no file system can seek to
            return bytes(length)
        self._file.seek(offset)
        return self._file.read(length).ljust(length, b"\0")
