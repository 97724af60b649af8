"""Uploads in parts that become one object: each part is an object beside the bucket until the upload is completed.

The upload itself is an object, too, whose metadata the completed object will have. A completed upload is a static large
object. Where parts and uploads are is in upload_parts.py.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from pileus_kit.errors import CloudError, Conflict, NotFound
from pileus_objectstore.core import checksums, containers, lifecycle_index, listing, object_versioning, stored_objects
from pileus_objectstore.core.checksums import Checksum
from pileus_objectstore.core.clock import STEP_S
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.encryption import customer_keys, default_encryption
from pileus_objectstore.core.encryption.customer_keys import CustomerKey
from pileus_objectstore.core.encryption.sealing import ENCRYPTED
from pileus_objectstore.core.listing import Entry
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.object_locks import OURS
from pileus_objectstore.core.requests import Read
from pileus_objectstore.core.stored_objects import UNPLACED
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.upload_parts import (
    HAS_PARTS,
    UPLOAD,
    delete_listed,
    parts_container,
    upload_place,
    uploads_container,
)
from pileus_objectstore.wire.contract import Footers, ObjectMeta, PutObject, timestamp

ETAG = "X-Object-Sysmeta-S3-Etag"
CHECKSUM = "X-Object-Sysmeta-S3-Checksum"  # `Checksum.write`; of an upload without a value
CHECKSUM_LISTED, OWNER_LISTED = "s3_checksum", "s3_owner"
ABORTING = "X-Object-Sysmeta-S3-Aborting"  # of an upload whose parts are being deleted
COMPLETING = "X-Object-Sysmeta-S3-Completing"  # of an upload whose parts become an object: since when, a timestamp
MAX_COMPLETION_S = 300.0  # an upload whose completion takes longer, because its process has ended, can be aborted
MAX_PARTS = 10_000
NUMBER_DIGITS = 5
PART_TYPE = "binary/octet-stream"
LateChecksum = Callable[[], Checksum | None]


class NoSuchUpload(NotFound):
    """The upload was never begun, or is completed or aborted."""

    text = "There is no such upload."


class UploadBusy(Conflict):
    """The upload is being completed."""

    text = "The upload is being completed; if that fails it can be aborted later."


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that isn't completed. `checksum` has no value: it says which algorithm and type the parts have."""

    target: Target
    id: str
    timestamp: str
    checksum: Checksum | None = None
    headers: Mapping[str, str] | None = None
    owner: str = ""

    @property
    def place(self) -> Target:
        """The object that stands for the upload."""
        return upload_place(self.target, self.id)

    def part(self, number: int) -> Target:
        """The object that a part is."""
        return replace(parts_container(self.target), object=f"{self.prefix}{number:0{NUMBER_DIGITS}}")

    @property
    def prefix(self) -> str:
        """What the names of all its parts begin with."""
        return f"{self.target.object}/{self.id}/"


@dataclass(frozen=True, slots=True)
class Part:
    """A part that was uploaded. `checksum` is in base64, '' if it has none of the upload's algorithm."""

    number: int
    etag: str
    size: int
    timestamp: str
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class PartBody:
    """The body of a part: how it is read, and its size in bytes."""

    read: Read
    size: int


