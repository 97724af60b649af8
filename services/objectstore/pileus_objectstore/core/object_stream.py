"""An object's bytes on their way out, going on from another replica if one breaks off."""

import logging
from collections.abc import Iterator

from pileus_kit.errors import HostDown
from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.wire.client import Exchange
from pileus_objectstore.wire.contract import ObjectReply
from pileus_objectstore.wire.framing import Body, ConnectionBroken

log = logging.getLogger(__name__)
PIECE = 1 << 18
TRIES = 3  # without a byte of progress


class ObjectStream:
    """Iterate once. Raises Broken when no replica can go on: the client then sees a short body, never a wrong one."""

    def __init__(
        self, cluster: Cluster, placement: Placement, reply: ObjectReply, exchange: Exchange, body: Body
    ) -> None:
        self._cluster = cluster
        self._place = placement
        self._reply = reply
        self._exchange: Exchange | None = exchange
        self._body = body
        self._at = reply.start
        self._end = reply.start + reply.length
        self._tries = 0

    def __iter__(self) -> Iterator[bytes]:
        while self._at < self._end:
            try:
                piece = self._body.read(PIECE)
            except OSError as e:
                self._resume(e)
                continue
            self._at += len(piece)
            self._tries = 0
            yield piece
        self._finish()

    def whole(self) -> bytes:
        return b"".join(self)

    def close(self) -> None:
        """The client went away, or has all: never leave a half-read connection behind."""
        if self._exchange is not None:
            self._exchange.drop()
            self._exchange = None

    def _finish(self) -> None:
        if self._exchange is not None:
            self._exchange.done(self._body)
            self._exchange = None

    def _resume(self, why: Exception) -> None:
        assert self._reply.meta is not None
        self.close()
        if self._tries >= TRIES:
            raise ConnectionBroken(f"no replica of {self._reply.meta.name} could go on: {why}")
        self._tries += 1
        log.warning("reading %s broke off at byte %d (%s), going on elsewhere", self._reply.meta.name, self._at, why)
        try:
            reply, exchange, body = self._cluster.open(
                self._place, first=self._at, last=self._end - 1, if_timestamp=self._reply.meta.timestamp
            )
        except HostDown as e:
            raise ConnectionBroken(str(e)) from e
        if reply.status >= 300 or reply.meta is None or reply.meta.etag != self._reply.meta.etag:
            raise ConnectionBroken(f"{self._reply.meta.name} is gone")
        self._exchange, self._body = exchange, body
