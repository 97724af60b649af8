"""What may be asked of a storage server. Version 1: fields may be added with a default, nothing may change its meaning.

A call is `POST /<name>` with its arguments as JSON in the header `X-Args`; the body carries object bytes only. One
request names *all*
devices of that host which it concerns, so that three replicas on one host cost one request and one MD5.
Timestamps are Swift's: seconds with five decimals, zero-padded to 16 characters, so that they sort as text. The
newest wins, everywhere.
"""

import time

import msgspec

VERSION = 2


def timestamp(at: float | None = None) -> str:
    return f"{time.time() if at is None else at:016.5f}"


class HostReplicas(msgspec.Struct, frozen=True, array_like=True):
    """The replicas of one name on one host: devices that should hold it, then those that stand in."""

    partition: int
    digest: str
    devices: tuple[str, ...]
    handoffs: tuple[str, ...] = ()


class ListingHost(msgspec.Struct, frozen=True, array_like=True):
    """A host whose listing has to hear of a change."""

    host: str
    replicas: HostReplicas


class ListingRow(msgspec.Struct, array_like=True):
    """One line of a listing: an object of a container, or a container of an account (then `count` counts, `size` are
    bytes used)."""

    name: str
    timestamp: str
    deleted: bool = False
    size: int = 0
    etag: str = ""
    type: str = ""
    count: int = 0
    stats_at: str = ""


class ObjectMeta(msgspec.Struct, omit_defaults=True):
    """What is stored with an object's bytes. `posted` is the time of the last metadata-only change.

    `listed_*` is what the listing shows instead of size and ETag (large objects, links).
    """

    name: str
    timestamp: str
    size: int = 0
    etag: str = ""
    headers: dict[str, str] = {}
    deleted: bool = False
    posted: str = ""
    delete_at: int = 0
    listed_size: int = -1
    listed_etag: str = ""


class PutObject(msgspec.Struct, omit_defaults=True):
    """Store the request's body on all devices of the spot. `upstream` are the listings this host must tell.

    `etag`: refuse (422) if the MD5 differs. `size` -1: not known beforehand. `only_if_new`: refuse (412) if there is an
    object. `listed_size` replaces what the listing shows, `listed_etag` is added to it, as `name=value`. `most`: refuse
    (413) a longer body. `needed`: keep it on so many devices, or (507) on none.
    """

    replicas: HostReplicas
    name: str
    timestamp: str
    headers: dict[str, str]
    size: int = -1
    etag: str = ""
    listing_hosts: tuple[ListingHost, ...] = ()
    delete_at: int = 0
    only_if_new: bool = False
    listed_size: int = -1
    listed_etag: str = ""
    max_bytes: int = -1
    min_devices: int = 0


class DeleteObject(msgspec.Struct, omit_defaults=True):
    """`due`: only if the object's delete_at is this (the expirer; 412 otherwise)."""

    replicas: HostReplicas
    name: str
    timestamp: str
    listing_hosts: tuple[ListingHost, ...] = ()
    if_delete_at: int = 0


class WithdrawObject(msgspec.Struct, omit_defaults=True):
    """Remove exactly the version with this timestamp, wherever it is, without a tombstone: a PUT that reached too few
    hosts was refused."""

    replicas: HostReplicas
    name: str
    timestamp: str


class PostObject(msgspec.Struct, omit_defaults=True):
    """Replace the metadata that a POST may change; `keep` names the stored headers that stay."""

    replicas: HostReplicas
    name: str
    timestamp: str
    headers: dict[str, str]
    listing_hosts: tuple[ListingHost, ...] = ()
    delete_at: int = 0


class GetObject(msgspec.Struct, omit_defaults=True):
    """`first`/`last` as in `bytes=first-last`, either may be missing. `pinned`: only the version with this
    timestamp."""

    replicas: HostReplicas
    first: int | None = None
    last: int | None = None
    if_timestamp: str = ""
    head: bool = False


class ObjectReply(msgspec.Struct, omit_defaults=True):
    """201 200 206 404 409 412 413 416 422 507. `devices` are those that hold it now. `start`, `length`: what the
    body is."""

    status: int
    devices: tuple[str, ...] = ()
    meta: ObjectMeta | None = None
    timestamp: str = ""
    start: int = 0
    length: int = 0
    why: str = ""


class PutListing(msgspec.Struct, omit_defaults=True):
    """Create an account's or a container's listing, or revive it; `metadata` values are set, empty ones removed."""

    kind: str
    replicas: HostReplicas
    name: str
    timestamp: str
    metadata: dict[str, str] = {}
    listing_hosts: tuple[ListingHost, ...] = ()
    create: bool = True


