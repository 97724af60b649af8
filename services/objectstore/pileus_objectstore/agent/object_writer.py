"""Writes one body to several devices of this host.

A small body is read into memory, and packed when it is complete. A device may fail at any moment of a larger one:
before it, in the middle of it, at the last fsync. Each time the next handoff replaces it and gets everything that has
arrived, from another device's file or, while the body is short, from memory.
The reply counts only complete copies. If they are fewer than the proxy needs, they are removed and no listing is
updated.
"""

import hashlib
import logging
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from pileus_kit import decoding
from pileus_objectstore.agent.expirer_queue import enqueue
from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.agent.pack_writes import PackWrites
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.block_checksums import BlockChecksums
from pileus_objectstore.storage.device_objects import DeviceObjects
from pileus_objectstore.storage.object_files import Draft
from pileus_objectstore.storage.object_format import blocks, stamp_of, trailer
from pileus_objectstore.storage.pack_log import Change
from pileus_objectstore.wire.contract import Footers, ObjectMeta, ObjectReply, PutObject, with_footers

log = logging.getLogger(__name__)
PIECE_BYTES = 1 << 20


class Source(Protocol):
    """The body of a call."""

    ended: bool
    trailer: bytes

    def read(self, max_bytes: int = PIECE_BYTES) -> bytes:
        """Up to so many bytes, b'' at the end."""
        ...


@dataclass
class UnderWay:
    """A piece of a body that is being hashed, and written to drafts."""

    writes: list[tuple[Draft, "Future[None]"]] = field(default_factory=list)
    hashed: "Future[None] | None" = None


