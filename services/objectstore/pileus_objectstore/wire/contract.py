"""The calls of a storage server. Within a version, fields may be added with a default; no meaning may change.

A call is `POST /<name>` with its arguments as JSON in the header `X-Args`; the body carries object bytes or rows only.
One request names all devices of that host which it concerns, so that three replicas on one host cost one request and
one MD5. Timestamps are Swift's: seconds with five decimals, zero-padded to 16 characters, so that they sort as text.
Everywhere the newest timestamp wins.
"""

import time

import msgspec

VERSION = 2


def timestamp(at: float | None = None) -> str:
    """A time in epoch seconds, by default now, as a timestamp."""
    return f"{time.time() if at is None else at:016.5f}"


class HostReplicas(msgspec.Struct, frozen=True, array_like=True):
    """The replicas of one name on one host: the devices that should hold it, then the handoffs.

    `policy` is the index of the storage policy of an object; all of its replicas are kept apart from other policies'.
    """

    partition: int
    digest: str
    devices: tuple[str, ...]
    handoffs: tuple[str, ...] = ()
    policy: int = 0


class ListingHost(msgspec.Struct, frozen=True, array_like=True):
    """A host whose replicas of a listing must be updated after a change."""

    host: str
    replicas: HostReplicas


class ListingRow(msgspec.Struct, array_like=True):
    """One line of a listing: an object of a container, or a container of an account.

    Of a container, `count` and `size` are its objects and bytes, as they were at `stats_at`, and `type` is the index of
    its storage policy, '' for 0.
    """

    name: str
    timestamp: str
    deleted: bool = False
    size: int = 0
    etag: str = ""
    type: str = ""
    count: int = 0
    stats_at: str = ""


class ObjectMeta(msgspec.Struct, omit_defaults=True):
    """What is stored with an object's bytes. It is also the format on disk.

    `posted` is the timestamp of the last change of metadata only. `listed_size` replaces the size in the container's
    listing unless it is -1, `listed_etag` is added to the ETag there, as `name=value; name=value` (large objects,
    symbolic links).
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
    """Store the request's body on all devices of `replicas`. Reply: ObjectReply.

    `size` is -1 if it is not known beforehand. `etag`: refuse (422) a body with another MD5. `listing_hosts` are the
    listings that this host must update. `only_if_new`: refuse (412) if there is an object. `max_bytes`: refuse (413) a
    longer body, unless -1. `min_devices`: keep the object on at least so many devices, or (507) on none. For
    `listed_size` and `listed_etag` see ObjectMeta. `footers`: the body comes in chunks, with Footers behind the last.
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
    footers: bool = False


class Footers(msgspec.Struct, omit_defaults=True):
    """What is known of an object only when its body has ended, such as a checksum: it travels behind the body as JSON.

    `headers` are stored with those of PutObject; `listed_etag`, unless '', replaces the one there.
    """

    headers: dict[str, str] = {}
    listed_etag: str = ""


def with_footers(request: PutObject, footers: Footers) -> PutObject:
    """The request as if all that its footers say had been known before."""
    headers = {**request.headers, **footers.headers}
    listed_etag = footers.listed_etag or request.listed_etag
    return msgspec.structs.replace(request, headers=headers, listed_etag=listed_etag, footers=False)


class DeleteObject(msgspec.Struct, omit_defaults=True):
    """Write a tombstone. `if_delete_at`: only if the object expires at that time, else 412. Reply: ObjectReply.

    A locked object is refused (403), unless `ignored_lock` says why not: see core/object_locks.py.
    """

    replicas: HostReplicas
    name: str
    timestamp: str
    listing_hosts: tuple[ListingHost, ...] = ()
    if_delete_at: int = 0
    ignored_lock: str = ""


class WithdrawObject(msgspec.Struct, omit_defaults=True):
    """Remove exactly the version with this timestamp, without a tombstone, because too few hosts took it.

    Reply: ObjectReply.
    """

    replicas: HostReplicas
    name: str
    timestamp: str


class PostObject(msgspec.Struct, omit_defaults=True):
    """Replace the metadata that a POST may change. Reply: ObjectReply.

    What would weaken a retention is refused (403), unless `ignored_lock` says why not: see core/object_locks.py.
    An object that has expired is there with `opens_expired` only, until the expirer deletes it. The row in the listing
    is written again if the type has changed, or if `listed`.
    """

    replicas: HostReplicas
    name: str
    timestamp: str
    headers: dict[str, str]
    listing_hosts: tuple[ListingHost, ...] = ()
    delete_at: int = 0
    ignored_lock: str = ""
    opens_expired: bool = False
    listed: bool = False


class GetObject(msgspec.Struct, omit_defaults=True):
    """Read an object, or only its metadata (`head`). Reply: ObjectReply.

    `first` and `last` are those of `bytes=first-last`; either may be missing. `if_timestamp`: only this version.
    `local`: the caller is on this host and may open its files, so a long body may be named instead of sent.
    """

    replicas: HostReplicas
    first: int | None = None
    last: int | None = None
    if_timestamp: str = ""
    head: bool = False
    local: bool = False


