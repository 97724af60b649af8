"""Takes back a PUT that reached too few hosts: the client hears that it wasn't stored, so nothing of it may stay."""

import logging
from typing import TYPE_CHECKING

import msgspec

from pileus_kit.errors import HostDown, Unavailable
from pileus_objectstore.core.listing_rows import container_of, object_of, row_of
from pileus_objectstore.core.replica_plans import host_replicas
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.wire.contract import (
    ListingRow,
    MergeReply,
    MergeRows,
    ObjectMeta,
    ObjectReply,
    PutObject,
    WithdrawObject,
    timestamp,
)

if TYPE_CHECKING:
    from pileus_objectstore.core.cluster import Cluster

log = logging.getLogger(__name__)
TICK = 0.00001  # the least that one timestamp is later than another


def withdraw(cluster: "Cluster", placement: Placement, listing: Placement, args: PutObject) -> None:
    """Remove the version from the hosts that kept it; then let the listings show what is left.

    A host that doesn't answer keeps its copy until it can be asked: as with a client whose line broke, the object may
    then still appear.
    """
    if args.min_devices:
        return  # its only host has seen to it
    for host, replicas in host_replicas(placement):
        _ask(cluster, host, "withdraw_object", WithdrawObject(replicas, args.name, args.timestamp), ObjectReply)
    try:
        left = cluster.head(placement, newest=True).meta
    except Unavailable as e:
        log.warning("what is left of %s is not known: %s", args.name, e)
        return
    for host, replicas in host_replicas(listing):
        if replicas.devices:
            rows = [row_after(args, left)]
            _ask(
                cluster, host, "merge_rows", MergeRows("container", replicas, container_of(args.name), rows), MergeReply
            )


def row_after(args: PutObject, left: ObjectMeta | None) -> ListingRow:
    """The listing's row once the version is gone: newer than the version's own by the least there is."""
    stamp = timestamp(float(args.timestamp) + TICK)
    if left is None:
        return ListingRow(object_of(args.name), stamp, True)
    return row_of(left, stamp)


def _ask(cluster: "Cluster", host: str, call: str, args: msgspec.Struct, kind: type) -> None:
    try:
        cluster.pool.call(host, call, args, kind)
    except HostDown as e:
        log.warning("%s", e)
