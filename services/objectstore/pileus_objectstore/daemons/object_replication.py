"""Replicates objects, tombstones and later metadata as the files that they are on disk."""

import os
from pathlib import Path

from pileus_kit.errors import HostDown
from pileus_objectstore.daemons.context import DaemonContext, DeviceGone
from pileus_objectstore.daemons.replicas import Replica
from pileus_objectstore.errors import Damaged
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.storage.disks import policy_directory
from pileus_objectstore.storage.object_files import OBJECTS, open_file, timestamp_of
from pileus_objectstore.wire.daemon_calls import DoneReply, HeldReplica, PutReplica

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
    if there is None and context.forgotten(timestamp_of(replica.held.stamp)) and _is_tombstone(path):
        return False
    if there is None or there.stamp < replica.held.stamp:
        sent = _send(context, path, _request(replica, to, replica.held.stamp), to)
    if replica.held.posted and (there is None or there.posted < replica.held.posted):
        args = _request(replica, to, replica.held.posted, later=True)
        sent = _send(context, path.with_name(path.name + ".meta"), args, to) or sent
    return sent


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