class ObjectReply(msgspec.Struct, omit_defaults=True):
    """Status 200, 201, 202, 204, 206, 403, 404, 409, 412, 413, 416, 422, 499 or 507.

    `devices` are those that have done what was asked. `start` and `length` describe the body, in bytes.
    With a `file` there is no body: it is in that file, which has this inode and whose checksums were verified lately.
    """

    status: int
    devices: tuple[str, ...] = ()
    meta: ObjectMeta | None = None
    timestamp: str = ""
    start: int = 0
    length: int = 0
    why: str = ""
    file: str = ""
    inode: int = 0


class PutListing(msgspec.Struct, omit_defaults=True):
    """Create an account's or a container's listing, or change its metadata. Reply: ListingReply.

    Values of `metadata` are set, empty ones removed. Without `create` a missing listing is refused (404). `policy` is
    the storage policy that a new container gets. `if_policy`: refuse (409) if the container has another, unless -1.
    """

    kind: str
    replicas: HostReplicas
    name: str
    timestamp: str
    metadata: dict[str, str] = {}
    listing_hosts: tuple[ListingHost, ...] = ()
    create: bool = True
    policy: int = 0
    if_policy: int = -1


class DeleteListing(msgspec.Struct, omit_defaults=True):
    """Delete a listing; refused (409) while it has rows. Reply: ListingReply."""

    kind: str
    replicas: HostReplicas
    name: str
    timestamp: str
    listing_hosts: tuple[ListingHost, ...] = ()


class GetListing(msgspec.Struct, omit_defaults=True):
    """Read the head of a listing and up to `limit` rows, by the UTF-8 bytes of names. Reply: ListingReply.

    With a delimiter, all names that are equal up to it are one row without a timestamp.
    """

    kind: str
    replicas: HostReplicas
    limit: int = 0
    marker: str = ""
    end_marker: str = ""
    prefix: str = ""
    delimiter: str = ""
    path: str | None = None
    reverse: bool = False


class PolicySums(msgspec.Struct, frozen=True, array_like=True):
    """What an account keeps under one storage policy: containers, objects and bytes."""

    containers: int = 0
    objects: int = 0
    size: int = 0


class ShardRange(msgspec.Struct, frozen=True, array_like=True):
    """Names of a divided container, from `lower` on and below `upper` ('': no bound), and the shard that lists them.

    Rows go to all ranges that contain their names; pages are read from `active` ones only. The shard has `count` rows
    of `size` bytes, as it said at `stats_at`.
    """

    lower: str
    upper: str
    shard: str
    active: bool = False
    count: int = 0
    size: int = 0
    stats_at: str = ""


class ListingInfo(msgspec.Struct, omit_defaults=True):
    """The head of a listing: `count` rows of `size` bytes together. It is also the format on disk.

    Of an account, `objects` is the number of objects in all containers, and `policies` has the sums of each storage
    policy but 0, whose sums are the rest. `policy` is a container's storage policy, which never changes while it
    exists. `newest` is the timestamp of the last change. `metadata` is {header: (value, timestamp)}; an empty value is
    the tombstone of a removed one. `ranges` are those of a divided container, as they were decided at `ranges_at`.
    """

    name: str
    created: str = ""
    put: str = ""
    deleted: str = ""
    count: int = 0
    size: int = 0
    objects: int = 0
    metadata: dict[str, tuple[str, str]] = {}
    newest: str = ""
    policy: int = 0
    policies: dict[int, PolicySums] = {}
    ranges: list[ShardRange] = []
    ranges_at: str = ""

    @property
    def live(self) -> bool:
        """Whether it exists, as opposed to being the tombstone of a deleted listing."""
        return self.put > self.deleted

    def value(self, header: str) -> str:
        """A header's value, '' if it is not set."""
        return self.metadata.get(header, ("", ""))[0]


class ListingReply(msgspec.Struct, omit_defaults=True):
    """Status 200, 201, 202, 204, 404, 409 or 507. Rows come in the body, as JSON.

    `divided`: the body has, instead of rows, the ranges in which they are, in the order of the page.
    """

    status: int
    devices: tuple[str, ...] = ()
    info: ListingInfo | None = None
    why: str = ""
    divided: bool = False


class MergeRows(msgspec.Struct, omit_defaults=True):
    """Merge changed rows into a listing's replicas. Reply: MergeReply.

    It is also the format of async pendings on disk. Devices without the listing are in the reply's `missing`; the
    listing is not created there.
    """

    kind: str
    replicas: HostReplicas
    name: str
    rows: list[ListingRow]


class MergeReply(msgspec.Struct, omit_defaults=True):
    """Status 200, or 404 if no device of the host has the listing.

    `ranges` are those to which the rows belong: the caller must send them there, too. A divided container itself takes
    only rows that no active range contains.
    """

    status: int
    devices: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    ranges: tuple[ShardRange, ...] = ()
