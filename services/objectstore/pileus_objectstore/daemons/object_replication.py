"""Replicates objects, tombstones and later metadata as the files that they are on disk, or would be if not packed."""

import os
from pathlib import Path

from pileus_kit.errors import HostDown
from pileus_objectstore.daemons.context import DaemonContext, DeviceGone
from pileus_objectstore.daemons.replicas import Replica
from pileus_objectstore.errors import Damaged
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.storage.disks import policy_directory
from pileus_objectstore.storage.object_files import OBJECTS, modified, open_file
from pileus_objectstore.storage.object_format import read_trailer, timestamp_of, trailer
from pileus_objectstore.wire.daemon_calls import DoneReply, GetPacked, HeldReplica, PutReplica

PIECE_BYTES = 1 << 18


def push_object(context: DaemonContext, replica: Replica, to: Device, there: HeldReplica | None) -> bool:
    """Bring an object to a device; True if something had to be sent. Raises HostDown if it did not arrive."""
    sent = False
    path = (
        context.home
        / replica.source.name
        / policy_directory(OBJECTS, replica.policy)
        / str(replica.partition)
        / replica.held.digest
    )
    if modified(str(path)) != replica.held.stamp:
        return _push_packed(context, replica, to, there)
    if there is None and context.forgotten(timestamp_of(replica.held.stamp)) and _is_tombstone(path):
        return False
    if there is None or there.stamp < replica.held.stamp:
        sent = _send(context, path, _request(replica, to, replica.held.stamp), to)
    if replica.held.posted and (there is None or there.posted < replica.held.posted):
        args = _request(replica, to, replica.held.posted, later=True)
        sent = _send(context, path.with_name(path.name + ".meta"), args, to) or sent
    return sent


def _push_packed(context: DaemonContext, replica: Replica, to: Device, there: HeldReplica | None) -> bool:
    """The same for a packed object, which has its later metadata; a host that doesn't pack it gets that as a file."""
    held, source = replica.held, replica.source
    request = GetPacked(source.name, replica.partition, held.digest, held.stamp, replica.policy)
    reply, payload = context.ask(source.host, "get_packed", request, DoneReply)
    if reply.status == 404:
        return False  # it was replaced meanwhile
    meta = read_trailer(held.digest, len(payload), lambda length, offset: payload[offset : offset + length])[0]
    if there is None and meta.deleted and context.forgotten(meta.timestamp):
        return False
    sent = False
    if there is None or there.stamp < held.stamp:
        _send_bytes(context, payload, _request(replica, to, held.stamp), to)
        sent = True
    if held.posted and (there is None or there.posted < held.posted):
        _send_bytes(context, trailer(meta, 0, b""), _request(replica, to, held.posted, later=True), to)
        sent = True
    return sent


def _send_bytes(context: DaemonContext, payload: bytes, args: PutReplica, to: Device) -> None:
    args.size = len(payload)
    context.ask(to.host, "put_replica", args, DoneReply, payload)


def _request(replica: Replica, to: Device, stamp: int, later: bool = False) -> PutReplica:
    return PutReplica(to.name, replica.partition, replica.held.digest, stamp, 0, later, replica.policy)


def _is_tombstone(path: Path) -> bool:
    """Whether a file is a tombstone. A damaged one is not; the auditor deals with it. Raises OSError."""
    try:
        with open_file(path) as file:
            return file.meta.deleted
    except Damaged:
        return False


def _send(context: DaemonContext, path: Path, args: PutReplica, to: Device) -> bool:
    """Send a file. False if it was replaced meanwhile: the new version has been written to all replicas."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return False
    with file:
        about = os.fstat(file.fileno())
        if about.st_mtime_ns != args.stamp:
            return False
        args.size = about.st_size
        exchange = context.pool.open(to.host, "put_replica", args, about.st_size).start()
        while piece := file.read(PIECE_BYTES):
            exchange.send(piece)
        reply, body = exchange.reply(DoneReply)
    exchange.done(body)
    if reply.status == 507:
        raise DeviceGone(host=to.host, why=f"{to.name} does not take {path}: {reply.why}")
    if reply.status >= 400:
        raise HostDown(host=to.host, why=f"{to.name} does not take {path}: {reply.why or reply.status}")
    return True
