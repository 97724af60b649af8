"""The calls of the background daemons: what a device holds, and changes to bring it in line with the ring."""

import logging
import zlib
from collections.abc import Iterable

import msgspec

from pileus_kit import decoding
from pileus_objectstore.agent.expirer_queue import EXPIRER_QUEUE
from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.agent.object_server import Source
from pileus_objectstore.agent.recovery import meta_of
from pileus_objectstore.agent.updater import Updater
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.listing_store import ListingStore
from pileus_objectstore.wire.contract import ListingInfo, ListingReply, ListingRow
from pileus_objectstore.wire.daemon_calls import (
    ChangesReply,
    DoneReply,
    ForgetExpired,
    GetChanges,
    GetInventory,
    GetSummary,
    HeldReplica,
    InventoryReply,
    ListExpired,
    ListObjects,
    MergeListing,
    ObjectsReply,
    Quarantine,
    Reclaim,
    RemoveReplica,
    SummaryReply,
)
from pileus_objectstore.wire.server import CallResult
from pileus_objectstore.wire.shard_ranges import is_shard, joined_ranges

log = logging.getLogger(__name__)
MAX_REMEMBERED = 100_000  # closed listings whose state is known without opening them


class ReplicationServer:
    """The calls of replicator, auditor and expirer."""

    def __init__(self, host: Host, updater: Updater) -> None:
        self._host = host
        self._updater = updater
        self._known: dict[tuple[str, str, str], tuple[int, HeldReplica]] = {}

    def get_summary(self, args: GetSummary, body: Source) -> CallResult:
        """A checksum of what the device holds, for each partition."""
        device = self._host.device(args.device)
        partitions = (
            device.objects(args.policy).partitions() if args.kind == "object" else device.listings.partitions(args.kind)
        )
        sums = {partition: total(self._held(device, args.kind, partition, args.policy)) for partition in partitions}
        return CallResult(SummaryReply(200, {partition: value for partition, value in sums.items() if value}))

    def get_inventory(self, args: GetInventory, body: Source) -> CallResult:
        """What the device holds of one partition."""
        device = self._host.device(args.device)
        return CallResult(InventoryReply(200, self._held(device, args.kind, args.partition, args.policy)))

    def list_objects(self, args: ListObjects, body: Source) -> CallResult:
        """What is stored with the objects of a partition, page by page."""
        files = self._host.device(args.device).objects(args.policy)
        digests = sorted(digest for digest in files.held(args.partition) if digest > args.after)
        page = digests[: args.limit]
        metas = [meta for digest in page if (meta := meta_of(files, args.partition, digest)) is not None]
        after = page[-1] if len(digests) > len(page) else ""
        return CallResult(ObjectsReply(200, after), msgspec.json.encode(metas))

    def get_changes(self, args: GetChanges, body: Source) -> CallResult:
        """The rows of a listing that changed after a change number."""
        device = self._host.device(args.device)
        with device.listings.use(args.kind, args.partition, args.digest) as listing:
            if listing is None:
                return CallResult(ChangesReply(404))
            rows, upto = listing.changes(args.since, args.limit)
            return CallResult(ChangesReply(200, listing.info, upto), msgspec.json.encode(rows))

    def merge_listing(self, args: MergeListing, body: Source) -> CallResult:
        """Merge another replica's head and rows into a listing, which is created if it is missing."""
        device = self._host.device(args.device)
        rows = decoding.decode(b"".join(iter(body.read, b"")) or b"[]", list[ListingRow])
        empty = msgspec.structs.replace(args.info, count=0, size=0, objects=0, policies={})
        device.listings.create(args.kind, args.partition, args.digest, empty)
        with device.listings.use(args.kind, args.partition, args.digest) as listing:
            assert listing is not None
            if rows:
                listing.merge(rows)
            listing.change(lambda info: joined(info, args.info))
        if args.kind == "container":
            self._updater.report_later(args.info.name)
        return CallResult(DoneReply())

    def quarantine(self, args: Quarantine, body: Source) -> CallResult:
        """Move an object's file out of the way if it is damaged."""
        moved = self._host.device(args.device).objects(args.policy).quarantine(args.partition, args.digest)
        return CallResult(DoneReply(200 if moved else 404))

    def remove_replica(self, args: RemoveReplica, body: Source) -> CallResult:
        """Remove an object's file or a listing if it has not changed since the inventory."""
        device, held = self._host.device(args.device), args.held
        if args.kind == "object":
            removed = device.objects(args.policy).remove(args.partition, held.digest, held.stamp, held.posted)
        else:
            mark = held.stamp, held.posted
            removed = device.listings.remove(
                args.kind, args.partition, held.digest, lambda info: fingerprint(info) == mark
            )
        return CallResult(DoneReply(200 if removed else 404))

    def reclaim(self, args: Reclaim, body: Source) -> CallResult:
        """Forget rows, and remove listings, that were deleted before a timestamp.

        A listing that is damaged, or can't be used now, keeps no other one waiting.
        """
        listings, failed = self._host.device(args.device).listings, 0
        for kind in ("account", "container"):
            for partition in listings.partitions(kind):
                for digest in listings.digests(kind, partition):
                    try:
                        _reclaim(listings, (kind, partition, digest), args.before)
                    except (DeviceFailed, Damaged) as e:
                        log.warning("%s", e)
                        failed += isinstance(e, DeviceFailed)
        if failed:
            raise DeviceFailed(device=args.device, why=f"{failed} listings can't be reclaimed")
        return CallResult(DoneReply())

    def list_expired(self, args: ListExpired, body: Source) -> CallResult:
        """Entries of the device's expirer queue whose time has come, oldest first."""
        device = self._host.device(args.device)
        with device.listings.use(*EXPIRER_QUEUE) as listing:
            rows = listing.rows(limit=args.limit, end_marker=f"{args.before + 1:010d}") if listing else []
        return CallResult(ListingReply(200), msgspec.json.encode(rows))

    def forget_expired(self, args: ForgetExpired, body: Source) -> CallResult:
        """Remove entries from the device's expirer queue."""
        device = self._host.device(args.device)
        with device.listings.use(*EXPIRER_QUEUE) as listing:
            if listing is not None:
                listing.remove(args.names)
        return CallResult(DoneReply())

    def _held(self, device: Device, kind: str, partition: int, policy: int) -> list[HeldReplica]:
        if kind == "object":
            return [HeldReplica(digest, *stamps) for digest, stamps in device.objects(policy).held(partition).items()]
        held = []
        for digest in device.listings.digests(kind, partition):
            found = self._listing(device, kind, partition, digest)
            if found is not None:
                held.append(found)
        return held

    def _listing(self, device: Device, kind: str, partition: int, digest: str) -> HeldReplica | None:
        """A closed listing is opened once, then remembered by its file's time; else each pass would open them all."""
        key = (device.name, kind, digest)
        since = device.listings.idle_since(kind, partition, digest)
        known = self._known.get(key)
        if known and known[0] == since and since:
            return known[1]
        with device.listings.use(kind, partition, digest) as listing:
            held = None if listing is None else held_listing(digest, listing.info)
        if since and held:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[key] = (since, held)
        return held


