"""The calls that concern listings: accounts and containers on this host's devices."""

import logging
from collections.abc import Callable
from typing import TypeVar

import msgspec

from pileus_objectstore.agent.best_replica import best_replica
from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.agent.object_server import Source
from pileus_objectstore.agent.updater import Updater
from pileus_objectstore.core.listing_rows import policy_mark
from pileus_objectstore.core.sharded_listings import touched
from pileus_objectstore.storage.listing_database import ListingDatabase
from pileus_objectstore.wire.contract import (
    DeleteListing,
    GetListing,
    HostReplicas,
    ListingInfo,
    ListingReply,
    ListingRow,
    MergeRows,
    PutListing,
)
from pileus_objectstore.wire.daemon_calls import FindRows, RowsReply
from pileus_objectstore.wire.server import CallResult
from pileus_objectstore.wire.shard_ranges import active, contains, shown

log = logging.getLogger(__name__)
T = TypeVar("T")


class ListingServer:
    """The account and container calls of the contract."""

    def __init__(self, host: Host, updater: Updater) -> None:
        self._host = host
        self._updater = updater

    def put_listing(self, args: PutListing, body: Source) -> CallResult:
        """Status 201 if it was created, 202 if it existed, 404 if it is missing and may not be created."""
        if (
            not args.create
            and best_replica(self._host, args.kind, args.replicas, lambda listing: listing.info.live) is not True
        ):
            return CallResult(ListingReply(404))
        if args.if_policy >= 0:
            info = best_replica(self._host, args.kind, args.replicas, lambda listing: listing.info)
            if info is not None and info.live and info.policy != args.if_policy:
                return CallResult(ListingReply(409))
        done, outcomes = self._write(args.replicas, lambda device: self._put(device, args))
        if not done:
            return CallResult(ListingReply(507, why="no device of this host could be written"))
        if args.kind == "container" and args.create:
            mark = policy_mark(min(policy for _, policy in outcomes))
            row = ListingRow(_last(args.name), args.timestamp, type=mark)
            self._updater.update_listings("account", _parent(args.name), args.listing_hosts, [row], done)
        return CallResult(ListingReply(201 if any(created for created, _ in outcomes) else 202, done))

    def delete_listing(self, args: DeleteListing, body: Source) -> CallResult:
        """Status 204, 404 if there is none, 409 if it is not empty."""
        info = best_replica(self._host, args.kind, args.replicas, lambda listing: listing.info)
        if info is None or not info.live:
            return CallResult(ListingReply(404))
        if info.count and not active(info.ranges):  # of a divided container the caller asks the shards
            return CallResult(ListingReply(409))
        done, _ = self._write(args.replicas, lambda device: self._delete(device, args))
        if not done:
            return CallResult(ListingReply(507, why="no device of this host could be written"))
        if args.kind == "container":
            row = ListingRow(_last(args.name), args.timestamp, True)
            self._updater.update_listings("account", _parent(args.name), args.listing_hosts, [row], done)
        return CallResult(ListingReply(204, done))

    def get_listing(self, args: GetListing, body: Source) -> CallResult:
        """The head and, if `limit` is not 0, a page of rows, both of the most recent replica on this host."""

        def read(listing: ListingDatabase) -> tuple[ListingInfo, bytes]:
            info = listing.info
            if not args.limit or not info.live:
                return info, b""
            if active(info.ranges):
                return info, msgspec.json.encode(touched(active(info.ranges), args))
            rows = listing.rows(
                limit=args.limit,
                marker=args.marker,
                end_marker=args.end_marker,
                prefix=args.prefix,
                delimiter=args.delimiter,
                path=args.path,
                reverse=args.reverse,
            )
            return info, msgspec.json.encode(rows)

        found = best_replica(self._host, args.kind, args.replicas, read)
        if found is None:
            return CallResult(ListingReply(404))
        info, divided = shown(found[0]), bool(args.limit and found[0].live and active(found[0].ranges))
        return CallResult(ListingReply(200 if info.live else 404, info=info, divided=divided), found[1])

    def find_rows(self, args: FindRows, body: Source) -> CallResult:
        """The rows of some names."""

        def read(listing: ListingDatabase) -> tuple[ListingInfo, list[ListingRow]]:
            return listing.info, listing.find(args.names)

        found = best_replica(self._host, args.kind, args.replicas, read)
        if found is None or not found[0].live:
            return CallResult(RowsReply(404))
        ranges = [one for one in active(found[0].ranges) if any(contains(one, name) for name in args.names)]
        return CallResult(RowsReply(200, ranges), msgspec.json.encode(found[1]))

    def merge_rows(self, args: MergeRows, body: Source) -> CallResult:
        """Merge changed rows into this host's replicas of a listing."""
        return CallResult(self._updater.delivery.merge_here(args))

    def _put(self, device: Device, args: PutListing) -> tuple[bool, int]:
        """Whether the listing was created, and its storage policy."""
        replicas, listings = args.replicas, device.listings
        fresh = ListingInfo(
            args.name,
            created=args.timestamp,
            put=args.timestamp,
            newest=args.timestamp,
            metadata={k: (v, args.timestamp) for k, v in args.metadata.items() if v},
            policy=args.policy,
        )
        if args.create and listings.create(args.kind, replicas.partition, replicas.digest, fresh):
            return True, args.policy
        with listings.use(args.kind, replicas.partition, replicas.digest) as listing:
            if listing is None:
                return False, args.policy
            before = listing.info.live
            info = listing.change(lambda info: merged(info, args, fresh))
            return not before, info.policy

    def _delete(self, device: Device, args: DeleteListing) -> None:
        def mark_deleted(info: ListingInfo) -> ListingInfo:
            return msgspec.structs.replace(
                info, deleted=max(info.deleted, args.timestamp), metadata={}, newest=args.timestamp
            )

        with device.listings.use(args.kind, args.replicas.partition, args.replicas.digest) as listing:
            if listing is not None:
                listing.change(mark_deleted)

    def _write(self, replicas: HostReplicas, act: Callable[[Device], T]) -> tuple[tuple[str, ...], list[T]]:
        """Names of the devices on which `act` worked, and its results there."""
        outcomes = self._host.write(replicas, act)
        return tuple(device.name for device, _ in outcomes), [result for _, result in outcomes]


def merged(info: ListingInfo, args: PutListing, fresh: ListingInfo) -> ListingInfo | None:
    """An existing head after a PUT or POST: each header's newest value wins, an empty one stays as a tombstone.

    None if nothing changes.
    """
    if args.create and not info.live and args.timestamp > info.deleted:
        return msgspec.structs.replace(
            info,
            created=args.timestamp,
            put=args.timestamp,
            metadata=fresh.metadata,
            newest=args.timestamp,
            policy=args.policy,
        )
    changes = {
        k: (v, args.timestamp)
        for k, v in args.metadata.items()
        if info.metadata.get(k, ("", ""))[1] < args.timestamp and (v or k in info.metadata)
    }
    put = max(info.put, args.timestamp) if args.create else info.put
    if not changes and put == info.put:
        return None
    return msgspec.structs.replace(
        info, put=put, metadata=info.metadata | changes, newest=max(info.newest, args.timestamp)
    )


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _last(name: str) -> str:
    return name.rpartition("/")[2]
