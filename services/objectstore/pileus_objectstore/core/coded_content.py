"""The bytes of an erasure-coded object: reads as many fragments as the code needs, and others if some can't be read."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pileus_kit.errors import HostDown, Unavailable
from pileus_objectstore.core import erasure
from pileus_objectstore.core.coded_heads import STAMP
from pileus_objectstore.errors import Damaged
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.ring.storage_policies import fragments_area
from pileus_objectstore.wire.client import Exchange
from pileus_objectstore.wire.contract import GetObject, ObjectMeta, ObjectReply
from pileus_objectstore.wire.framing import Body, ConnectionBroken

if TYPE_CHECKING:
    from pileus_objectstore.core.cluster import Cluster

log = logging.getLogger(__name__)
TOO_FEW = "Too few fragments of the object can be read; try again shortly."


class Source:
    """One fragment, read from some byte on."""

    def __init__(self, exchange: Exchange, body: Body) -> None:
        self._exchange, self._body = exchange, body

    def read(self, size: int) -> bytes:
        """The next bytes. Raises OSError."""
        pieces, left = [], size
        while left:
            piece = self._body.read(left)
            if not piece:
                raise ConnectionBroken("a fragment ended early")
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Give the connection back, or close it if bytes are left on it."""
        self._exchange.done(self._body)


class CodedContent:
    """One object, in the version that its head describes."""

    def __init__(self, cluster: "Cluster", placement: Placement, meta: ObjectMeta) -> None:
        self._cluster, self._placement = cluster, placement
        self._meta, self._stamp = meta, meta.headers[STAMP]
        self.layout = erasure.layout_of(meta.headers)
        self.size, self.etag = meta.size, meta.etag
        self._ring = cluster.rings.ring("object", fragments_area(placement.policy))

    def read(self, first: int, last: int) -> Iterator[bytes]:
        """The bytes `first` to `last`. Raises Unavailable, after the first bytes ConnectionBroken."""
        if last < first:
            return
        length, clear = self.layout.code.segment_bytes, self._cluster.decipher(self._meta, first)
        for number, segment in self.segments(first // length, last // length):
            start = number * length
            yield clear(segment[max(first - start, 0) : last - start + 1])

    def segments(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """The segments with these numbers, decoded. Raises as `read` does."""
        for segment, parts in self.parts(first, last):
            yield segment, self.layout.decode(list(parts.values()))

    def parts(self, first: int, last: int) -> Iterator[tuple[int, dict[int, bytes]]]:
        """Yield (segment, {fragment: part}) with as many parts of each segment as the code needs."""
        candidates = self._candidates()
        sources: dict[int, Source] = {}
        try:
            for segment in range(first, last + 1):
                parts: dict[int, bytes] = {}
                while len(parts) < self.layout.code.data:
                    self._fill(sources, candidates, segment, last, first)
                    for number in [n for n in sources if n not in parts]:
                        try:
                            parts[number] = sources[number].read(self.layout.part_size(segment))
                        except OSError as e:
                            log.warning("fragment %d: %s", number, e)
                            sources.pop(number).close()
                yield segment, parts
        finally:
            for source in sources.values():
                source.close()

    def _fill(
        self, sources: dict[int, Source], candidates: Iterator[tuple[int, Device]], segment: int, last: int, first: int
    ) -> None:
        """Open fragments until there are as many as the code needs."""
        while len(sources) < self.layout.code.data:
            number, device = next(candidates, (-1, None))
            if device is None:
                raise ConnectionBroken(TOO_FEW) if segment > first else Unavailable(why=TOO_FEW)
            if number not in sources and (source := self._open(number, device, segment, last)) is not None:
                sources[number] = source

    def _candidates(self) -> Iterator[tuple[int, Device]]:
        """(fragment, device on whose host to look for it): first where they belong, then on hosts with handoffs."""
        devices = self._ring.devices(self._placement.partition)
        down = self._cluster.down()
        yield from sorted(enumerate(devices), key=lambda entry: entry[1].host in down)
        hosts = {d.host: d for d in self._ring.handoffs(self._placement.partition)} | {d.host: d for d in devices}
        for number, own in enumerate(devices):
            yield from ((number, device) for host, device in hosts.items() if host != own.host)

    def _open(self, number: int, device: Device, segment: int, last: int) -> Source | None:
        digest = erasure.fragment_digest(self._placement.digest, self._stamp, number)
        host, replicas = erasure.places(self._ring, self._placement.policy, self._placement.partition, digest, device)
        start, end = self.layout.span(segment, last)
        try:
            exchange = self._cluster.pool.open(host, "get_object", GetObject(replicas, start, end)).start()
            reply, body = exchange.reply(ObjectReply)
        except HostDown as e:
            log.warning("%s", e)
            self._cluster.avoid(host)
            return None
        if reply.status < 300 and reply.length == end - start + 1:
            return Source(exchange, body)
        exchange.done(body)
        return None


def whole(content: CodedContent, number: int) -> Iterator[bytes]:
    """A fragment, rebuilt part by part from others. Raises Unavailable, ConnectionBroken or Damaged."""
    for segment, parts in content.parts(0, content.layout.segments - 1):
        rebuilt = content.layout.rebuild(list(parts.values()), [number])
        if len(rebuilt[0]) != content.layout.part_size(segment):
            raise Damaged(path=f"segment {segment}", why="its rebuilt part has another length")
        yield rebuilt[0]