class DeleteListing(msgspec.Struct, omit_defaults=True):
    """Refused with 409 while it has live rows."""

    kind: str
    replicas: HostReplicas
    name: str
    timestamp: str
    listing_hosts: tuple[ListingHost, ...] = ()


class GetListing(msgspec.Struct, omit_defaults=True):
    """Up to `limit` rows in order of name's UTF-8 bytes. With a delimiter, what follows it is folded into one row
    without a timestamp."""

    kind: str
    replicas: HostReplicas
    limit: int = 0
    marker: str = ""
    end_marker: str = ""
    prefix: str = ""
    delimiter: str = ""
    path: str | None = None
    reverse: bool = False


class ListingInfo(msgspec.Struct, omit_defaults=True):
    """The head of a listing: `count` rows of `size` bytes together; for accounts, `objects` in all containers."""

    name: str
    created: str = ""
    put: str = ""
    deleted: str = ""
    count: int = 0
    size: int = 0
    objects: int = 0
    metadata: dict[str, tuple[str, str]] = {}
    newest: str = ""

    @property
    def live(self) -> bool:
        return self.put > self.deleted

    def value(self, header: str) -> str:
        return self.metadata.get(header, ("", ""))[0]


class ListingReply(msgspec.Struct, omit_defaults=True):
    """201 202 200 204 404 409 507; rows come in the body as JSON."""

    status: int
    devices: tuple[str, ...] = ()
    info: ListingInfo | None = None
    why: str = ""


class MergeRows(msgspec.Struct, omit_defaults=True):
    """Tell a listing of changed rows. Devices that lack it come back in `missing` and nothing is created there."""

    kind: str
    replicas: HostReplicas
    name: str
    rows: list[ListingRow]


class MergeReply(msgspec.Struct, omit_defaults=True):
    status: int
    devices: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class GetChanges(msgspec.Struct, omit_defaults=True):
    """Compare or fetch listings between hosts: `changes since` of one device's listing."""

    kind: str
    device: str
    partition: int
    digest: str
    since: int = 0
    limit: int = 1000


class ChangesReply(msgspec.Struct, omit_defaults=True):
    status: int
    info: ListingInfo | None = None
    upto: int = 0


class MergeListing(msgspec.Struct, omit_defaults=True):
    """Bring a listing's head and rows up to date on one device, creating it if it is missing; rows in the body."""

    kind: str
    device: str
    partition: int
    digest: str
    info: ListingInfo


class GetSummary(msgspec.Struct, omit_defaults=True):
    """One number for each partition of a device: replicas that agree have the same."""

    device: str
    kind: str


class SummaryReply(msgspec.Struct, omit_defaults=True):
    status: int
    sums: dict[int, int] = {}


class GetInventory(msgspec.Struct, omit_defaults=True):
    """What a device holds of one partition."""

    device: str
    kind: str
    partition: int


class HeldReplica(msgspec.Struct, array_like=True):
    """One file: its digest, its timestamp in nanoseconds, and the one of its later metadata (0: none).

    Of a listing both are sums over its head.
    """

    digest: str
    stamp: int
    posted: int = 0


class InventoryReply(msgspec.Struct, omit_defaults=True):
    status: int
    held: list[HeldReplica] = []


class PutReplica(msgspec.Struct, omit_defaults=True):
    """A stored file as it is, trailer and all, in the body. It is checked before it is kept."""

    device: str
    partition: int
    digest: str
    stamp: int
    size: int
    later: bool = False


class ListExpired(msgspec.Struct, omit_defaults=True):
    """Objects of a device whose time is over at `before` (epoch seconds); rows in the body."""

    device: str
    before: int
    limit: int = 1000


class ForgetExpired(msgspec.Struct, omit_defaults=True):
    """These were dealt with."""

    device: str
    names: list[str]


class Quarantine(msgspec.Struct, omit_defaults=True):
    """Look at a file again and put it aside if it is damaged.

    `drop` instead: remove it (a handoff that was delivered) if it is still exactly what an inventory said.
    """

    device: str
    kind: str
    partition: int
    digest: str
    drop: HeldReplica | None = None


class Reclaim(msgspec.Struct, omit_defaults=True):
    """Forget what was deleted before a timestamp: rows of listings, and listings as a whole."""

    device: str
    before: str


class DoneReply(msgspec.Struct, omit_defaults=True):
    status: int = 200
    why: str = ""
