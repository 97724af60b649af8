"""A record of a pack: a header with checksums, then an object as its file would be, or nothing if it was removed.

    magic, kind, digest, partition, timestamps, time of writing, length, crc32 of payload, crc32 of header | payload

Records are read in the order in which they were written, and the last one of a digest counts. A record that is not what
was written is found by its checksums, and the next one behind it by its magic: damage in a pack costs only the records
that it is in. The magic is random for each segment, so that no tenant can store bytes that look like a record.
"""

import struct
import zlib
from collections.abc import Callable, Iterator

import msgspec

HEADER = struct.Struct("<8sBxxx16sIQQIII")
HEADER_BYTES = HEADER.size + 4  # with its own checksum
CHECKSUM = struct.Struct("<I")
PREAMBLE = struct.Struct("<8s8s")  # how a segment begins: what it is, and the magic of its records
PREAMBLE_MAGIC = b"PILEUSPK"
MAGIC_BYTES = 8
STORED = 1  # an object or a tombstone
REMOVED = 2  # this device has no version of the object any more, whatever earlier records say
MAX_PAYLOAD_BYTES = 1 << 20  # a longer one is damage for who reads it
MAX_PACK_BYTES = 512 << 10  # of a body, so that its metadata have room beside it
WINDOW_BYTES = 1 << 20  # a scan reads so much at once
ReadAt = Callable[[int, int], bytes]  # (length, offset) -> bytes, fewer at the end


class Header(msgspec.Struct, frozen=True):
    """What a record says of its payload. Timestamps are in nanoseconds, `written` in epoch seconds, `length` in bytes.

    `posted` is the timestamp of later metadata, which the payload has already; 0 without.
    """

    kind: int
    digest: bytes
    partition: int
    stamp: int
    posted: int
    written: int
    length: int
    checksum: int

    @property
    def size(self) -> int:
        """Bytes of the whole record."""
        return HEADER_BYTES + self.length

    def encode(self, magic: bytes) -> bytes:
        """The header as it is on disk, in a segment whose records have this magic."""
        head = HEADER.pack(
            magic, self.kind, self.digest, self.partition, self.stamp, self.posted, self.written, self.length,
            self.checksum,
        )  # fmt: skip
        return head + CHECKSUM.pack(zlib.crc32(head))


def decode_header(data: bytes, magic: bytes) -> Header | None:
    """The header at the start of `data`; None if there is none that is whole."""
    if len(data) < HEADER_BYTES or not data.startswith(magic):
        return None
    if CHECKSUM.unpack_from(data, HEADER.size)[0] != zlib.crc32(data[: HEADER.size]):
        return None
    header = Header(*HEADER.unpack_from(data)[1:])
    return header if header.length <= MAX_PAYLOAD_BYTES else None


def magic_of(start: bytes) -> bytes:
    """The magic of the records of a segment that begins with these bytes.

    The first record has it, too, in case the preamble is damaged.
    """
    first = start[PREAMBLE.size :]
    if decode_header(first, first[:MAGIC_BYTES]) is not None:
        return first[:MAGIC_BYTES]
    return start[MAGIC_BYTES : PREAMBLE.size]


def intact_payload(header: Header, payload: bytes) -> bool:
    """Whether the payload is what was written."""
    return len(payload) == header.length and zlib.crc32(payload) == header.checksum


class Window:
    """Reads a file in large pieces and hands out small ones."""

    def __init__(self, read_at: ReadAt) -> None:
        self._read_at = read_at
        self._data, self._start = b"", 0

    def at(self, offset: int, length: int) -> bytes:
        """The bytes at an offset; fewer at the end of the file."""
        begin = offset - self._start
        if begin < 0 or begin + length > len(self._data):
            self._data, self._start, begin = self._read_at(max(length, WINDOW_BYTES), offset), offset, 0
        return self._data[begin : begin + length]


def scan(read_at: ReadAt) -> Iterator[tuple[int, Header]]:
    """(offset, header) of all records of a segment that are whole, payload included."""
    window, offset = Window(read_at), PREAMBLE.size
    magic = magic_of(window.at(0, PREAMBLE.size + HEADER_BYTES))
    while len(data := window.at(offset, HEADER_BYTES)) >= HEADER_BYTES:
        header = decode_header(data, magic)
        if header is not None and intact_payload(header, window.at(offset + HEADER_BYTES, header.length)):
            yield offset, header
            offset += header.size
        else:
            offset = _next_magic(window, magic, offset + 1)


def _next_magic(window: Window, magic: bytes, offset: int) -> int:
    """Where the next record may begin; the end of the file if there is no further magic."""
    while len(data := window.at(offset, WINDOW_BYTES // 2)) >= len(magic):
        found = data.find(magic)
        if found >= 0:
            return offset + found
        offset += len(data) - len(magic) + 1
    return offset + len(data)
