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
        self._fd = os.open(path, os.O_RDONLY)
        self._left = length
        if os.fstat(self._fd).st_ino != inode:
            self.close()
            raise ConnectionBroken(f"{path} was replaced")
        os.lseek(self._fd, start, os.SEEK_SET)

    def fileno(self) -> int:
        """The descriptor; its position is the next byte to send."""
        return self._fd

    def read(self, max_bytes: int = PIECE_BYTES) -> bytes:
        """The next bytes, b'' at the end. Raises OSError if the file is shorter than it was."""
        piece = os.read(self._fd, min(max_bytes, self._left)) if self._left else b""
        if self._left and not piece:
            raise ConnectionBroken("the file is shorter than it was")
        self._left -= len(piece)
        return piece

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b"")

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
