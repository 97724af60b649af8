"""Uploads in parts that become one object: each part is an object beside the bucket until the upload is completed.

The parts are in the container `BUCKET+segments`, named `KEY/UPLOAD/NUMBER`; the upload itself is an object `KEY/UPLOAD`
there, whose metadata the completed object will have. A completed upload is a static large object of its parts.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pileus_kit.errors import BadRequest, NotFound
from pileus_objectstore.core import containers, listing, manifest_uploads, manifests, stored_objects, versions
from pileus_objectstore.core.access import Access
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.manifest_uploads import SegmentRequest
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.requests import PutRequest, Read
from pileus_objectstore.core.stored_objects import UNPLACED, reader_of
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ObjectMeta, PutObject, timestamp

SUFFIX = "+segments"
ETAG = "X-Object-Sysmeta-S3-Etag"
UPLOAD = "X-Object-Sysmeta-S3-Upload-Id"
MAX_PARTS = 10_000
MIN_PART_BYTES = 5 << 20
UPLOAD_TYPE = "application/x-multipart-upload"


class NoSuchUpload(NotFound):
    """The upload was never begun, or is completed or aborted."""

    text = "There is no such upload."


class PartWrong(BadRequest):
    """A part of the list isn't there, or has another ETag."""

    text = "Part {number} is not there, or has another ETag."


class PartTooSmall(BadRequest):
    """A part other than the last one is smaller than MIN_PART_BYTES."""

    text = "Part {number} is smaller than {least} bytes."


@dataclass(frozen=True, slots=True)
class Part:
    """A part that was uploaded."""

    number: int
    etag: str
    size: int
    timestamp: str


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that isn't completed."""

    key: str
    id: str
    timestamp: str


def parts_container(bucket: Target) -> Target:
    """The container beside the bucket that holds parts."""
    return Target(bucket.account, bucket.container + SUFFIX)


def begin(tools: Tools, target: Target, headers: Mapping[str, str]) -> str:
    """Begin an upload and return its id. `headers` will be the object's metadata."""
    holder = parts_container(target.parent)
    if tools.listing_cache.get(holder) is None:
        containers.create(tools, None, holder, {})
    upload = secrets.token_hex(16)
    kept = {**headers, UPLOAD: upload}
    place = _place(target, upload)
    request = PutObject(UNPLACED, place.path, timestamp(tools.now()), kept, 0, listed_etag="upload=1")
    tools.cluster.put_object(place, request, lambda _: b"")
    return upload


def find(tools: Tools, target: Target, upload: str) -> ObjectMeta:
    """What is known of an upload. Raises NoSuchUpload."""
    if not upload or "/" in upload or len(upload) > 64:
        raise NoSuchUpload()
    meta = stored_objects.find(tools, _place(target, upload), newest=True)
    if meta is None:
        raise NoSuchUpload()
    return meta


def put_part(tools: Tools, target: Target, upload: str, number: int, read: Read, size: int) -> str:
    """Store a part and return its ETag. A part of the same number is replaced. Raises NoSuchUpload."""
    find(tools, target, upload)
    place = _part(target, upload, number)
    request = PutObject(UNPLACED, place.path, timestamp(tools.now()), {"Content-Type": "binary/octet-stream"}, size)
    reply = tools.cluster.put_object(place, request, read)
    return reply.meta.etag if reply.meta else ""


def list_parts(tools: Tools, target: Target, upload: str, after: int = 0, limit: int = MAX_PARTS) -> list[Part]:
    """The parts of an upload by number, those after `after`. Raises NoSuchUpload."""
    find(tools, target, upload)
    prefix = f"{_place(target, upload).object}/"
    marker = f"{prefix}{after:05}" if after else ""
    query = ListingQuery(limit=limit, prefix=prefix, marker=marker)
    entries = listing.fetch(tools, parts_container(target.parent), query)[1]
    return [Part(int(entry.name[-5:]), entry.etag, entry.size, entry.timestamp) for entry in entries]


