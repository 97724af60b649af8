"""An object's bytes on their way to a reader. If one replica fails, reading continues at the same byte of another."""

import logging
from collections.abc import Iterator

from pileus_kit.errors import HostDown, Unavailable
from pileus_objectstore.core.cluster import Cluster, as_stored
from pileus_objectstore.core.local_files import LocalFile
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.wire.client import Exchange
from pileus_objectstore.wire.contract import ObjectReply
from pileus_objectstore.wire.framing import Body, ConnectionBroken

log = logging.getLogger(__name__)
PIECE_BYTES = 1 << 18
MAX_TRIES = 3  # in a row that yield no byte


class ObjectStream:
    """Iterate once. Raises ConnectionBroken if no replica can go on: a body may be short, but never wrong."""

    def __init__(
        self, cluster: Cluster, placement: Placement, reply: ObjectReply, exchange: Exchange, body: Body
    ) -> None:
        self._cluster = cluster
        self._placement = placement
        self._reply = reply
        self._exchange: Exchange | None = exchange
        self._body = body
        self._at = reply.start
        self._end = reply.start + reply.length
        self._tries = 0
        self._decipher = cluster.decipher(reply.meta, reply.start) if reply.meta is not None else bytes
        self._file: LocalFile | None = None
        if reply.file:
            self._finish()
            self._file = self._opened(reply)

    def __iter__(self) -> Iterator[bytes]:
        while self._at < self._end:
            try:
                piece = self._file.read(PIECE_BYTES) if self._file is not None else self._body.read(PIECE_BYTES)
            except OSError as e:
                self._resume(e)
                continue
            self._at += len(piece)
            self._tries = 0
            yield self._decipher(piece)
        self._finish()

    @property
    def file(self) -> LocalFile | None:
        """The file on this host that has exactly the bytes of this stream, if that is so."""
        return self._file if self._decipher is as_stored and self._at == self._reply.start else None

    def whole(self) -> bytes:
        """All that is left, in memory."""
        return b"".join(self)

    def close(self) -> None:
        """Close the connection if bytes are left on it. Called when the client is gone or has everything."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._exchange is not None:
            self._exchange.drop()
            self._exchange = None

    def _opened(self, reply: ObjectReply) -> LocalFile | None:
        """The file that the storage server names. If it can't be opened, reading resumes elsewhere."""
        try:
            return LocalFile(reply.file, reply.inode, reply.start, reply.length)
        except PermissionError as e:
            log.warning("objects of this host are read through its storage server: %s", e)
            self._cluster.local_host = ""
            self._resume(e)
        except OSError as e:
            self._resume(e)
        return None

    def _finish(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._exchange is not None:
            self._exchange.done(self._body)
            self._exchange = None

    def _resume(self, why: Exception) -> None:
        """Go on with another replica of the same version. Raises ConnectionBroken."""
        assert self._reply.meta is not None
        self.close()
        name = self._reply.meta.name
        if self._tries >= MAX_TRIES:
            raise ConnectionBroken(f"no replica of {name} could go on: {why}")
        self._tries += 1
        log.warning("reading %s broke off at byte %d (%s), going on with another replica", name, self._at, why)
        try:
            reply, exchange, body = self._cluster.open(
                self._placement, first=self._at, last=self._end - 1, if_timestamp=self._reply.meta.timestamp
            )
        except (HostDown, Unavailable) as e:  # no host answers, or none has this version any more
            raise ConnectionBroken(str(e)) from e
        if reply.status >= 300 or reply.meta is None or reply.meta.etag != self._reply.meta.etag:
            raise ConnectionBroken(f"{name} is gone")
        self._exchange, self._body = exchange, body