def _reclaim(listings: ListingStore, place: tuple[str, int, str], before: str) -> None:
    with listings.use(*place) as listing:
        if listing is None:
            return
        listing.forget(before)
        reclaimable = not listing.info.live and listing.info.deleted < before
    if reclaimable:
        listings.remove(*place, lambda info: not info.live and not info.count)


def held_listing(digest: str, info: ListingInfo) -> HeldReplica:
    """What an inventory says of a listing."""
    return HeldReplica(digest, *fingerprint(info), bool(info.ranges_at) or is_shard(info.name))


def total(held: Iterable[HeldReplica]) -> int:
    """A checksum that is the same for devices that hold the same; 0 for nothing."""
    return zlib.crc32(msgspec.json.encode(sorted((h.digest, h.stamp, h.posted) for h in held))) if held else 0


def fingerprint(info: ListingInfo) -> tuple[int, int]:
    """Two numbers that are the same for replicas of a listing that agree."""
    state = (info.put, info.deleted, info.count, info.size, info.objects, info.newest, sorted(info.metadata.items()))
    policy = str(info.policy).encode() if info.policy else b""  # hosts of 0.1.0 know none
    ranges = msgspec.json.encode((info.ranges_at, info.ranges)) if info.ranges_at else b""
    return zlib.crc32(ranges, zlib.crc32(policy, zlib.crc32(msgspec.json.encode(state)))), info.count


def joined(mine: ListingInfo, other: ListingInfo) -> ListingInfo | None:
    """Merge two replicas' heads: the newest times and, for each header, the newest value. None if nothing changes.

    Counts follow from the rows, so they stay.
    """
    metadata = dict(mine.metadata)
    for header, value in other.metadata.items():
        if value[1] > metadata.get(header, ("", ""))[1]:
            metadata[header] = value
    deleted = max(mine.deleted, other.deleted)
    metadata = {header: value for header, value in metadata.items() if value[1] > deleted}
    ranges, ranges_at = joined_ranges(mine, other)
    info = msgspec.structs.replace(
        mine,
        created=max(mine.created, other.created),
        put=max(mine.put, other.put),
        deleted=deleted,
        metadata=metadata,
        newest=max(mine.newest, other.newest),
        policy=joined_policy(mine, other, deleted),
        ranges=ranges,
        ranges_at=ranges_at,
    )
    return None if info == mine else info


def joined_policy(mine: ListingInfo, other: ListingInfo, deleted: str) -> int:
    """The storage policy of two replicas of a container: that of the one which was created first and not deleted."""
    if other.created <= deleted or (deleted < mine.created <= other.created):
        return mine.policy
    return other.policy