def begin(
    tools: Tools, target: Target, headers: Mapping[str, str], checksum: Checksum | None = None, owner: str = ""
) -> Upload:
    """Begin an upload. `headers` will be the object's metadata, `checksum` says which one it will have.

    `owner` is the project that lists show.
    """
    if tools.listing_cache.get(uploads_container(target)) is None:
        lifecycle_index.enter(tools, target.parent)
        policy = containers.find(tools, target).policy
        for holder in (parts_container(target), uploads_container(target)):
            containers.create(tools, None, holder, {}, policy)
    container = containers.find(tools, target)
    if not container.value(HAS_PARTS):
        containers.update(tools, target.parent, {HAS_PARTS: "true"})
    marks = {} if customer_keys.HEADER in headers else default_encryption.marks(container)
    upload = Upload(target, secrets.token_hex(16), timestamp(tools.now()), checksum, {**marks, **headers})
    kept = {**marks, **headers, UPLOAD: upload.id} | (
        {CHECKSUM: f"{checksum.algorithm} - {checksum.type}"} if checksum else {}
    )
    shown = [f"{OWNER_LISTED}={owner}"] if owner else []
    shown += [f"{CHECKSUM_LISTED}={checksum.algorithm}:-:{checksum.type}"] if checksum else []
    request = PutObject(UNPLACED, upload.place.path, upload.timestamp, kept, 0, listed_etag="; ".join(shown))
    tools.cluster.put_object(upload.place, request, lambda _: b"")
    return upload


def find(tools: Tools, target: Target, upload: str) -> Upload:
    """An upload that isn't completed. Raises NoSuchUpload."""
    if not upload or "/" in upload or len(upload) > 64:
        raise NoSuchUpload()
    meta = _find(tools, upload_place(target, upload))
    kept = {name: value for name, value in meta.headers.items() if name not in (CHECKSUM, COMPLETING)}
    return Upload(target, upload, meta.timestamp, checksums.read(meta.headers.get(CHECKSUM, "")), kept)


def _find(tools: Tools, place: Target) -> ObjectMeta:
    return _open(stored_objects.find(tools, place, newest=True))


def _open(meta: ObjectMeta | None) -> ObjectMeta:
    """What is known of an upload, if it is one that can still be completed. Raises NoSuchUpload."""
    if meta is None or ABORTING in meta.headers:
        raise NoSuchUpload()
    return meta


@contextmanager
def completing(tools: Tools, upload: Upload) -> Iterator[None]:
    """During the block the upload cannot be aborted. If the block fails, all is as before. Raises NoSuchUpload."""
    mark = timestamp(tools.now())
    found = _find(tools, upload.place)
    while found.headers.get(COMPLETING) != mark:  # another completion may have been first, which doesn't matter
        found = _open(_replace(tools, upload.place, found, {COMPLETING: mark}))
    try:
        yield
    except CloudError:
        with suppress(CloudError):
            _replace(tools, upload.place, found, {})
        raise


def _replace(tools: Tools, place: Target, found: ObjectMeta, marks: Mapping[str, str]) -> ObjectMeta | None:
    """Mark an upload, unless another request has since it was `found`; what is there then.

    Of those who try at the same time one succeeds, as all name the same time. It is that of the upload and a moment, so
    the upload is as old as before: others end it if this process doesn't.
    """
    kept = {name: value for name, value in found.headers.items() if name != COMPLETING}
    stamp = timestamp(float(found.timestamp) + STEP_S)
    request = PutObject(UNPLACED, place.path, stamp, {**kept, **marks}, 0, listed_etag=found.listed_etag)
    tools.cluster.put_object(place, request, lambda _: b"")
    return stored_objects.find(tools, place, newest=True)


def put_part(
    tools: Tools, upload: Upload, part: int, body: PartBody, checksum: LateChecksum, key: CustomerKey | None = None
) -> ObjectMeta:
    """Store a part; one of the same number is replaced. `checksum` is asked once the body was read.

    It is encrypted as the upload says. Raises CustomerKeyMissing, CustomerKeyWrong, and Conflict if a newer one came.
    """
    place, kept = upload.part(part), upload.headers or {}
    customer_keys.check(kept, key)
    marks, read = customer_keys.begin(key, body.read)
    marks |= {ENCRYPTED: kept[ENCRYPTED]} if ENCRYPTED in kept else {}

    def footers() -> Footers:
        found = checksum()
        if found is None:
            return Footers()
        return Footers({CHECKSUM: found.write()}, f"{CHECKSUM_LISTED}={found.algorithm}:{found.value}:{found.type}")

    request = PutObject(UNPLACED, place.path, timestamp(tools.now()), {"Content-Type": PART_TYPE, **marks}, body.size)
    reply = tools.cluster.put_object(place, request, read, footers)
    if reply.meta is None:
        raise Conflict(why="A part of this number was uploaded meanwhile.")
    return reply.meta


