"""The calls by which containers are divided: ranges of roots, sums of shards, and rows that have a new place."""

import logging
from collections.abc import Callable

import msgspec

from pileus_kit import decoding
from pileus_objectstore.agent.best_replica import best_replica
from pileus_objectstore.agent.host import Host
from pileus_objectstore.agent.object_server import Source
from pileus_objectstore.agent.updater import Updater
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.listing_database import ListingDatabase
from pileus_objectstore.wire.contract import HostReplicas, ListingInfo, ShardRange
from pileus_objectstore.wire.daemon_calls import ChangesReply
from pileus_objectstore.wire.server import CallResult
from pileus_objectstore.wire.shard_calls import (
    DividedReply,
    DroppedReply,
    DropRows,
    FindSplits,
    GetRanges,
    PutRanges,
    ReportShard,
    SplitsReply,
)
from pileus_objectstore.wire.shard_ranges import is_complete, with_newest_sums

log = logging.getLogger(__name__)


class ShardServer:
    """The calls of the sharder."""

    def __init__(self, host: Host, updater: Updater) -> None:
        self._host = host
        self._updater = updater

    def get_ranges(self, args: GetRanges, body: Source) -> CallResult:
        """The head of a container, with its ranges."""
        info = best_replica(self._host, "container", args.replicas, lambda listing: listing.info)
        return CallResult(ChangesReply(404 if info is None else 200, info))

    def put_ranges(self, args: PutRanges, body: Source) -> CallResult:
        """Replace ranges, but for newer sums. Status 409 if a name would be in none, or in two."""
        ranges = decoding.decode(b"".join(iter(body.read, b"")), list[ShardRange])
        if not is_complete(ranges):
            return CallResult(DividedReply(409))

        def replaced(info: ListingInfo) -> ListingInfo | None:
            if info.ranges_at > args.if_at or info.ranges_at == args.at:
                return None
            known = {found.shard: found for found in info.ranges}
            joined = [with_newest_sums(found, known.get(found.shard, found)) for found in ranges]
            newest = max(info.newest, args.at)
            return msgspec.structs.replace(info, ranges=joined, ranges_at=args.at, newest=newest)

        infos = change_heads(self._host, args.replicas, replaced)
        done = tuple(device for device, info in infos.items() if info.ranges_at == args.at)
        return CallResult(DividedReply(200 if done else 409 if infos else 404, done))

    def report_shard(self, args: ReportShard, body: Source) -> CallResult:
        """Note the sums of a shard."""
        return CallResult(self._updater.note_sums(args))

    def find_splits(self, args: FindSplits, body: Source) -> CallResult:
        """Names at which a listing can be divided."""
        names = best_replica(self._host, "container", args.replicas, lambda listing: listing.every(args.every))
        return CallResult(SplitsReply(404) if names is None else SplitsReply(200, names))

    def drop_rows(self, args: DropRows, body: Source) -> CallResult:
        """Remove rows that were brought to where they belong."""
        device = self._host.device(args.device)
        with device.listings.use("container", args.partition, args.digest) as listing:
            if listing is None:
                return CallResult(DroppedReply(404))
            return CallResult(DroppedReply(200, listing.drop(args.upto, args.limit)))


def change_heads(
    host: Host, replicas: HostReplicas, apply: Callable[[ListingInfo], ListingInfo | None]
) -> dict[str, ListingInfo]:
    """Change the heads of a container's replicas on this host; the heads afterwards, by device."""

    def change(listing: ListingDatabase | None) -> ListingInfo | None:
        return None if listing is None else listing.change(apply)

    infos = {}
    for device in host.holders(replicas):
        try:
            with device.listings.use("container", replicas.partition, replicas.digest) as listing:
                info = change(listing)
        except (DeviceFailed, Damaged) as e:
            log.warning("%s", e)
            continue
        if info is not None:
            infos[device.name] = info
    return infos
