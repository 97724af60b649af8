"""The head of an object that is erasure-coded: a stored object without a body that tells how to find the fragments.

A head is kept and replicated as any object is, so it alone decides whether the object exists, which version counts, and
what its metadata is. The fragments of a version never change.
"""

from collections.abc import Mapping

import msgspec

from pileus_objectstore.wire.contract import ObjectMeta

PREFIX = "X-Object-Sysmeta-Ec-"
SIZE = PREFIX + "Size"
ETAG = PREFIX + "Etag"
SCHEME = PREFIX + "Scheme"  # data, parity, bytes of a segment and kind of the code, as they were then
STAMP = PREFIX + "Stamp"  # the timestamp that the fragments' names contain


def is_coded(meta: ObjectMeta) -> bool:
    """Whether the object's bytes are in fragments."""
    return SIZE in meta.headers


def logical(meta: ObjectMeta) -> ObjectMeta:
    """A head with the size and ETag of the object for which it stands; others unchanged."""
    if SIZE not in meta.headers:
        return meta
    return msgspec.structs.replace(meta, size=int(meta.headers[SIZE]), etag=meta.headers[ETAG])


def without_marks(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an object without those that make it a head: a copy has fragments of its own."""
    return {name: value for name, value in headers.items() if not name.startswith(PREFIX)}
