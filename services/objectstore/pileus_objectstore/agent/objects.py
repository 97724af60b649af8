"""Objects on this host's devices: one request writes them all, hashes once, and answers what is on disk."""

import logging
from collections.abc import Callable

import msgspec

from pileus_objectstore.agent.expiring import remember
from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.agent.reading import Reading, newest
from pileus_objectstore.agent.updates import Updates
from pileus_objectstore.agent.uploads import Source, Upload
from pileus_objectstore.core.rows import container_of, object_of, row_of
from pileus_objectstore.drivers.object_files import BLOCK, stamp_of, timestamp_of
from pileus_objectstore.rpc.contract import (
    DeleteObject,
    GetObject,
    Meta,
    ObjectReply,
    PostObject,
    PutObject,
    Row,
    WithdrawObject,
)
from pileus_objectstore.rpc.server import Answer

log = logging.getLogger(__name__)
SILENT = "the devices that should have it can't be read"


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
            with self._updates.changes.one():
                return Answer(self._kept(args, upload.keep()))
        finally:
            upload.abandon()

    def _kept(self, args: PutObject, reply: ObjectReply) -> ObjectReply:
        """Let the listings know of a new version."""
        if reply.status == 201 and reply.meta:
            self._updates.tell(
                "container", container_of(args.name), args.upstream, [row_of(reply.meta, args.timestamp)], reply.devices
            )
            reply.meta = Meta(args.name, args.timestamp, reply.meta.size, reply.meta.etag)
        return reply

    def get_object(self, args: GetObject, body: Source) -> Answer:
        reading = Reading(self._host, args.spot)
        file = reading.file
        if reading.unknown:
            return Answer(ObjectReply(507, why=SILENT))
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
        with self._updates.changes.one():
            return self._delete(args)

    def _delete(self, args: DeleteObject) -> Answer:
        """A tombstone wherever there is, or may be, something to bury."""
        spot, stamp = args.spot, stamp_of(args.timestamp)
        reading = Reading(self._host, spot)
        meta = reading.file.meta if reading.file else None
        reading.close()
        if args.due and meta is None:
            return Answer(ObjectReply(404, timestamp=reading.tombstone))
        if args.due and meta and meta.delete_at != args.due:
            return Answer(ObjectReply(412))
        if reading.newest >= stamp:
            return Answer(ObjectReply(409, timestamp=timestamp_of(reading.newest)))
        tomb = Meta(args.name, args.timestamp, deleted=True)
        own = self._host.devices(spot.devices)
        if not reading.newest and len(own) == len(spot.devices):
            return Answer(ObjectReply(404, tuple(device.name for device in own)))
        outcomes = self._host.write(spot, lambda device: device.files.bury(spot.partition, spot.digest, tomb))
        written = tuple(device.name for device, _ in outcomes)
        if not written:
            return Answer(ObjectReply(507, why="no device of this host could be written"))
        gone = [Row(object_of(args.name), args.timestamp, True)]
        self._updates.tell("container", container_of(args.name), args.upstream, gone, written)
        there = meta is not None and (bool(args.due) or not over(meta, args.timestamp))
        return Answer(ObjectReply(204 if there else 404, written, meta))

    def withdraw_object(self, args: WithdrawObject, body: Source) -> Answer:
        """Remove exactly this version: the proxy got it onto too few hosts and has refused it."""
        spot, stamp = args.spot, stamp_of(args.timestamp)
        holders = self._host.holders(spot)
        outcomes = self._host.each(holders, lambda device: device.files.withdraw(spot.partition, spot.digest, stamp))
        gone = tuple(device.name for device, dropped in outcomes if dropped)
        return Answer(ObjectReply(204 if gone else 404, gone))

    def post_object(self, args: PostObject, body: Source) -> Answer:
        with self._updates.changes.one():
            return self._post(args)

    def _post(self, args: PostObject) -> Answer:
        spot = args.spot
        holders = self._host.holders(spot)
        reading = Reading(self._host, spot)
        if reading.unknown:
            return Answer(ObjectReply(507, why=SILENT))
        if reading.file is None:
            return Answer(ObjectReply(404, timestamp=reading.tombstone))
        old = reading.file.meta
        reading.close()
        if over(old, args.timestamp):
            return Answer(ObjectReply(404, timestamp=old.timestamp))
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
            self._updates.tell("container", container_of(args.name), args.upstream, [row], written)
        return Answer(ObjectReply(202, written, meta))

    def _refuse(self, args: PutObject) -> ObjectReply | None:
        """Reasons that are known before a byte of the body was read."""
        spot = args.spot
        present = newest(self._host, spot)
        if present[0] >= stamp_of(args.timestamp):
            return ObjectReply(409, timestamp=timestamp_of(present[0]))
        if 0 <= args.most < args.size:
            return ObjectReply(413)
        if args.fresh and present[0]:
            reading = Reading(self._host, spot)
            reading.close()
            if reading.file is not None and not over(reading.file.meta, args.timestamp):
                return ObjectReply(412)
        return None

    def _write(self, devices: list[Device], act: Callable[[Device], object]) -> tuple[str, ...]:
        """Names of the devices on which it worked (or where something newer stands already)."""
        return tuple(device.name for device, _ in self._host.each(devices, act))


def over(meta: Meta, now: str) -> bool:
    """Whether the object's time had passed at that timestamp: then it is as good as deleted."""
    return 0 < meta.delete_at <= float(now)


def posted(old: Meta, args: PostObject) -> Meta:
    """What a POST leaves: its own headers over those that only a PUT can change."""
    kept = {name: value for name, value in old.headers.items() if name in KEPT or name.startswith("X-Object-Sysmeta-")}
    return msgspec.structs.replace(old, headers=kept | args.headers, posted=args.timestamp, delete_at=args.delete_at)


KEPT = frozenset(
    {
        "Content-Type",
        "X-Static-Large-Object",
        "X-Symlink-Target",
        "X-Symlink-Target-Account",
        "X-Symlink-Target-Etag",
        "X-Symlink-Target-Bytes",
    }
)