def list_parts(tools: Tools, upload: Upload, after: int = 0, limit: int = MAX_PARTS) -> list[Part]:
    """The parts of an upload by number, those after `after`."""
    marker = f"{upload.prefix}{after:0{NUMBER_DIGITS}}" if after else ""
    query = ListingQuery(limit=limit, prefix=upload.prefix, marker=marker)
    entries = listing.fetch(tools, parts_container(upload.target), query)[1]
    return [_part(entry) for entry in entries if entry.name[-NUMBER_DIGITS:].isdecimal()]


def find_part(tools: Tools, upload: Upload, number: int) -> Part | None:
    """A part, from the part itself: a listing may not know yet what was stored while its device was away."""
    meta = stored_objects.find(tools, upload.part(number), newest=True)
    if meta is None:
        return None
    return Part(number, meta.etag, meta.size, meta.timestamp, checksums.read(meta.headers.get(CHECKSUM, "")))


def list_uploads(tools: Tools, bucket: Target, marker: str = "", prefix: str = "", limit: int = 1000) -> list[Upload]:
    """Uploads of a bucket that aren't completed, by key, those after `marker` (`KEY/UPLOAD`)."""
    query = ListingQuery(limit=limit, prefix=prefix, marker=marker)
    found = []
    for entry in listing.fetch(tools, uploads_container(bucket), query)[1]:
        key, _, upload = entry.name.rpartition("/")
        target = replace(bucket, object=key)
        owner = _listed(entry).get(OWNER_LISTED, "")
        found.append(Upload(target, upload, entry.timestamp, _listed_checksum(entry), owner=owner))
    return found


def abort(tools: Tools, upload: Upload) -> None:
    """Delete an upload and its parts. From its first step on it can't be completed, so no object loses its parts.

    Parts of an object stay: a completion may have been interrupted after it had made the object. Raises UploadBusy
    while one makes it.
    """
    found = stored_objects.find(tools, upload.place, newest=True)
    while found is not None and ABORTING not in found.headers:
        is_recent = float(found.headers.get(COMPLETING) or 0) + MAX_COMPLETION_S > tools.now()
        if is_recent and not object_versioning.uses_upload(tools, upload.target, upload.id):
            raise UploadBusy()
        found = _replace(tools, upload.place, found, {ABORTING: "true"})
    if not object_versioning.uses_upload(tools, upload.target, upload.id):
        delete_listed(tools, parts_container(upload.target), upload.prefix)
    stored_objects.delete(tools, upload.place, ignored_lock=OURS)


def clear(tools: Tools, bucket: Target) -> None:
    """Delete all uploads and parts of a bucket that is being deleted, and the containers that held them."""
    for holder in (parts_container(bucket), uploads_container(bucket)):
        if tools.listing_cache.get(holder, fresh=True) is not None:
            delete_listed(tools, holder, "")
            containers.delete(tools, holder)


def _part(entry: Entry) -> Part:
    etag = entry.etag.partition("; ")[0]
    return Part(int(entry.name[-NUMBER_DIGITS:]), etag, entry.size, entry.timestamp, _listed_checksum(entry))


def _listed_checksum(entry: Entry) -> Checksum | None:
    return checksums.read(_listed(entry).get(CHECKSUM_LISTED, "").replace(":", " "))


def _listed(entry: Entry) -> dict[str, str]:
    """What the listing shows besides, see `ObjectMeta.listed_etag`."""
    return dict(one.partition("=")[::2] for one in entry.etag.split("; ")[1:])
