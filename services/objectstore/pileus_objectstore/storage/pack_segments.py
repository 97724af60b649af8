# ruff: noqa: PTH105, PTH108, PTH116, PTH208
# Paths are str here, because this code runs in every request and pathlib is slow.
"""The files of a pack: numbered segments, to the last of which records are appended, and a hint for each of the others.

A hint lists the headers of its segment's records, so a device is opened without reading all of its objects. It has a
checksum, and a segment whose hint is missing or damaged is scanned, so a hint is never needed for being right.
"""

import os
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator

from pileus_objectstore.storage.disks import Disk, sync_directory, write_durably
from pileus_objectstore.storage.pack_records import (
    HEADER_BYTES,
    PREAMBLE,
    PREAMBLE_MAGIC,
    Header,
    decode_header,
    magic_of,
    scan,
)

HINT = struct.Struct("<8s8sQII")  # magic, that of the records, size of the segment, number of entries, crc32 of those
HINT_MAGIC = b"PKHINT01"
HINT_ENTRY = struct.Struct(f"<I{HEADER_BYTES}s")
MAX_OPEN = 128  # segments of a device that are kept open for reading


class OpenSegment:
    """A segment's file, open until no reader uses it any more; one may go on when the segment has been removed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDONLY)
        self.magic = magic_of(os.pread(self.fd, PREAMBLE.size + HEADER_BYTES, 0))

    def read(self, length: int, offset: int) -> bytes:
        """The bytes at an offset; fewer at the end."""
        return os.pread(self.fd, length, offset)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)


class SegmentFiles:
    """The segments in one directory of a device."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        self._name = name
        self.directory = f"{disk.root}/{name}"
        self._open: OrderedDict[int, OpenSegment] = OrderedDict()
        self._lock = threading.Lock()

    def numbers(self) -> list[int]:
        """The numbers of all segments, oldest first."""
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return []
        return sorted(int(name[:-5]) for name in names if name.endswith(".pack") and name[:-5].isdecimal())

    def path(self, number: int, suffix: str = "pack") -> str:
        """Where a segment is, or its hint."""
        return f"{self.directory}/{number:08d}.{suffix}"

    def create(self, number: int, magic: bytes) -> int:
        """Create a segment without records durably; a descriptor for writing."""
        self._disk.directory(self._name)
        fd = os.open(self.path(number), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(fd, PREAMBLE.pack(PREAMBLE_MAGIC, magic))
            os.fsync(fd)
            sync_directory(self.directory)
        except BaseException:
            os.close(fd)
            os.unlink(self.path(number))
            raise
        return fd

    def segment(self, number: int) -> OpenSegment:
        """A segment that is open for reading. Raises FileNotFoundError if it was removed."""
        with self._lock:
            found = self._open.get(number)
            if found is None:
                found = self._open[number] = OpenSegment(self.path(number))
                if len(self._open) > MAX_OPEN:
                    self._open.popitem(last=False)
            else:
                self._open.move_to_end(number)
            return found

    def size(self, number: int) -> int:
        """Bytes of a segment."""
        return os.stat(self.path(number)).st_size

    def modified(self, number: int) -> float:
        """When a record was last written to a segment, in epoch seconds."""
        return os.stat(self.path(number)).st_mtime

    def remove(self, number: int) -> None:
        """Remove a segment and its hint. Readers that have it open go on."""
        with self._lock:
            self._open.pop(number, None)
        for path in (self.path(number, "hint"), self.path(number)):
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue
        sync_directory(self.directory)

    def headers(self, number: int) -> Iterator[tuple[int, Header]]:
        """(offset, header) of a segment's records: from its hint or, without a good one, by a scan."""
        listed = self.hint(number)
        yield from scan(self.segment(number).read) if listed is None else listed

    def hint(self, number: int) -> list[tuple[int, Header]] | None:
        """What a segment's hint lists; None if there is no hint, or it isn't what was written."""
        try:
            with open(self.path(number, "hint"), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return None
        if len(data) < HINT.size:
            return None
        kind, magic, size, count, checksum = HINT.unpack_from(data)
        body = data[HINT.size :]
        if kind != HINT_MAGIC or len(body) != count * HINT_ENTRY.size or zlib.crc32(body) != checksum:
            return None
        listed = [(offset, decode_header(header, magic)) for offset, header in HINT_ENTRY.iter_unpack(body)]
        good = [(offset, header) for offset, header in listed if header is not None]
        return good if len(good) == count and size == self.size(number) else None

    def write_hint(self, number: int) -> None:
        """Write down what a segment holds that will not grow any more."""
        segment = self.segment(number)
        entries = [HINT_ENTRY.pack(offset, header.encode(segment.magic)) for offset, header in scan(segment.read)]
        body = b"".join(entries)
        head = HINT.pack(HINT_MAGIC, segment.magic, self.size(number), len(entries), zlib.crc32(body))
        temporary = self._disk.temporary()
        write_durably(temporary, head + body)
        os.replace(temporary, self.path(number, "hint"))
        sync_directory(self.directory)

    def close(self) -> None:
        """Close what is open for reading."""
        with self._lock:
            self._open.clear()
