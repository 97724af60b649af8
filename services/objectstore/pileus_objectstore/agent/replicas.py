"""What duties ask: what a device holds, what changed in a listing, to take a replica, to put something right."""

import zlib
from collections.abc import Iterable

import msgspec

from pileus_kit import decoding
from pileus_objectstore.agent.expiring import remember
from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.agent.objects import Source
from pileus_objectstore.agent.updates import Updates
from pileus_objectstore.drivers.object_files import check
from pileus_objectstore.rpc.contract import (
    Done,
    Expiring,
    Held,
    Info,
    Inventory,
    InventoryReply,
    ListingReply,
    MergeListing,
    PutReplica,
    Quarantine,
    Reclaim,
    Replicate,
    ReplicateReply,
    Row,
    Settle,
    Summary,
    SummaryReply,
)
from pileus_objectstore.rpc.server import Answer

REMEMBER = 100_000  # resting listings whose state is known without opening them


class Replicas:
    """The calls of replicator, auditor and expirer."""

    def __init__(self, host: Host, updates: Updates) -> None:
        self._host = host
        self._updates = updates
        self._known: dict[tuple[str, str, str], tuple[int, Held]] = {}

    def summary(self, args: Summary, body: Source) -> Answer:
        device = self._host.device(args.device)
        partitions = device.files.partitions() if args.kind == "object" else device.listings.partitions(args.kind)
        sums = {partition: total(self._held(device, args.kind, partition)) for partition in partitions}
        return Answer(SummaryReply(200, {partition: value for partition, value in sums.items() if value}))

    def inventory(self, args: Inventory, body: Source) -> Answer:
        device = self._host.device(args.device)
        return Answer(InventoryReply(200, self._held(device, args.kind, args.partition)))

    def put_replica(self, args: PutReplica, body: Source) -> Answer:
        device = self._host.device(args.device)
        draft = device.files.draft(args.partition, args.digest, args.size)
        try:
            while piece := body.read():
                draft.write(piece)
            with device.files.look(draft.path) as file:
                check(file)
                meta = file.meta
            draft.keep(args.stamp, ".meta" if args.later else "")
        finally:
            draft.abandon()
        if meta.delete_at:
            remember(device, meta.name, meta.delete_at, meta.timestamp)
        return Answer(Done())

    def changes(self, args: Replicate, body: Source) -> Answer:
        device = self._host.device(args.device)
        with device.listings.use(args.kind, args.partition, args.digest) as listing:
            if listing is None:
                return Answer(ReplicateReply(404))
            rows, upto = listing.changes(args.since, args.limit)
            return Answer(ReplicateReply(200, listing.info, upto), msgspec.json.encode(rows))

    def merge_listing(self, args: MergeListing, body: Source) -> Answer:
        device = self._host.device(args.device)
        rows = decoding.decode(b"".join(iter(body.read, b"")) or b"[]", list[Row])
        empty = msgspec.structs.replace(args.info, count=0, size=0, objects=0)
        device.listings.create(args.kind, args.partition, args.digest, empty)
        with device.listings.use(args.kind, args.partition, args.digest) as listing:
            assert listing is not None
            if rows:
                listing.merge(rows)
            listing.change(lambda info: joined(info, args.info))
        if args.kind == "container":
            self._updates.report_later(args.info.name)
        return Answer(Done())

    def set_right(self, args: Quarantine, body: Source) -> Answer:
        device = self._host.device(args.device)
        if args.drop is None:
            gone = device.files.quarantine(args.partition, args.digest)
        elif args.kind == "object":
            gone = device.files.drop(args.partition, args.digest, args.drop.stamp, args.drop.posted)
        else:
            mark = args.drop.stamp, args.drop.posted
            gone = device.listings.drop(args.kind, args.partition, args.digest, lambda info: fingerprint(info) == mark)
        return Answer(Done(200 if gone else 404))

    def reclaim(self, args: Reclaim, body: Source) -> Answer:
        listings = self._host.device(args.device).listings
        for kind in ("account", "container"):
            for partition in listings.partitions(kind):
                for digest in listings.digests(kind, partition):
                    with listings.use(kind, partition, digest) as listing:
                        if listing is None:
                            continue
                        listing.forget(args.before)
                        over = not listing.info.live and listing.info.deleted < args.before
                    if over:
                        listings.drop(kind, partition, digest, lambda info: not info.live and not info.count)
        return Answer(Done())

    def expiring(self, args: Expiring, body: Source) -> Answer:
        device = self._host.device(args.device)
        with device.listings.use("expiring", 0, "queue") as listing:
            rows = listing.rows(limit=args.limit, end_marker=f"{args.before + 1:010d}") if listing else []
        return Answer(ListingReply(200), msgspec.json.encode(rows))

    def settle(self, args: Settle, body: Source) -> Answer:
        device = self._host.device(args.device)
        with device.listings.use("expiring", 0, "queue") as listing:
            if listing is not None:
                listing.remove(args.names)
        return Answer(Done())

    def _held(self, device: Device, kind: str, partition: int) -> list[Held]:
        if kind == "object":
            return [Held(digest, *stamps) for digest, stamps in device.files.held(partition).items()]
        held = []
        for digest in device.listings.digests(kind, partition):
            found = self._listing(device, kind, partition, digest)
            if found is not None:
                held.append(found)
        return held

    def _listing(self, device: Device, kind: str, partition: int, digest: str) -> Held | None:
        """A resting listing is opened once and then remembered by its file's time, or a pass would open them all."""
        key = (device.name, kind, digest)
        since = device.listings.resting_since(kind, partition, digest)
        known = self._known.get(key)
        if known and known[0] == since and since:
            return known[1]
        with device.listings.use(kind, partition, digest) as listing:
            held = None if listing is None else Held(digest, *fingerprint(listing.info))
        if since and held:
            if len(self._known) >= REMEMBER:
                self._known.clear()
            self._known[key] = (since, held)
        return held


def total(held: Iterable[Held]) -> int:
    return zlib.crc32(msgspec.json.encode(sorted((h.digest, h.stamp, h.posted) for h in held))) if held else 0


def fingerprint(info: Info) -> tuple[int, int]:
    """Two numbers that are the same for replicas that agree."""
    state = (info.put, info.deleted, info.count, info.size, info.objects, info.newest, sorted(info.metadata.items()))
    return zlib.crc32(msgspec.json.encode(state)), info.count


def joined(mine: Info, other: Info) -> Info | None:
    """Two replicas' heads in one: the newest time and, for each header, the newest value. Counts follow from the
    rows."""
    metadata = dict(mine.metadata)
    for header, value in other.metadata.items():
        if value[1] > metadata.get(header, ("", ""))[1]:
            metadata[header] = value
    deleted = max(mine.deleted, other.deleted)
    metadata = {header: value for header, value in metadata.items() if value[1] > deleted}
    info = msgspec.structs.replace(
        mine,
        created=max(mine.created, other.created),
        put=max(mine.put, other.put),
        deleted=deleted,
        metadata=metadata,
        newest=max(mine.newest, other.newest),
    )
    return None if info == mine else info
