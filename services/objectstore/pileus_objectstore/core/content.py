"""What a GET delivers: one stored object, or the segments of a large one, as a run of bytes that can be read from
anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pileus_kit.errors import Conflict, NotFound
from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.core.object_stream import ObjectStream
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.wire.contract import ObjectMeta

STATIC = "X-Static-Large-Object"
ETAG = "X-Object-Sysmeta-Slo-Etag"
SIZE = "X-Object-Sysmeta-Slo-Size"


class Content(Protocol):
    size: int
    etag: str

    def read(self, first: int, last: int) -> Iterator[bytes]:
        """The bytes first..last, both included."""
        ...


class Stored:
    """One object, as it was when its head was read."""

    def __init__(self, cluster: Cluster, placement: Placement, meta: ObjectMeta) -> None:
        self._cluster, self._place, self._meta = cluster, placement, meta
        self.size, self.etag = meta.size, meta.etag

    def read(self, first: int, last: int) -> Iterator[bytes]:
        if last < first:
            return
        reply, exchange, body = self._cluster.open(
            self._place, first=first, last=last, if_timestamp=self._meta.timestamp
        )
        if reply.status >= 300:
            raise NotFound(why="The object was replaced meanwhile.")
        stream = ObjectStream(self._cluster, self._place, reply, exchange, body)
        try:
            yield from stream
        finally:
            stream.close()


@dataclass(frozen=True)
class Segment:
    """A part of a large object: `first`..`last` of the object at `path`, whose ETag must still be `etag`."""

    path: str
    etag: str
    first: int
    last: int
    nested: bool = False
    data: bytes = b""  # in place of an object's: carried by the manifest itself

    @property
    def size(self) -> int:
        return self.last - self.first + 1


class Opener(Protocol):
    def __call__(self, segment: Segment) -> Content:
        """The segment's content; raises if it is gone, changed, or not the reader's to see."""
        ...


class Segmented:
    """Segments one after the other. Each is looked at when its turn comes."""

    def __init__(self, segments: list[Segment], etag: str, opener: Opener, static: bool = False) -> None:
        self.segments = segments
        self.static = static
        self._opener = opener
        self.etag = etag
        self.size = sum(segment.size for segment in segments)

    def read(self, first: int, last: int) -> Iterator[bytes]:
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