def list_uploads(tools: Tools, bucket: Target, prefix: str = "") -> Iterator[Upload]:
    """The uploads of a bucket that aren't completed, by key."""
    holder, marker = parts_container(bucket), ""
    while True:
        query = ListingQuery(limit=listing.MAX_ROWS, prefix=prefix, marker=marker)
        page = listing.fetch(tools, holder, query)[1]
        for entry in page:
            key, _, upload = entry.name.rpartition("/")
            if entry.etag.endswith("; upload=1"):
                yield Upload(key, upload, entry.timestamp)
        if len(page) < listing.MAX_ROWS:
            return
        marker = page[-1].name


def complete(tools: Tools, access: Access, target: Target, upload: str, wanted: Sequence[tuple[int, str]]) -> str:
    """Make one object of the parts and return its ETag. `wanted`: (number, ETag) in ascending order.

    A second call for the same upload returns the same. Raises NoSuchUpload, PartWrong, PartTooSmall.
    """
    try:
        meta = find(tools, target, upload)
    except NoSuchUpload:
        done = stored_objects.find(tools, target, newest=True)
        if done is None or done.headers.get(UPLOAD) != upload:
            raise
        return done.headers[ETAG]
    known = {part.number: part for part in list_parts(tools, target, upload)}
    for number, etag in wanted:
        if number not in known or known[number].etag != etag:
            raise PartWrong(number=number)
    for number, _ in wanted[:-1]:
        if known[number].size < MIN_PART_BYTES:
            raise PartTooSmall(number=number, least=MIN_PART_BYTES)
    etag = multipart_etag([etag for _, etag in wanted])
    container = containers.find(tools, target)
    segments = [SegmentRequest(_part(target, upload, number), "", etag) for number, etag in wanted]
    lines = manifest_uploads.check_segments(tools, access, segments)
    headers = meta.headers | {ETAG: etag}
    request = PutRequest(target, lambda _: b"", -1, headers)
    _, stored, data = manifest_uploads.build(tools, request, lines)
    stored.listed_etag += f"; s3_etag={etag}"
    replaced = stored_objects.find(tools, target, newest=True)
    versions.save(tools, target, stored, reader_of(iter([data])), container)
    for part in known.values():
        if part.number not in dict(wanted):
            stored_objects.delete(tools, _part(target, upload, part.number))
    stored_objects.delete(tools, _place(target, upload))
    if replaced is not None:
        delete_parts(tools, target, replaced)
    return etag


def abort(tools: Tools, target: Target, upload: str) -> None:
    """Delete an upload and its parts. Raises NoSuchUpload."""
    for part in list_parts(tools, target, upload):
        stored_objects.delete(tools, _part(target, upload, part.number))
    stored_objects.delete(tools, _place(target, upload))


def delete_parts(tools: Tools, target: Target, meta: ObjectMeta) -> None:
    """Delete the parts of a completed upload that was replaced or deleted; `meta` is what it was."""
    upload = meta.headers.get(UPLOAD)
    if not upload or not manifests.is_static(meta):
        return
    prefix = f"{_place(target, upload).object}/"
    while True:
        query = ListingQuery(limit=listing.MAX_ROWS, prefix=prefix)
        page = listing.fetch(tools, parts_container(target.parent), query)[1]
        for entry in page:
            stored_objects.delete(tools, Target(target.account, target.container + SUFFIX, entry.name))
        if len(page) < listing.MAX_ROWS:
            return


def multipart_etag(etags: Sequence[str]) -> str:
    """The ETag of a completed upload: MD5 over the parts' MD5s, and their number."""
    joined = b"".join(bytes.fromhex(etag) for etag in etags)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"


def _place(target: Target, upload: str) -> Target:
    return Target(target.account, target.container + SUFFIX, f"{target.object}/{upload}")


def _part(target: Target, upload: str, number: int) -> Target:
    return Target(target.account, target.container + SUFFIX, f"{target.object}/{upload}/{number:05}")


def clear(tools: Tools, bucket: Target) -> None:
    """Delete all uploads and parts of a bucket that is being deleted."""
    holder = parts_container(bucket)
    while page := listing.fetch(tools, holder, ListingQuery(limit=listing.MAX_ROWS))[1]:
        for entry in page:
            stored_objects.delete(tools, Target(holder.account, holder.container, entry.name))
