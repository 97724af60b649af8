"""The calls of the background daemons: a part of the contract, under the same rules (`wire/contract.py`)."""

import msgspec

from pileus_objectstore.wire.contract import HostReplicas, ListingInfo, ShardRange


class GetChanges(msgspec.Struct, omit_defaults=True):
    """Read the rows of one device's listing that changed after change number `since`. Reply: ChangesReply."""

    kind: str
    device: str
    partition: int
    digest: str
    since: int = 0
    limit: int = 1000


class ChangesReply(msgspec.Struct, omit_defaults=True):
    """Status 200 or 404. `upto` is the number of the last change that the rows in the body (JSON) contain."""

    status: int
    info: ListingInfo | None = None
    upto: int = 0


class MergeListing(msgspec.Struct, omit_defaults=True):
    """Bring one device's listing up to date, or create it; rows in the body. Reply: DoneReply."""

    kind: str
    device: str
    partition: int
    digest: str
    info: ListingInfo


class GetSummary(msgspec.Struct, omit_defaults=True):
    """One number for each partition of a device; equal numbers mean equal contents. Reply: SummaryReply."""

    device: str
    kind: str
    policy: int = 0


class SummaryReply(msgspec.Struct, omit_defaults=True):
    """`sums` is {partition: number}."""

    status: int
    sums: dict[int, int] = {}


class GetInventory(msgspec.Struct, omit_defaults=True):
    """What a device holds of one partition. Reply: InventoryReply."""

    device: str
    kind: str
    partition: int
    policy: int = 0


class HeldReplica(msgspec.Struct, array_like=True):
    """One file that a device holds: its digest, its timestamp and that of its later metadata (0: none), in nanoseconds.

    For a listing, `stamp` is a checksum of its head and `posted` its count. `sharded`: it is a divided container's, or
    a shard's.
    """

    digest: str
    stamp: int
    posted: int = 0
    sharded: bool = False


class InventoryReply(msgspec.Struct, omit_defaults=True):
    """What a device holds."""

    status: int
    held: list[HeldReplica] = []


class PutReplica(msgspec.Struct, omit_defaults=True):
    """Store the file in the body, trailer and all, after checking it. Reply: DoneReply.

    `later`: it is the file of later metadata.
    """

    device: str
    partition: int
    digest: str
    stamp: int
    size: int
    later: bool = False
    policy: int = 0


class GetPacked(msgspec.Struct, omit_defaults=True):
    """Read exactly this version of a packed object, as its file would be. Reply: DoneReply, 404 if it isn't packed."""

    device: str
    partition: int
    digest: str
    stamp: int
    policy: int = 0


class AuditPacked(msgspec.Struct, omit_defaults=True):
    """Verify the packed objects of a partition, and remove tombstones older than `before` (nanoseconds).

    Without a partition (-1) the lists of records are verified with which a device is opened. Reply: AuditReply.
    """

    device: str
    partition: int
    before: int
    policy: int = 0


class AuditReply(msgspec.Struct, omit_defaults=True):
    """What was found; `size` is the number of bytes that were read."""

    status: int
    good: int = 0
    damaged: int = 0
    old: int = 0
    size: int = 0


class ListExpired(msgspec.Struct, omit_defaults=True):
    """List up to `limit` objects of a device that have expired at `before` (epoch seconds). Reply: ListingReply."""

    device: str
    before: int
    limit: int = 1000


class ForgetExpired(msgspec.Struct, omit_defaults=True):
    """Remove entries from a device's list of objects that will expire. Reply: DoneReply."""

    device: str
    names: list[str]


class Quarantine(msgspec.Struct, omit_defaults=True):
    """Read an object's file again, and move it to quarantine if it is damaged. Reply: DoneReply."""

    device: str
    partition: int
    digest: str
    policy: int = 0


class RemoveReplica(msgspec.Struct, omit_defaults=True):
    """Remove a replica if it still is what an inventory said: a handoff, or an old tombstone. Reply: DoneReply."""

    device: str
    kind: str
    partition: int
    held: HeldReplica
    policy: int = 0


class Reclaim(msgspec.Struct, omit_defaults=True):
    """Drop the memory of what was deleted before a timestamp: rows, and listings as a whole. Reply: DoneReply."""

    device: str
    before: str


class DoneReply(msgspec.Struct, omit_defaults=True):
    """Status 200, 404 if there was nothing to do, or 507."""

    status: int = 200
    why: str = ""


class GetRings(msgspec.Struct, omit_defaults=True):
    """List the files of rings and storage policies that the host has. Reply: RingsReply."""


class RingsReply(msgspec.Struct, omit_defaults=True):
    """`files` is {name: (version, checksum)}; the greater pair is the newer file."""

    status: int
    files: dict[str, tuple[int, int]] = {}


class GetRing(msgspec.Struct, omit_defaults=True):
    """Read such a file; it is the body. Reply: DoneReply."""

    name: str


class PutRing(msgspec.Struct, omit_defaults=True):
    """Take the file in the body if it is newer. Reply: DoneReply; 409 if it is damaged, or another cluster's."""

    name: str


class ListObjects(msgspec.Struct, omit_defaults=True):
    """Read what is stored with up to `limit` objects of a device's partition, by digest. Reply: ObjectsReply."""

    device: str
    partition: int
    policy: int = 0
    after: str = ""
    limit: int = 500


class ObjectsReply(msgspec.Struct, omit_defaults=True):
    """Objects and tombstones (ObjectMeta) come in the body, as JSON; unreadable ones are left out.

    `after` is the digest after which to continue, '' at the end.
    """

    status: int
    after: str = ""


class FindRows(msgspec.Struct, omit_defaults=True):
    """Read the rows of up to 100 names in the host's most recent replica of a listing. Reply: RowsReply."""

    kind: str
    replicas: HostReplicas
    names: list[str]


class RowsReply(msgspec.Struct, omit_defaults=True):
    """Status 200, or 404 if the host has no such listing, or a deleted one. Rows come in the body, as JSON.

    Deleted rows are marked so; names without any are left out. With `ranges`, the rows of names that these contain are
    in their shards.
    """

    status: int
    ranges: list[ShardRange] = []


class EnterRings(msgspec.Struct, omit_defaults=True):
    """Add the devices of a machine that joined to all rings. Reply: DoneReply; `why` tells what was done."""

    host: str
    devices: list[str]
