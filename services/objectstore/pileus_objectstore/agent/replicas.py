"""What duties ask: what a device holds, what changed in a listing, and to put something right."""

import msgspec

from pileus_objectstore.agent.host import Host
from pileus_objectstore.agent.objects import Source
from pileus_objectstore.agent.updates import Updates
from pileus_objectstore.rpc.contract import (
    Done,
    Held,
    Info,
    Inventory,
    InventoryReply,
    MergeListing,
    Quarantine,
    Replicate,
    ReplicateReply,
    Row,
)
from pileus_objectstore.rpc.server import Answer


class Replicas:
    """The calls of replicator, auditor and updater."""

    def __init__(self, host: Host, updates: Updates) -> None:
        self._host = host
        self._updates = updates

    def inventory(self, args: Inventory, body: Source) -> Answer:
        """Objects: digests and times. Listings: digests alone; what they hold is compared by `changes`."""
        device = self._host.device(args.device)
        if args.kind == "object":
            files = device.files.held(args.partition)
            held = [Held(digest, *stamps) for digest, stamps in files.items()]
        else:
            held = [Held(digest, 0) for digest in device.listings.digests(args.kind, args.partition)]
        return Answer(InventoryReply(200, held))

    def changes(self, args: Replicate, body: Source) -> Answer:
        device = self._host.device(args.device)
        with device.listings.use(args.kind, args.partition, args.digest) as listing:
            if listing is None:
                return Answer(ReplicateReply(404))
            rows, upto = listing.changes(args.since, args.limit)
            return Answer(ReplicateReply(200, listing.info, upto), msgspec.json.encode(rows))

    def merge_listing(self, args: MergeListing, body: Source) -> Answer:
        device = self._host.device(args.device)
        rows = msgspec.json.decode(b"".join(iter(body.read, b"")) or b"[]", type=list[Row])
        empty = msgspec.structs.replace(args.info, count=0, size=0, objects=0)
        device.listings.create(args.kind, args.partition, args.digest, empty)
        with device.listings.use(args.kind, args.partition, args.digest) as listing:
            assert listing is not None
            listing.merge(rows)
            listing.change(lambda info: joined(info, args.info))
        return Answer(Done())

    def set_right(self, args: Quarantine, body: Source) -> Answer:
        device = self._host.device(args.device)
        if args.drop and args.kind == "object":
            gone = device.files.drop(args.partition, args.digest, int(args.drop))
        elif args.drop:
            device.listings.drop(args.kind, args.partition, args.digest)
            gone = True
        else:
            gone = device.files.quarantine(args.partition, args.digest)
        return Answer(Done(200 if gone else 404))


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
