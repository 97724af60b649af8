"""Where the parts of uploads are, and how they end: with the object that was made of them, or with its bucket.

They are in a container beside the bucket that no client can name, as `KEY/UPLOAD/NUMBER`. What is known of an upload is
an object `KEY/UPLOAD` in another such container.
"""

from dataclasses import replace

from pileus_objectstore.core import listing, stored_objects
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.object_locks import OURS
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_names import RESERVED, VERSIONS, split_name
from pileus_objectstore.wire.contract import ObjectMeta

SEGMENTS, UPLOADS = f"{RESERVED}segments{RESERVED}", f"{RESERVED}uploads{RESERVED}"
UPLOAD = "X-Object-Sysmeta-S3-Upload-Id"
HAS_PARTS = "X-Container-Sysmeta-S3-Has-Parts"  # of a bucket in which an upload was begun, perhaps long ago


def parts_container(bucket: Target) -> Target:
    """The container beside the bucket that holds parts."""
    return Target(bucket.account, f"{SEGMENTS}{bucket.container}")


def uploads_container(bucket: Target) -> Target:
    """The container beside the bucket that holds what is known of uploads."""
    return Target(bucket.account, f"{UPLOADS}{bucket.container}")


def upload_place(target: Target, upload: str) -> Target:
    """The object that stands for an upload of `target`."""
    return replace(uploads_container(target), object=f"{target.object}/{upload}")


def delete_parts(tools: Tools, meta: ObjectMeta | None) -> None:
    """Delete the parts of a completed upload that was replaced or deleted; `meta` is what it was."""
    upload = meta.headers.get(UPLOAD) if meta is not None else None
    if meta is None or not upload:
        return
    place = stored_objects.place_of(meta)
    if place.container.startswith(VERSIONS):
        place = Target(place.account, place.container.removeprefix(VERSIONS), split_name(place.object)[0])
    delete_listed(tools, parts_container(place), f"{place.object}/{upload}/")


def delete_listed(tools: Tools, holder: Target, prefix: str) -> None:
    """Delete all objects of a container whose names begin with `prefix`."""
    marker = ""
    while True:
        query = ListingQuery(limit=listing.MAX_ROWS, prefix=prefix, marker=marker)
        page = listing.fetch(tools, holder, query)[1]
        for entry in page:
            stored_objects.delete(tools, replace(holder, object=entry.name), ignored_lock=OURS)
        if len(page) < listing.MAX_ROWS:
            return
        marker = page[-1].name
