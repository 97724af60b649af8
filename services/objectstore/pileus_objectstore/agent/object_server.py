"""The calls that concern objects. One request writes all replicas of this host and computes their MD5 once."""

import logging
import time
from collections.abc import Callable

import msgspec

from pileus_objectstore.agent.expirer_queue import enqueue
from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.agent.object_reader import ObjectReader, newest
from pileus_objectstore.agent.object_writer import ObjectWriter, Source
from pileus_objectstore.agent.pack_writes import PackWrites
from pileus_objectstore.agent.updater import Updater
from pileus_objectstore.core import object_locks
from pileus_objectstore.core.listing_rows import container_of, object_of, row_of
from pileus_objectstore.storage.block_checksums import BLOCK_BYTES
from pileus_objectstore.storage.object_format import stamp_of, timestamp_of
from pileus_objectstore.wire.contract import (
    DeleteObject,
    GetObject,
    ListingRow,
    ObjectMeta,
    ObjectReply,
    PostObject,
    PutObject,
    WithdrawObject,
)
from pileus_objectstore.wire.server import CallResult

log = logging.getLogger(__name__)
DEVICES_UNREADABLE = "the devices that should have it can't be read"
NO_DEVICE = "no device of this host could be written"
PUT_ONLY_HEADERS = frozenset(
    {
        "Content-Type",
        "X-Static-Large-Object",
        "X-Symlink-Target",
        "X-Symlink-Target-Account",
        "X-Symlink-Target-Etag",
        "X-Symlink-Target-Bytes",
    }
)


