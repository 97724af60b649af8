"""The daemons' calls about objects: replicas that arrive and leave, and the audit of those that are packed."""

from pileus_objectstore.agent.expirer_queue import enqueue
from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.agent.object_server import Source
from pileus_objectstore.storage.object_format import check, stamp_of
from pileus_objectstore.storage.pack_audit import audit_hints, audit_partition
from pileus_objectstore.storage.packed_version import PackedVersion
from pileus_objectstore.wire.contract import ObjectMeta
from pileus_objectstore.wire.daemon_calls import AuditPacked, AuditReply, DoneReply, GetPacked, PutReplica
from pileus_objectstore.wire.server import CallResult

MAX_TRAILER_BYTES = 64 << 10  # of a small object


class ObjectReplicas:
    """The calls of replicator and auditor about objects."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def put_replica(self, args: PutReplica, body: Source) -> CallResult:
        """Store the object in the body as it is, after its checksums were verified."""
        device = self._host.device(args.device)
        if args.later or args.size <= self._host.pack_bytes + MAX_TRAILER_BYTES:
            meta = self._put_small(device, args, b"".join(iter(body.read, b"")))
        else:
            meta = self._put_file(device, args, body)
        if meta.delete_at:
            enqueue(device, meta.name, meta.delete_at, meta.timestamp, args.policy)
        return CallResult(DoneReply())

    def get_packed(self, args: GetPacked, body: Source) -> CallResult:
        """A packed object as its file would be."""
        objects = self._host.device(args.device).objects(args.policy)
        payload = objects.packed(args.partition, args.digest, args.stamp)
        return CallResult(DoneReply(404)) if payload is None else CallResult(DoneReply(), payload)

    def audit_packed(self, args: AuditPacked, body: Source) -> CallResult:
        """Verify the packed objects of a partition, or without one the hints of all packs."""
        objects = self._host.device(args.device).objects(args.policy)
        found = audit_hints(objects) if args.partition < 0 else audit_partition(objects, args.partition, args.before)
        return CallResult(AuditReply(200, found.good, found.damaged, found.old, found.size))

    def _put_small(self, device: Device, args: PutReplica, payload: bytes) -> ObjectMeta:
        objects = device.objects(args.policy)
        version = PackedVersion(device.disk, f"a replica of {args.digest}", payload)
        check(version)
        if args.later:
            objects.post(args.partition, args.digest, version.meta)
        elif version.size <= objects.pack_bytes:
            device.disk.room_for(len(payload))
            posted = stamp_of(version.meta.posted) if version.meta.posted else 0
            objects.put(args.partition, args.digest, (args.stamp, posted), payload)
        else:
            draft = objects.draft(args.partition, args.digest, args.size)
            try:
                draft.write(payload)
                objects.commit(draft, args.stamp)
            finally:
                draft.abandon()
        return version.meta

    def _put_file(self, device: Device, args: PutReplica, body: Source) -> ObjectMeta:
        objects = device.objects(args.policy)
        draft = objects.draft(args.partition, args.digest, args.size)
        try:
            while piece := body.read():
                draft.write(piece)
            with objects.files.open_path(draft.path) as file:
                check(file)
                meta = file.meta
            objects.commit(draft, args.stamp)
        finally:
            draft.abandon()
        return meta
