"""Objects on this host's devices: one request writes them all, hashes once, and answers what is on disk."""

import hashlib
import logging
from collections.abc import Callable
from typing import Protocol

import msgspec

from pileus_objectstore.agent.expiring import remember
from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.agent.reading import Reading, newest
from pileus_objectstore.agent.updates import Updates
from pileus_objectstore.drivers.object_files import BLOCK, Draft, Sums, stamp_of, timestamp_of, trailer
from pileus_objectstore.errors import DeviceFailed
from pileus_objectstore.rpc.contract import (
    DeleteObject,
    GetObject,
    Meta,
    ObjectReply,
    PostObject,
    PutObject,
    Row,
)
from pileus_objectstore.rpc.server import Answer

log = logging.getLogger(__name__)
PIECE = 1 << 18


class Source(Protocol):
    """A request's body."""

    ended: bool

    def read(self, most: int = PIECE) -> bytes: ...


class Objects:
    """The object calls of the contract."""

    def __init__(self, host: Host, updates: Updates) -> None:
        self._host = host
        self._updates = updates

    def put_object(self, args: PutObject, body: Source) -> Answer:
        refusal = self._refuse(args)
        if refusal:
            return Answer(refusal)
        upload = Upload(self._host, args)
        try:
            upload.receive(body)
            reply = upload.keep()
        finally:
            upload.abandon()
        if reply.status == 201 and reply.meta:
            self._updates.tell(
                "container", _container(args.name), args.upstream, [row_of(reply.meta, args.timestamp)], reply.devices
            )
            reply.meta = Meta(args.name, args.timestamp, reply.meta.size, reply.meta.etag)
        return Answer(reply)

    def get_object(self, args: GetObject, body: Source) -> Answer:
        reading = Reading(self._host.holders(args.spot), args.spot)
        file = reading.file
        if file is None:
            return Answer(ObjectReply(404, timestamp=reading.tombstone))
        reply, block = ObjectReply(200, (file.disk.name,), file.meta, file.meta.timestamp), None
        if args.pinned and file.meta.timestamp != args.pinned:
            reply.status = 409
        elif not args.head:
            block = reading.span(args.first, args.last)
            if block is None:
                reply.status = 416
        if reply.status >= 400 or args.head:
            reading.close()
            return Answer(reply)
        assert block is not None
        reply.start, reply.length = block
        reply.status = 200 if reply.length == file.size else 206
        if reply.length <= BLOCK:
            return Answer(reply, reading.short(*block))
        return Answer(reply, length=reply.length, send=reading.sender(*block))

    def delete_object(self, args: DeleteObject, body: Source) -> Answer:
        """A tombstone wherever there is, or may be, something to bury."""
        spot, stamp = args.spot, stamp_of(args.timestamp)
        reading = Reading(self._host.holders(spot), spot)
        meta = reading.file.meta if reading.file else None
        reading.close()
        if args.due and (meta is None or meta.delete_at != args.due):
            return Answer(ObjectReply(412))
        if reading.newest >= stamp:
            return Answer(ObjectReply(409, timestamp=timestamp_of(reading.newest)))
        tomb = Meta(args.name, args.timestamp, deleted=True)
        targets = self._host.targets(spot)
        if not reading.newest and len(self._host.devices(spot.devices)) == len(spot.devices):
            return Answer(ObjectReply(404, tuple(device.name for device in targets)))
        written = self._write(targets, lambda device: device.files.bury(spot.partition, spot.digest, tomb))
        if not written:
            return Answer(ObjectReply(507, why="no device of this host could be written"))
        self._updates.tell(
            "container", _container(args.name), args.upstream, [Row(_object(args.name), args.timestamp, True)], written
        )
        return Answer(ObjectReply(204 if meta else 404, written, meta))

    def post_object(self, args: PostObject, body: Source) -> Answer:
        spot = args.spot
        holders = self._host.holders(spot)
        reading = Reading(holders, spot)
        if reading.file is None:
            return Answer(ObjectReply(404, timestamp=reading.tombstone))
        old = reading.file.meta
        reading.close()
        if max(old.posted, old.timestamp) >= args.timestamp:
            return Answer(ObjectReply(409, timestamp=max(old.posted, old.timestamp)))
        meta = posted(old, args)
        stamp = stamp_of(old.timestamp)
        same = [device for device in holders if device.files.stamps(spot.partition, spot.digest)[0] == stamp]

        def post(device: Device) -> None:
            device.files.post(spot.partition, spot.digest, meta)
            if meta.delete_at:
                remember(device, meta.name, meta.delete_at, meta.posted)

        written = self._write(same, post)
        if not written:
            return Answer(ObjectReply(507, why="no device of this host could be written"))
        kind = meta.headers.get("Content-Type", "")
        if kind != old.headers.get("Content-Type", ""):
            row = row_of(meta, args.timestamp)
            self._updates.tell("container", _container(args.name), args.upstream, [row], written)
        return Answer(ObjectReply(202, written, meta))

    def _refuse(self, args: PutObject) -> ObjectReply | None:
        """Reasons that are known before a byte of the body was read."""
        spot = args.spot
        present = newest(self._host.holders(spot), spot)
        if present[0] >= stamp_of(args.timestamp):
            return ObjectReply(409, timestamp=timestamp_of(present[0]))
        if 0 <= args.most < args.size:
            return ObjectReply(413)
        if args.fresh and present[0]:
            reading = Reading(self._host.holders(spot), spot)
            reading.close()
            if reading.file is not None:
                return ObjectReply(412)
        return None

    def _write(self, devices: list[Device], act: Callable[[Device], object]) -> tuple[str, ...]:
        """Names of the devices on which it worked (or where something newer stands already)."""
        return tuple(device.name for device, _ in self._host.each(devices, act))


