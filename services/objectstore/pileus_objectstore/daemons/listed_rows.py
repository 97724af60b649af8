"""Finds and merges rows of a container, wherever they are: in its own listing, or in those of its shards."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pileus_kit import decoding
from pileus_kit.errors import HostDown
from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.core.replica_plans import host_replicas, read_plan
from pileus_objectstore.daemons import shard_moves
from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.wire.contract import ListingRow, MergeReply, MergeRows, ShardRange
from pileus_objectstore.wire.daemon_calls import FindRows, RowsReply
from pileus_objectstore.wire.shard_ranges import Shard, contains, routes


def find_rows(context: DaemonContext, cluster: Cluster, root: Shard, names: list[str]) -> dict[str, ListingRow] | None:
    """What a container's listing says of up to 100 names; None if there is no container.

    Raises HostDown, also if a shard isn't there at the moment.
    """
    reply, rows = _ask(context, cluster, root, names)
    if reply is None:
        return None
    known = {row.name: row for row in rows if not any(contains(found, row.name) for found in reply.ranges)}
    for found in reply.ranges:
        shard = replace(root, name=found.shard)
        part, listed = _ask(context, cluster, shard, _within(names, found))
        if part is None:
            raise HostDown(host=context.address, why=f"the shard {shard.path} is not there")
        known |= {row.name: row for row in listed}
    return known


def merge_rows(context: DaemonContext, root: Shard, rows: Sequence[ListingRow]) -> None:
    """Merge rows into a container. Raises HostDown, and Unavailable if a quorum of a shard doesn't take them."""
    ranges: dict[str, ShardRange] = {}
    for host, replicas in host_replicas(context.rings.placement(*root.names)):
        if replicas.devices:
            args = MergeRows("container", replicas, root.path, list(rows))
            reply = context.ask(host, "merge_rows", args, MergeReply)[0]
            ranges |= {found.shard: found for found in reply.ranges}
    for name, part in routes(rows, list(ranges.values())).items():
        shard_moves.merge(context, replace(root, name=name), part)


def _ask(
    context: DaemonContext, cluster: Cluster, listing: Shard, names: Iterable[str]
) -> tuple[RowsReply | None, list[ListingRow]]:
    placement = context.rings.placement(*listing.names)
    for host, replicas in read_plan(placement, cluster.down()):
        reply, data = context.ask(host, "find_rows", FindRows("container", replicas, list(names)), RowsReply)
        if reply.status == 200:
            return reply, decoding.decode(data, list[ListingRow])
    return None, []


def _within(names: Iterable[str], found: ShardRange) -> list[str]:
    return [name for name in names if contains(found, name)]
