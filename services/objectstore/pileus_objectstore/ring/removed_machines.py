"""The certificates of machines that were removed from the cloud: a file of their serial numbers beside the rings.

Hosts give it to each other as they do with rings. Numbers are only added, so of two files both hold.
"""

import re
import zlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pileus_kit import decoding
from pileus_objectstore.ring.durable_files import replace_durably

REMOVED_FILE = "removed.json"
SERIAL = re.compile("[0-9A-F]{2,40}")


def parse(data: bytes) -> frozenset[str]:
    """The serial numbers in a file's bytes. Raises ValueError."""
    found = frozenset(decoding.decode(data, list[str]))
    if not all(SERIAL.fullmatch(serial) for serial in found):
        raise ValueError("a serial number has capital hexadecimal digits")
    return found


def read(path: Path) -> frozenset[str]:
    """The serial numbers in a file; without the file there are none. Raises OSError and ValueError."""
    return parse(path.read_bytes()) if path.exists() else frozenset()


def write(path: Path, serials: Iterable[str]) -> None:
    """Replace the file, for a crash, too."""
    replace_durably(path, msgspec.json.encode(sorted(serials)))


def state_of(data: bytes) -> tuple[int, int]:
    """How many serial numbers there are, and a checksum of them. Raises ValueError."""
    return len(parse(data)), zlib.crc32(data)


class RemovedMachines:
    """The file as it is now. If it is damaged, what was read before holds. Thread-safe."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / REMOVED_FILE
        self._known: tuple[tuple[int, int], frozenset[str]] = ((0, 0), frozenset())

    def has(self, serial: str) -> bool:
        """Whether the certificate with this serial number is a removed machine's."""
        try:
            about = self._path.stat()
        except FileNotFoundError:
            return serial in self._known[1]
        stamp = about.st_ino, about.st_mtime_ns
        if stamp != self._known[0]:
            try:
                self._known = stamp, read(self._path)
            except ValueError:
                self._known = stamp, self._known[1]
        return serial in self._known[1]
