"""Blobs in a container of the object store, in segments, so that writers and readers need constant memory.

BLOB/ATTEMPT/begun      says that the attempt was not deleted
BLOB/ATTEMPT/00000001   segments of SEGMENT_BYTES, the last one shorter
BLOB/whole              which attempt is the blob, and its size: with this object the blob is there
"""

import io
import logging
import re
import secrets
from typing import BinaryIO

import msgspec

from pileus_image.drivers.base import BlobMissing, StoreAway, StoreDriver, Writer
from pileus_image.drivers.object_containers import ObjectContainer
from pileus_image.drivers.store_specs import StoreSpec
from pileus_kit import decoding

log = logging.getLogger(__name__)

SEGMENT_BYTES = 16 << 20
READ_BYTES = 1 << 20
PLACE = re.compile(r"/([^/,:]+)/([^/,:]+)")


class Manifest(msgspec.Struct):
    """What the object `whole` says."""

    attempt: str
    size: int
    segment_bytes: int


class ObjectStore(StoreDriver):
    """Blobs in one container, which the operator has made and opened to this service's user."""

    kind = "objectstore"
    on_this_machine = False

    def __init__(self, name: str, container: ObjectContainer, place: str, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.name, self._container, self._place, self._segment_bytes = name, container, place, segment_bytes

    @classmethod
    def configured(cls, spec: StoreSpec) -> "ObjectStore":
        found = PLACE.fullmatch(spec.place)
        if found is None or spec.open_container is None:
            raise ValueError(f"enabled_backends: {spec.name}:{spec.driver} needs /ACCOUNT/CONTAINER as its place")
        return cls(spec.name, spec.open_container(spec.name, found[1], found[2]), spec.place)

    def properties(self) -> dict[str, str]:
        return {"container": self._place}

    def writer(self, blob: str) -> "ObjectWriter":
        return ObjectWriter(self.name, self._container, blob, self._segment_bytes)

    def open(self, blob: str) -> BinaryIO:
        data = self._container.get(f"{blob}/whole")
        if data is None:
            raise BlobMissing(blob)
        reader = SegmentReader(self._container, blob, decoding.decode(data, Manifest))
        reader.load(0)  # so a blob of one segment is read to its end though it is deleted meanwhile
        return io.BufferedReader(reader, READ_BYTES)

    def delete(self, blob: str) -> None:
        """Delete what makes the blob whole first, so that neither a reader nor a commit takes a part for it."""
        data = self._container.get(f"{blob}/whole")
        names = [name for page in self._container.list_names(f"{blob}/") for name in page]
        if data is not None:  # a listing may not have all yet
            names = sorted({*names, f"{blob}/whole", *segments_of(blob, decoding.decode(data, Manifest))})
        first = [name for name in names if name.endswith(("/begun", "/whole"))]
        for some in (sorted(first), [name for name in names if name not in first]):
            if some:
                self._container.delete(some)


class ObjectWriter(Writer):
    """A blob that is being written, segment by segment; one segment is in memory."""

    def __init__(self, store: str, container: ObjectContainer, blob: str, segment_bytes: int) -> None:
        self._store, self._container, self._blob, self._segment_bytes = store, container, blob, segment_bytes
        self._attempt = secrets.token_hex(8)
        self._segments, self._rest, self._committed = 0, bytearray(), False
        container.put(f"{blob}/{self._attempt}/begun", b"begun")

    def write(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= self._segment_bytes:
            self._put(bytes(self._rest[: self._segment_bytes]))
            del self._rest[: self._segment_bytes]

    def _put(self, data: bytes) -> None:
        self._container.put(segment_name(self._blob, self._attempt, self._segments), data)
        self._segments += 1

    def reader(self) -> BinaryIO:
        size = self._segments * self._segment_bytes + len(self._rest)
        manifest = Manifest(self._attempt, size, self._segment_bytes)
        reader = SegmentReader(self._container, self._blob, manifest, self._segments, bytes(self._rest))
        return io.BufferedReader(reader, READ_BYTES)

    def commit(self) -> None:
        """Write the manifest, then see whether the blob was deleted meanwhile: `delete` takes `begun` away first."""
        size = self._segments * self._segment_bytes + len(self._rest)
        if self._rest:
            self._put(bytes(self._rest))
            self._rest.clear()
        if self._is_deleted():
            raise BlobMissing(self._blob)
        manifest = Manifest(self._attempt, size, self._segment_bytes)
        self._container.put(f"{self._blob}/whole", msgspec.json.encode(manifest))
        if self._is_deleted():
            self._container.delete([f"{self._blob}/whole"])
            raise BlobMissing(self._blob)
        self._committed = True

    def _is_deleted(self) -> bool:
        return self._container.get(f"{self._blob}/{self._attempt}/begun") is None

    def discard(self) -> None:
        """Delete the segments; if the object store is away, the deletion of the blob will find them."""
        if self._committed:
            return
        names = [segment_name(self._blob, self._attempt, number) for number in range(self._segments)]
        try:
            self._container.delete([f"{self._blob}/{self._attempt}/begun", *names])
        except StoreAway as err:
            log.warning("an attempt to write blob %s can't be deleted now: %s", self._blob, err)


class SegmentReader(io.RawIOBase):
    """A blob, or what was written of it, as a seekable file; one segment is in memory."""

    def __init__(
        self, container: ObjectContainer, blob: str, manifest: Manifest, stored: int | None = None, rest: bytes = b""
    ) -> None:
        """A blob that is being written has `stored` segments in the container, and `rest` follows them."""
        self._container, self._blob, self._manifest, self._stored, self._rest = container, blob, manifest, stored, rest
        self._at, self._number, self._data = 0, -1, b""

    def load(self, number: int) -> None:
        """Have a segment in memory. Raises BlobMissing if the blob was deleted."""
        if number == self._number or number * self._manifest.segment_bytes >= self._manifest.size:
            return
        data: bytes | None = self._rest
        if self._stored is None or number < self._stored:
            data = self._container.get(segment_name(self._blob, self._manifest.attempt, number))
        if data is None:
            raise BlobMissing(self._blob)
        self._number, self._data = number, data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._manifest.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._at >= self._manifest.size:
            return 0
        number, start = divmod(self._at, self._manifest.segment_bytes)
        self.load(number)
        piece = self._data[start : start + len(buffer)]
        if not piece:
            raise BlobMissing(self._blob)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def segments_of(blob: str, manifest: Manifest) -> list[str]:
    """Return the names of the objects with a whole blob's data."""
    count = -(-manifest.size // manifest.segment_bytes)
    return [segment_name(blob, manifest.attempt, number) for number in range(count)]


def segment_name(blob: str, attempt: str, number: int) -> str:
    """Return the name of a segment's object; names are in the order of the segments."""
    return f"{blob}/{attempt}/{number:08}"
