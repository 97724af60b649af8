"""The calls that concern listings: accounts and containers on this host's devices."""

import logging
from collections.abc import Callable
from typing import TypeVar

import msgspec

from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.agent.object_server import Source
from pileus_objectstore.agent.updater import Updater
from pileus_objectstore.core.listing_rows import policy_mark
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.listing_database import ListingDatabase
from pileus_objectstore.wire.contract import (
    DeleteListing,
    GetListing,
    HostReplicas,
    ListingInfo,
    ListingReply,
    ListingRow,
    MergeReply,
    MergeRows,
    PutListing,
)
from pileus_objectstore.wire.daemon_calls import FindRows, RowsReply
from pileus_objectstore.wire.server import CallResult

log = logging.getLogger(__name__)
T = TypeVar("T")


class ListingServer:
    """The account and container calls of the contract."""

    def __init__(self, host: Host, updater: Updater) -> None:
        self._host = host
        self._updater = updater

    def put_listing(self, args: PutListing, body: Source) -> CallResult:
        """Status 201 if it was created, 202 if it existed, 404 if it is missing and may not be created."""
        if not args.create and self._best(args.kind, args.replicas, lambda listing: listing.info.live) is not True:
            return CallResult(ListingReply(404))
        if args.if_policy >= 0:
            info = self._best(args.kind, args.replicas, lambda listing: listing.info)
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
        info = self._best(args.kind, args.replicas, lambda listing: listing.info)
        if info is None or not info.live:
            return CallResult(ListingReply(404))
        if info.count:
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
            if not args.limit or not listing.info.live:
                return listing.info, b""
            rows = listing.rows(
                limit=args.limit,
                marker=args.marker,
                end_marker=args.end_marker,
                prefix=args.prefix,
                delimiter=args.delimiter,
                path=args.path,
                reverse=args.reverse,
            )
            return listing.info, msgspec.json.encode(rows)

        found = self._best(args.kind, args.replicas, read)
        if found is None:
            return CallResult(ListingReply(404))
        return CallResult(ListingReply(200 if found[0].live else 404, info=found[0]), found[1])

    def find_rows(self, args: FindRows, body: Source) -> CallResult:
        """The rows of some names."""
        found = self._best(args.kind, args.replicas, lambda listing: (listing.info.live, listing.find(args.names)))
        if found is None or not found[0]:
            return CallResult(RowsReply(404))
        return CallResult(RowsReply(200), msgspec.json.encode(found[1]))

    def merge_rows(self, args: MergeRows, body: Source) -> CallResult:
        """Merge changed rows into this host's replicas of a listing."""
        done, missing = self._updater.merge_here(args)
        return CallResult(MergeReply(200 if done else 404, tuple(done), tuple(missing)))

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

    def _best(self, kind: str, replicas: HostReplicas, read: Callable[[ListingDatabase], T]) -> T | None:
        """Ask the replica with the latest change; if it can't answer, the next one.

        None: there is no such listing. Raises DeviceFailed if that is not certain, because half of its devices or
        more can't be read.
        """
        ranked = []
        silent = set(replicas.devices)
        for rank, device in enumerate(self._host.holders(replicas)):
            try:
                with device.listings.use(kind, replicas.partition, replicas.digest) as listing:
                    silent.discard(device.name)
                    if listing is not None:
                        info = listing.info
                        ranked.append((max(info.newest, info.put, info.deleted), -rank, device))
            except Damaged as e:
                log.error("%s", e)
                silent.discard(device.name)
            except DeviceFailed as e:
                log.error("%s", e)
        for _, _, device in sorted(ranked, key=lambda entry: entry[:2], reverse=True):
            try:
                with device.listings.use(kind, replicas.partition, replicas.digest) as listing:
                    if listing is not None:
                        return read(listing)
            except (Damaged, DeviceFailed) as e:
                log.error("%s", e)
                silent.add(device.name)
        if silent and 2 * len(silent) >= len(replicas.devices):
            raise DeviceFailed(device=", ".join(sorted(silent)), why="its listings can't be read")
        return None

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