class ObjectServer:
    """The object calls of the contract."""

    def __init__(self, host: Host, updater: Updater) -> None:
        self._host = host
        self._updater = updater

    def put_object(self, args: PutObject, body: Source) -> CallResult:
        """Store the body as a new version of an object."""
        refusal = self._refuse(args)
        if refusal:
            return CallResult(refusal)
        writer = ObjectWriter(self._host, args)
        try:
            writer.receive(body)
            with self._updater.changes.track() as began:
                reply = writer.commit()
                return CallResult(self._stored(args, reply, began if writer.is_packed else None))
        finally:
            writer.abandon()

    def _stored(self, args: PutObject, reply: ObjectReply, began: float | None) -> ObjectReply:
        """Update the listings after a new version was stored, late if a recovery finds it by when it `began`."""
        if reply.status == 201 and reply.meta:
            if args.listing_hosts:  # a fragment has none
                rows = [row_of(reply.meta, args.timestamp)]
                container = container_of(args.name)
                self._updater.update_listings("container", container, args.listing_hosts, rows, reply.devices, began)
            reply.meta = ObjectMeta(args.name, args.timestamp, reply.meta.size, reply.meta.etag)
        return reply

    def get_object(self, args: GetObject, body: Source) -> CallResult:
        """Read an object's newest version, or only its metadata."""
        reader = ObjectReader(self._host, args.replicas)
        file = reader.file
        if reader.unknown:
            return CallResult(ObjectReply(507, why=DEVICES_UNREADABLE))
        if file is None:
            return CallResult(ObjectReply(404, timestamp=reader.tombstone))
        reply, block = ObjectReply(200, (file.disk.name,), file.meta, file.meta.timestamp), None
        if args.if_timestamp and file.meta.timestamp != args.if_timestamp:
            reply.status = 409
        elif not args.head:
            block = reader.span(args.first, args.last)
            if block is None:
                reply.status = 416
        if reply.status >= 400 or args.head:
            reader.close()
            return CallResult(reply)
        assert block is not None
        reply.start, reply.length = block
        reply.status = 200 if reply.length == file.size else 206
        if reply.length <= BLOCK_BYTES:
            return CallResult(reply, reader.short(*block))
        if args.local and (inode := reader.verified_inode()):
            reply.file, reply.inode = file.path, inode
            reader.close()
            return CallResult(reply)
        return CallResult(reply, length=reply.length, send=reader.sender(*block))

    def delete_object(self, args: DeleteObject, body: Source) -> CallResult:
        """Write tombstones."""
        with self._updater.changes.track() as began:
            return self._delete(args, began if self._host.pack_bytes >= 0 else None)

    def _delete(self, args: DeleteObject, began: float | None) -> CallResult:
        """Tombstones go wherever the object is, or may be on a device that can't be read."""
        replicas, stamp = args.replicas, stamp_of(args.timestamp)
        reader = ObjectReader(self._host, replicas)
        meta = reader.file.meta if reader.file else None
        reader.close()
        if args.if_delete_at and meta is None:
            return CallResult(ObjectReply(404, timestamp=reader.tombstone))
        if args.if_delete_at and meta and meta.delete_at != args.if_delete_at:
            return CallResult(ObjectReply(412))
        if object_locks.protects(meta, time.time(), args.ignored_lock):
            return CallResult(ObjectReply(403, meta=meta))
        if reader.newest >= stamp:
            return CallResult(ObjectReply(409, timestamp=timestamp_of(reader.newest)))
        tombstone = ObjectMeta(args.name, args.timestamp, deleted=True)
        own = self._host.devices(replicas.devices)
        if not reader.newest and len(own) == len(replicas.devices):
            return CallResult(ObjectReply(404, tuple(device.name for device in own)))
        writes = PackWrites(
            self._host, replicas, lambda objects: objects.delete(replicas.partition, replicas.digest, tombstone)
        )
        written = tuple(device.name for device in writes.run().done)
        if not written:
            return CallResult(ObjectReply(507, why=NO_DEVICE))
        gone = [ListingRow(object_of(args.name), args.timestamp, True)]
        self._updater.update_listings("container", container_of(args.name), args.listing_hosts, gone, written, began)
        there = meta is not None and (bool(args.if_delete_at) or not expired(meta, args.timestamp))
        return CallResult(ObjectReply(204 if there else 404, written, meta))

    def withdraw_object(self, args: WithdrawObject, body: Source) -> CallResult:
        """Remove exactly this version: the proxy could store it on too few hosts and has refused the PUT."""
        replicas, stamp = args.replicas, stamp_of(args.timestamp)
        holders = self._host.holders(replicas)
        outcomes = self._host.each(
            holders, lambda device: device.objects(replicas.policy).withdraw(replicas.partition, replicas.digest, stamp)
        )
        gone = tuple(device.name for device, removed in outcomes if removed)
        return CallResult(ObjectReply(204 if gone else 404, gone))

    def post_object(self, args: PostObject, body: Source) -> CallResult:
        """Replace an object's metadata."""
        with self._updater.changes.track():
            return self._post(args)

    def _post(self, args: PostObject) -> CallResult:
        replicas = args.replicas
        holders = self._host.holders(replicas)
        reader = ObjectReader(self._host, replicas)
        if reader.unknown:
            return CallResult(ObjectReply(507, why=DEVICES_UNREADABLE))
        if reader.file is None:
            return CallResult(ObjectReply(404, timestamp=reader.tombstone))
        old = reader.file.meta
        reader.close()
        if expired(old, args.timestamp) and not args.opens_expired:
            return CallResult(ObjectReply(404, timestamp=old.timestamp))
        if max(old.posted, old.timestamp) >= args.timestamp:
            return CallResult(ObjectReply(409, timestamp=max(old.posted, old.timestamp)))
        meta = posted(old, args)
        if object_locks.weakens(old.headers, meta.headers, time.time(), args.ignored_lock):
            return CallResult(ObjectReply(403, meta=old))
        stamp = stamp_of(old.timestamp)
        same = [
            device
            for device in holders
            if device.objects(replicas.policy).stamps(replicas.partition, replicas.digest)[0] == stamp
        ]

        def post(device: Device) -> None:
            device.objects(replicas.policy).post(replicas.partition, replicas.digest, meta)
            if meta.delete_at:
                enqueue(device, meta.name, meta.delete_at, meta.posted, replicas.policy)

        written = self._write(same, post)
        if not written:
            return CallResult(ObjectReply(507, why=NO_DEVICE))
        kind = meta.headers.get("Content-Type", "")
        if args.listed or kind != old.headers.get("Content-Type", ""):
            row = row_of(meta, args.timestamp)
            self._updater.update_listings("container", container_of(args.name), args.listing_hosts, [row], written)
        return CallResult(ObjectReply(202, written, meta))

    def _refuse(self, args: PutObject) -> ObjectReply | None:
        """The refusal, if there is a reason that is known before the body is read."""
        replicas = args.replicas
        present = newest(self._host, replicas)
        if present[0] >= stamp_of(args.timestamp):
            return ObjectReply(409, timestamp=timestamp_of(present[0]))
        if 0 <= args.max_bytes < args.size:
            return ObjectReply(413)
        if args.only_if_new and present[0]:
            reader = ObjectReader(self._host, replicas)
            reader.close()
            if reader.file is not None and not expired(reader.file.meta, args.timestamp):
                return ObjectReply(412)
        return None

    def _write(self, devices: list[Device], act: Callable[[Device], object]) -> tuple[str, ...]:
        """Names of the devices on which `act` worked, or which have something newer already."""
        return tuple(device.name for device, _ in self._host.each(devices, act))


def expired(meta: ObjectMeta, now: str) -> bool:
    """Whether the object had expired at that timestamp; then it counts as deleted."""
    return 0 < meta.delete_at <= float(now) and not object_locks.protects(meta, float(now))


def posted(old: ObjectMeta, args: PostObject) -> ObjectMeta:
    """The metadata after a POST: its headers, and those of the old ones that only a PUT can change."""
    kept = {
        name: value
        for name, value in old.headers.items()
        if name in PUT_ONLY_HEADERS or name.startswith("X-Object-Sysmeta-")
    }
    return msgspec.structs.replace(old, headers=kept | args.headers, posted=args.timestamp, delete_at=args.delete_at)
