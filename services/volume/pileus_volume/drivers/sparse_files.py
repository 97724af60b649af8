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
        for position, data in _blocks(reading):
            writing.seek(position)
            writing.write(data)


def are_equal(one: Path, other: Path) -> bool:
    """Whether both files have the same bytes; where one ends, the other has zeros only."""
    with one.open("rb", buffering=0) as first, other.open("rb", buffering=0) as second:
        return _is_within(first, second) and _is_within(second, first)


def _is_within(one: FileIO, other: FileIO) -> bool:
    """Whether the other file has all bytes of this one but zeros."""
    for position, data in _blocks(one):
        other.seek(position)
        if other.read(len(data)).ljust(len(data), b"\0") != data:
            return False
    return True


def _blocks(file: FileIO) -> Iterator[tuple[int, bytes]]:
    """Position and bytes of each block that isn't a hole."""
    position = 0
    while True:
        try:
            position = os.lseek(file.fileno(), position, os.SEEK_DATA) // BLOCK_BYTES * BLOCK_BYTES
        except OSError:  # there is no data after this position
            return
        file.seek(position)
        data = file.read(BLOCK_BYTES)
        yield position, data
        position += BLOCK_BYTES
