"""An object's file on this host, which the proxy sends to a client without reading it: the kernel copies it (sendfile).

The storage server names a file only after it has verified all its checksums a moment ago.
"""

import os
from collections.abc import Iterator

from pileus_objectstore.wire.framing import ConnectionBroken

PIECE_BYTES = 1 << 18


class LocalFile:
    """A part of a file: `length` bytes from `start` on. It has what WSGI's file wrapper wants."""

    def __init__(self, path: str, inode: int, start: int, length: int) -> None:
        """Raises OSError if the file can't be opened, or is another one by now."""
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - close() closes it; a forgotten one closes itself
        self._left = length
        if os.fstat(self._file.fileno()).st_ino != inode:
            self.close()
            raise ConnectionBroken(f"{path} was replaced")
        self._file.seek(start)

    def fileno(self) -> int:
        """The descriptor; its position is the next byte to send."""
        return self._file.fileno()

    def read(self, max_bytes: int = PIECE_BYTES) -> bytes:
        """The next bytes, b'' at the end. Raises OSError if the file is shorter than it was."""
        piece = self._file.read(min(max_bytes, self._left)) if self._left else b""
        if self._left and not piece:
            raise ConnectionBroken("the file is shorter than it was")
        self._left -= len(piece)
        return piece

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b"")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
