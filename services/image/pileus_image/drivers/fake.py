"""A store in memory, for tests and for a service whose images need not outlive it."""

import io
from typing import BinaryIO

from pileus_image.drivers.base import BlobMissing, StoreDriver, StoreFull, Writer
from pileus_image.drivers.store_specs import StoreSpec


class FakeStore(StoreDriver):
    """Takes `room` bytes, None for any number. `partial` holds what is being written."""

    kind = "fake"

    def __init__(self, name: str = "fake", room: int | None = None) -> None:
        self.name, self.room = name, room
        self.partial: dict[str, bytearray] = {}
        self.blobs: dict[str, bytes] = {}

    @classmethod
    def configured(cls, spec: StoreSpec) -> "FakeStore":
        return cls(spec.name)

    def writer(self, blob: str) -> "FakeWriter":
        self.partial[blob] = bytearray()
        return FakeWriter(self, blob, self.partial[blob])

    def open(self, blob: str) -> BinaryIO:
        if blob not in self.blobs:
            raise BlobMissing(blob)
        return io.BytesIO(self.blobs[blob])

    def delete(self, blob: str) -> None:
        self.partial.pop(blob, None)
        self.blobs.pop(blob, None)

    def used(self) -> int:
        """Return how many bytes the store holds."""
        return sum(map(len, (*self.partial.values(), *self.blobs.values())))


class FakeWriter(Writer):
    """A blob that is being written into memory."""

    def __init__(self, store: FakeStore, blob: str, data: bytearray) -> None:
        self._store, self._blob, self._data = store, blob, data

    def write(self, data: bytes) -> None:
        if self._store.room is not None and self._store.used() + len(data) > self._store.room:
            raise StoreFull()
        self._data += data

    def reader(self) -> BinaryIO:
        return io.BytesIO(bytes(self._data))

    def commit(self) -> None:
        if self._store.partial.get(self._blob) is not self._data:
            raise BlobMissing(self._blob)
        self._store.blobs[self._blob] = bytes(self._store.partial.pop(self._blob))

    def discard(self) -> None:
        if self._store.partial.get(self._blob) is self._data:
            del self._store.partial[self._blob]
