"""What a container's listing shows of an object."""

from pileus_objectstore.rpc.contract import Meta, Row


def row_of(meta: Meta, stamp: str) -> Row:
    size = meta.listed_size if meta.listed_size >= 0 else meta.size
    etag = f"{meta.etag}; {meta.listed_etag}" if meta.listed_etag else meta.etag
    return Row(object_of(meta.name), stamp, False, size, etag, meta.headers.get("Content-Type", ""))


def container_of(name: str) -> str:
    """`/account/container` of `/account/container/object`."""
    return "/".join(name.split("/", 3)[:3])


def object_of(name: str) -> str:
    return name.split("/", 3)[3]
