"""Raw files with holes: copied and compared without reading the holes.

Files are read without a buffer: looking for data moves the position of the file, of which a buffer knows nothing.
"""

import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

BLOCK_BYTES = 1 << 20


def copy(source: Path, target: Path) -> None:
    """Write the source's data into the target, which is at least as large and all zeros."""
    with source.open("rb", buffering=0) as reading, target.open("r+b") as writing:
        for position, data in data_blocks(reading):
            writing.seek(position)
            writing.write(data)


def are_equal(one: Path, other: Path) -> bool:
    """Whether both files have the same bytes; where one ends, the other has zeros only."""
    with one.open("rb", buffering=0) as first, other.open("rb", buffering=0) as second:
        return _is_within(first, second) and _is_within(second, first)


def _is_within(one: FileIO, other: FileIO) -> bool:
    """Whether the other file has all bytes of this one but zeros."""
    for position, data in data_blocks(one):
        other.seek(position)
        if _read(other, len(data)).ljust(len(data), b"\0") != data:
            return False
    return True


def data_blocks(file: FileIO, size: int = BLOCK_BYTES) -> Iterator[tuple[int, bytes]]:
    """Position and bytes of each block of `size` bytes that isn't a hole; the last one may be shorter."""
    position = 0
    while True:
        try:
            position = os.lseek(file.fileno(), position, os.SEEK_DATA) // size * size
        except OSError:  # there is no data after this position
            return
        file.seek(position)
        yield position, _read(file, size)
        position += size


def _read(file: FileIO, size: int) -> bytes:
    """Read so many bytes, or up to the end: one read without a buffer may give fewer."""
    pieces = []
    while size and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
