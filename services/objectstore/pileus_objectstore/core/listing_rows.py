"""What a container's listing shows of an object."""

from pileus_objectstore.core.coded_heads import logical
from pileus_objectstore.wire.contract import ListingRow, ObjectMeta


def row_of(meta: ObjectMeta, stamp: str) -> ListingRow:
    """The row of an object; `stamp` is the timestamp of the change that the row stands for."""
    meta = logical(meta)
    size = meta.listed_size if meta.listed_size >= 0 else meta.size
    etag = f"{meta.etag}; {meta.listed_etag}" if meta.listed_etag else meta.etag
    return ListingRow(object_of(meta.name), stamp, False, size, etag, meta.headers.get("Content-Type", ""))


def policy_mark(policy: int) -> str:
    """The index of a storage policy as rows carry it in `type`."""
    return str(policy) if policy else ""


def policy_of(mark: str) -> int:
    """The storage policy that a row's `type` stands for."""
    return int(mark or 0)


def latest_row(meta: ObjectMeta) -> ListingRow:
    """The row of an object or tombstone as it is now."""
    if meta.deleted:
        return ListingRow(object_of(meta.name), meta.timestamp, True)
    return row_of(meta, max(meta.timestamp, meta.posted))


def container_of(path: str) -> str:
    """`/account/container` of `/account/container/object`."""
    return "/".join(path.split("/", 3)[:3])


def object_of(path: str) -> str:
    """The object's name in `/account/container/object`."""
    return path.split("/", 3)[3]
