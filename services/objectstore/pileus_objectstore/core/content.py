"""The bytes that a GET delivers, from any offset on: those of a stored object, or of a large object's segments."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pileus_kit.errors import Conflict, NotFound
from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.core.encryption import customer_keys
from pileus_objectstore.core.encryption.customer_keys import CustomerKey
from pileus_objectstore.core.object_stream import ObjectStream
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.wire.contract import ObjectMeta


class Content(Protocol):
    """Something with a size in bytes and an ETag that can be read in ranges."""

    size: int
    etag: str

    def read(self, first: int, last: int) -> Iterator[bytes]:
        """The bytes `first` to `last`, both included."""
        ...


class ReadableContent:
    """What a reader gets of one object who may read it, with the client's key if that encrypts it."""

    def __init__(self, stored: Content, meta: ObjectMeta, key: CustomerKey | None) -> None:
        self._stored, self._meta, self._key = stored, meta, key
        self.size, self.etag = stored.size, stored.etag

    def read(self, first: int, last: int) -> Iterator[bytes]:
        """Raises NotFound if that version was replaced."""
        return customer_keys.clear(self._stored.read(first, last), self._meta, self._key, first)


class StoredContent:
    """One object, in the version that it had when its metadata was read."""

    def __init__(self, cluster: Cluster, placement: Placement, meta: ObjectMeta) -> None:
        self._cluster, self._placement, self._meta = cluster, placement, meta
        self.size, self.etag = meta.size, meta.etag

    def read(self, first: int, last: int) -> Iterator[bytes]:
        """Raises NotFound if that version was replaced."""
        if last < first:
            return
        reply, exchange, body = self._cluster.open(
            self._placement, first=first, last=last, if_timestamp=self._meta.timestamp
        )
        if reply.status >= 300:
            raise NotFound(why="The object was replaced meanwhile.")
        stream = ObjectStream(self._cluster, self._placement, reply, exchange, body)
        try:
            yield from stream
        finally:
            stream.close()


@dataclass(frozen=True)
class Segment:
    """A part of a large object: the bytes `first` to `last` of the object at `path`, whose ETag must still be `etag`.

    `data` holds the bytes of a segment that the manifest itself carries. `nested` segments may be manifests themselves.
    `checksum` is what an upload in parts has kept of it (core/checksums.py).
    """

    path: str
    etag: str
    first: int
    last: int
    nested: bool = False
    data: bytes = b""
    checksum: str = ""

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.last - self.first + 1


class SegmentOpener(Protocol):
    """Gives access to segments on behalf of one reader."""

    def __call__(self, segment: Segment) -> Content:
        """The segment's content. Raises Conflict if it is gone or the reader may not read it."""
        ...


class SegmentedContent:
    """Segments one after the other. Each is opened only when its turn comes. `static` ones have part numbers."""

    def __init__(self, segments: list[Segment], etag: str, opener: SegmentOpener, static: bool = False) -> None:
        self.segments = segments
        self.static = static
        self._opener = opener
        self.etag = etag
        self.size = sum(segment.size for segment in segments)

    def read(self, first: int, last: int) -> Iterator[bytes]:
        """Raises Conflict if a segment has changed since the manifest was written."""
        at = 0
        for segment in self.segments:
            begin, end = max(first - at, 0), min(last - at, segment.size - 1)
            at += segment.size
            if begin <= end:
                if segment.data:
                    yield segment.data[begin : end + 1]
                    continue
                content = self._opener(segment)
                if segment.etag and content.etag.strip('"') != segment.etag:
                    raise Conflict(why=f"Segment {segment.path} was changed after the manifest was written.")
                yield from content.read(segment.first + begin, segment.first + end)

    def part(self, number: int) -> tuple[int, int] | None:
        """(first, last) byte of the segment with this number, counted from 1; None if there are fewer."""
        if number > len(self.segments):
            return None
        first = sum(segment.size for segment in self.segments[: number - 1])
        return first, first + self.segments[number - 1].size - 1