class ObjectWriter:
    """Call `receive` once, then `commit`, and `abandon` in any case."""

    def __init__(self, host: Host, args: PutObject) -> None:
        self._host = host
        self._args = args
        self._stamp = stamp_of(args.timestamp)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sums = BlockChecksums()
        self._size = 0
        self._wanted = len(args.replicas.devices) or 1
        self._needed = max(1, args.min_devices)
        self._left = [*args.replicas.devices, *args.replicas.handoffs]
        self._drafts: list[Draft] = []
        self._committed: list[Device] = []
        self._tried: list[Device] = []  # all that may have the file
        self._whole: bytes | None = b""  # all that has arrived, as long as that is short
        self._failed = "no device of this host could be written"
        self._packed = args.size <= host.pack_bytes and host.pack_bytes >= 0  # as long as the body may be small
        if not self._packed:
            self._fill()

    def receive(self, body: Source) -> None:
        """Read the body while a device takes it and it isn't too long.

        While a piece is hashed and written, the next one is read, and no more than that: a slow disk slows the client.
        """
        under_way = UnderWay()
        while (self._packed or self._drafts) and (piece := _read(body)):
            self._settle(under_way)
            if self._packed and self._size + len(piece) > self._host.pack_bytes:
                self._packed = False
                self._fill()
            self._size += len(piece)
            if 0 <= self._args.max_bytes < self._size:
                return
            self._whole = self._whole + piece if self._whole is not None and self._size <= PIECE_BYTES else None
            under_way = self._begin(piece)
        self._settle(under_way)
        if (self._packed or self._drafts) and self._args.footers:
            self._args = with_footers(self._args, decoding.decode(body.trailer, Footers))

    def _begin(self, piece: bytes) -> UnderWay:
        """Hash a piece and write it to all devices; a short one at once, a long one in parallel."""
        writes = [(draft, partial(draft.write, piece)) for draft in self._drafts]
        if len(piece) < PIECE_BYTES:
            self._hash(piece)
            return UnderWay([(draft, self._host.done(write)) for draft, write in writes])
        hashed = self._host.start(partial(self._hash, piece))
        return UnderWay([(draft, self._host.start(write)) for draft, write in writes], hashed)

    def _hash(self, piece: bytes) -> None:
        self._md5.update(piece)
        self._sums.add(piece)

    def _settle(self, under_way: UnderWay) -> None:
        """Wait until a piece is written; handoffs replace the devices that failed."""
        if under_way.hashed is not None:
            under_way.hashed.result()
        for draft, write in under_way.writes:
            try:
                write.result()
            except DeviceFailed as e:
                self._drop(draft, e)
        if under_way.writes:
            self._fill()

    def commit(self) -> ObjectReply:
        """Check the body's length and MD5, then make it durable on every device that took it."""
        args, etag = self._args, self._md5.hexdigest()
        if 0 <= args.max_bytes < self._size:
            return ObjectReply(413)
        if not self._packed and len(self._drafts) < self._needed:
            return ObjectReply(507, why=self._failed)
        if args.size >= 0 and self._size != args.size:
            return ObjectReply(499, why="the body ended early")
        if args.etag and etag != args.etag:
            return ObjectReply(422)
        meta = ObjectMeta(
            args.name, args.timestamp, self._size, etag, args.headers, delete_at=args.delete_at,
            listed_size=args.listed_size, listed_etag=args.listed_etag,
        )  # fmt: skip
        tail = trailer(meta, self._size, self._sums.packed())
        if self._packed:
            self._commit_packed(tail)
        else:
            self._commit_drafts(tail)
        if len(self._committed) < self._needed:
            self._withdraw()
            return ObjectReply(507, why=self._failed)
        return ObjectReply(201, tuple(device.name for device in self._committed), meta)

    @property
    def is_packed(self) -> bool:
        """Whether the object is a record in packs. Those are found by this host's clock, files by the file system's."""
        return self._packed

    def abandon(self) -> None:
        """Remove what was not made durable."""
        for draft in self._drafts:
            draft.abandon()

    def _fill(self) -> None:
        """Replace missing devices by handoffs, as long as what has arrived can still be copied."""
        while len(self._drafts) + len(self._committed) < self._wanted and self._left:
            if not (self._drafts or self._committed) and self._whole is None:
                return
            for device in self._host.devices([self._left.pop(0)]):
                self._draft(device)

    def _draft(self, device: Device) -> None:
        replicas, draft = self._args.replicas, None
        try:
            draft = device.objects(replicas.policy).draft(replicas.partition, replicas.digest, self._args.size)
            for piece in self._received():
                draft.write(piece)
            self._drafts.append(draft)
        except (DeviceFailed, Damaged, OSError) as e:
            self._failed = str(e)
            log.warning("%s", e)
            if draft:
                draft.abandon()

    def _received(self) -> Iterator[bytes]:
        """The body so far. Raises OSError or Damaged if no copy of it can be read."""
        if self._whole is not None:
            yield from (self._whole,) if self._whole else ()
        elif self._committed:
            with (
                self._committed[0]
                .objects(self._args.replicas.policy)
                .version(self._args.replicas.partition, self._args.replicas.digest, self._stamp) as file
            ):
                yield from blocks(file)
        else:
            yield from self._drafts[0].written()

    def _commit_packed(self, tail: bytes) -> None:
        replicas, payload = self._args.replicas, (self._whole or b"") + tail

        def change(objects: DeviceObjects) -> Change | None:
            objects.disk.room_for(len(payload))
            return objects.change(replicas.partition, replicas.digest, (self._stamp, 0), payload)

        writes = PackWrites(self._host, replicas, change).run()
        self._committed, self._tried, self._failed = writes.done, writes.tried, writes.failed
        if self._args.delete_at:
            self._committed = [device for device, _ in self._host.each(self._committed, self._enqueue)]

    def _enqueue(self, device: Device) -> None:
        args = self._args
        enqueue(device, args.name, args.delete_at, args.timestamp, args.replicas.policy)

    def _commit_drafts(self, tail: bytes) -> None:
        """Make the drafts durable; handoffs replace devices that fail at this point."""

        def commit(draft: Draft) -> Device:
            device = self._host.device(draft.files.disk.name)
            self._tried.append(device)
            draft.write(tail)
            device.objects(self._args.replicas.policy).commit(draft, self._stamp)
            if self._args.delete_at:
                self._enqueue(device)
            return device

        while self._drafts:
            drafts = self._drafts
            self._committed += [device for _, device in self._host.each(drafts, commit)]
            self.abandon()
            self._drafts = []
            self._fill()

    def _withdraw(self) -> None:
        """Remove the copies of a body that too few devices kept, because the client learns that it wasn't stored."""
        replicas = self._args.replicas
        self._host.each(
            self._tried,
            lambda device: device.objects(replicas.policy).withdraw(replicas.partition, replicas.digest, self._stamp),
        )

    def _drop(self, draft: Draft, error: DeviceFailed) -> None:
        log.warning("%s", error)
        self._failed = str(error)
        self._drafts.remove(draft)
        draft.abandon()


def _read(body: Source) -> bytes:
    """The next PIECE_BYTES of the body, fewer at its end."""
    pieces, left = [], PIECE_BYTES
    while left and (piece := body.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
