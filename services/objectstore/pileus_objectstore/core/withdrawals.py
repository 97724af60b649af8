"""Takes back a PUT that reached too few hosts: the client learns that it was not stored, so no trace may stay."""

import logging
from typing import TYPE_CHECKING

import msgspec

from pileus_kit.errors import HostDown, Unavailable
from pileus_objectstore.core.clock import STEP_S
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


def withdraw(cluster: "Cluster", placement: Placement, listing: Placement, request: PutObject) -> None:
    """Remove the version from the hosts that kept it, then let the listing show what is left.

    A host that doesn't answer keeps its copy: as with a client whose connection broke, the object may still appear.
    """
    if request.min_devices:
        return  # the only host has removed it already
    for host, replicas in host_replicas(placement):
        withdrawal = WithdrawObject(replicas, request.name, request.timestamp)
        _ask(cluster, host, "withdraw_object", withdrawal, ObjectReply)
    try:
        left = cluster.head(placement, newest=True).meta
    except Unavailable as e:
        log.warning("what is left of %s is not known: %s", request.name, e)
        return
    for host, replicas in host_replicas(listing):
        if replicas.devices:
            rows = [_row_after(request, left)]
            merge = MergeRows("container", replicas, container_of(request.name), rows)
            _ask(cluster, host, "merge_rows", merge, MergeReply)


def _row_after(request: PutObject, left: ObjectMeta | None) -> ListingRow:
    """The listing's row once the version is gone; it must be newer than the version's own row."""
    stamp = timestamp(float(request.timestamp) + STEP_S)
    if left is None:
        return ListingRow(object_of(request.name), stamp, True)
    return row_of(left, stamp)


def _ask(cluster: "Cluster", host: str, call: str, request: msgspec.Struct, kind: type) -> None:
    try:
        cluster.pool.call(host, call, request, kind)
    except HostDown as e:
        log.warning("%s", e)
