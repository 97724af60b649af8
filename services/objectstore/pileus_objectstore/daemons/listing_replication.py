"""Replicates listings: the rows that have changed, and the heads."""

from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.daemons.replicas import Replica
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.wire.daemon_calls import (
    ChangesReply,
    DoneReply,
    GetChanges,
    HeldReplica,
    MergeListing,
)

PAGE_ROWS = 1000


def push_listing(context: DaemonContext, replica: Replica, to: Device, there: HeldReplica | None) -> bool:
    """Bring a listing to a device; True if something had to be sent. Raises HostDown if it did not arrive."""
    held, since, sent = replica.held, 0, False
    if there is not None and (there.stamp, there.posted) == (held.stamp, held.posted):
        return False
    while True:
        args = GetChanges(replica.kind, replica.source.name, replica.partition, held.digest, since, PAGE_ROWS)
        reply, rows = context.ask(replica.source.host, "get_changes", args, ChangesReply)
        if reply.status == 404 or reply.info is None:
            return sent
        if there is None and not reply.info.live and context.forgotten(reply.info.deleted):
            return False
        merge = MergeListing(replica.kind, to.name, replica.partition, held.digest, reply.info)
        context.ask(to.host, "merge_listing", merge, DoneReply, rows)
        sent = True
        if reply.upto <= since or rows == b"[]":
            return sent
        since = reply.upto
