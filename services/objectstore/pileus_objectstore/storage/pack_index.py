"""Where each packed object of a device is, in memory: 36 bytes an object, and no Python object for each.

Entries are in byte arrays, one for each sixteenth of a partition, and are found by searching for the digest's bytes: of
a million objects a bucket holds some twenty entries, of ten million two hundred, which `find` reads in a microsecond.
A dictionary of tuples would take ten times as much memory.
"""

import struct
import threading
from collections.abc import Iterator
from typing import NamedTuple

ENTRY = struct.Struct("<16sQIII")
NIBBLES = 16  # buckets of a partition, by the digest's last four bits; its first bits are the partition


class Location(NamedTuple):
    """Where the newest record of an object is, and what it says. See `pack_records.Header`."""

    stamp: int
    posted: int
    segment: int
    offset: int
    length: int


class PackIndex:
    """All packed objects of a device by partition and digest. Thread-safe."""

    def __init__(self) -> None:
        self._buckets: dict[int, bytearray] = {}
        self._posted: dict[bytes, int] = {}  # of the few objects with later metadata
        self._lock = threading.Lock()
        self.count = 0

    def find(self, partition: int, digest: bytes) -> Location | None:
        """Where an object is; None if it isn't packed."""
        with self._lock:
            bucket = self._buckets.get(_key(partition, digest))
            at = -1 if bucket is None else _search(bucket, digest)
            return None if bucket is None or at < 0 else self._location(bucket, at)

    def put(self, partition: int, digest: bytes, location: Location) -> Location | None:
        """Enter where an object is now; where it was."""
        entry = ENTRY.pack(digest, location.stamp, location.segment, location.offset, location.length)
        with self._lock:
            bucket = self._buckets.setdefault(_key(partition, digest), bytearray())
            at = _search(bucket, digest)
            if at < 0:
                old = None
                bucket += entry
                self.count += 1
            else:
                old = self._location(bucket, at)
                bucket[at : at + ENTRY.size] = entry
            if location.posted:
                self._posted[digest] = location.posted
            else:
                self._posted.pop(digest, None)
        return old

    def remove(self, partition: int, digest: bytes) -> Location | None:
        """Forget an object; where it was."""
        key = _key(partition, digest)
        with self._lock:
            bucket = self._buckets.get(key)
            at = -1 if bucket is None else _search(bucket, digest)
            if bucket is None or at < 0:
                return None
            old = self._location(bucket, at)
            bucket[at : at + ENTRY.size] = bucket[-ENTRY.size :]
            del bucket[-ENTRY.size :]
            if not bucket:
                del self._buckets[key]
            self._posted.pop(digest, None)
            self.count -= 1
        return old

    def partitions(self) -> set[int]:
        """The partitions that have packed objects."""
        with self._lock:
            return {key // NIBBLES for key in self._buckets}

    def held(self, partition: int) -> Iterator[tuple[bytes, Location]]:
        """All packed objects of a partition, as they are at this moment."""
        with self._lock:
            found = [
                (bytes(bucket[at : at + 16]), self._location(bucket, at))
                for nibble in range(NIBBLES)
                if (bucket := self._buckets.get(partition * NIBBLES + nibble))
                for at in range(0, len(bucket), ENTRY.size)
            ]
        return iter(found)

    def _location(self, bucket: bytearray, at: int) -> Location:
        digest, stamp, segment, offset, length = ENTRY.unpack_from(bucket, at)
        return Location(stamp, self._posted.get(digest, 0) if self._posted else 0, segment, offset, length)


def _key(partition: int, digest: bytes) -> int:
    return partition * NIBBLES + (digest[-1] & (NIBBLES - 1))


def _search(bucket: bytearray, digest: bytes) -> int:
    """The offset of a digest's entry; -1 if there is none."""
    at = bucket.find(digest)
    while at >= 0 and at % ENTRY.size:
        at = bucket.find(digest, at + 1)
    return at