class Upload:
    """One body on its way to several devices of this host."""

    def __init__(self, host: Host, args: PutObject) -> None:
        self._args = args
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sums = Sums()
        self._size = 0
        self._wanted = len(args.spot.devices) or 1
        self._spare = list(args.spot.handoffs)
        self._host = host
        self._drafts: list[Draft] = []
        self._whole: bytes | None = b""  # kept while short, so that a handoff can still be filled
        self._failed = ""
        for device in host.targets(args.spot)[: self._wanted]:
            self._draft(device)

    def receive(self, body: Source) -> None:
        while piece := body.read(PIECE):
            self._size += len(piece)
            if 0 <= self._args.most < self._size:
                return
            self._md5.update(piece)
            self._sums.add(piece)
            self._whole = self._whole + piece if self._whole is not None and self._size <= BLOCK else None
            for draft in list(self._drafts):
                try:
                    draft.write(piece)
                except DeviceFailed as e:
                    self._lose(draft, e)
            if not self._drafts:
                return

    def keep(self) -> ObjectReply:
        """Judge the body, then make it durable on every device that took it."""
        args, etag = self._args, self._md5.hexdigest()
        if 0 <= args.most < self._size:
            return ObjectReply(413)
        if args.size >= 0 and self._size != args.size and self._drafts:
            return ObjectReply(499, why="the body ended early")
        if args.etag and etag != args.etag:
            return ObjectReply(422)
        meta = Meta(
            args.name, args.timestamp, self._size, etag, args.headers, delete_at=args.delete_at,
            listed_size=args.listed_size, listed_etag=args.listed_etag,
        )  # fmt: skip
        tail = trailer(meta, self._size, self._sums.packed())
        self._replace_lost()
        stamp = stamp_of(args.timestamp)

        def keep(draft: Draft) -> None:
            draft.write(tail)
            draft.keep(stamp)
            if args.delete_at:
                remember(self._host.device(draft.files.disk.name), args.name, args.delete_at, args.timestamp)

        kept = [draft.files.disk.name for draft, _ in self._host.each(self._drafts, keep)]
        if not kept:
            return ObjectReply(507, why=self._failed or "no device of this host could be written")
        return ObjectReply(201, tuple(kept), meta)

    def abandon(self) -> None:
        for draft in self._drafts:
            draft.abandon()

    def _draft(self, device: Device) -> None:
        try:
            spot = self._args.spot
            self._drafts.append(device.files.draft(spot.partition, spot.digest, self._args.size))
        except DeviceFailed as e:
            self._failed = str(e)
            log.warning("%s", e)

    def _lose(self, draft: Draft, error: DeviceFailed) -> None:
        log.warning("%s", error)
        self._failed = str(error)
        self._drafts.remove(draft)
        draft.abandon()

    def _replace_lost(self) -> None:
        """Fill handoffs in the places of devices that failed on the way, from what arrived on the others."""
        used = {draft.files.disk.name for draft in self._drafts}
        for device in self._host.devices(name for name in self._spare if name not in used):
            if len(self._drafts) >= self._wanted or (self._whole is None and not self._drafts):
                return
            before = len(self._drafts)
            self._draft(device)
            if len(self._drafts) > before:
                self._fill(self._drafts[-1])

    def _fill(self, draft: Draft) -> None:
        try:
            if self._whole is not None:
                draft.write(self._whole)
                return
            with open(self._drafts[0].path, "rb") as source:
                while piece := source.read(PIECE):
                    draft.write(piece)
        except DeviceFailed as e:
            self._lose(draft, e)


def posted(old: Meta, args: PostObject) -> Meta:
    """What a POST leaves: its own headers over those that only a PUT can change."""
    kept = {name: value for name, value in old.headers.items() if name in KEPT or name.startswith("X-Object-Sysmeta-")}
    return msgspec.structs.replace(old, headers=kept | args.headers, posted=args.timestamp, delete_at=args.delete_at)


KEPT = frozenset(
    {"Content-Type", "X-Static-Large-Object", "X-Symlink-Target", "X-Symlink-Target-Account", "X-Symlink-Target-Etag"}
)


def row_of(meta: Meta, stamp: str) -> Row:
    """What the container's listing shows of an object."""
    size = meta.listed_size if meta.listed_size >= 0 else meta.size
    etag = f"{meta.etag}; {meta.listed_etag}" if meta.listed_etag else meta.etag
    return Row(_object(meta.name), stamp, False, size, etag, meta.headers.get("Content-Type", ""))


def _container(name: str) -> str:
    return "/".join(name.split("/", 3)[:3])


def _object(name: str) -> str:
    return name.split("/", 3)[3]
