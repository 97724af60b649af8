"""Container sync: what is in a container is brought to another one, here or in another cluster, and the newer wins.

`X-Container-Sync-To` says where, and both containers have the same `X-Container-Sync-Key`, with which (and a key of the
realm, see sync_realms.py) requests are signed. Each object keeps its timestamp, so two containers may lead to each
other. Containers with object versioning can't take part: versions have times of their own.

A manifest is brought as it is, perhaps before its segments. What was made of an S3 upload's parts, which no client can
name, arrives as one object.
"""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import BadRequest, Conflict, TooLarge
from pileus_objectstore.core import (
    containers,
    event_queues,
    manifests,
    object_versioning,
    quotas,
    stored_objects,
    symlinks,
    sync_realms,
    versions,
)
from pileus_objectstore.core.bucket_index import BucketIndex
from pileus_objectstore.core.encryption import default_encryption
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.requests import PutRequest
from pileus_objectstore.core.stored_objects import UNPLACED
from pileus_objectstore.core.sync_realms import TO
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_names import RESERVED
from pileus_objectstore.wire.contract import ListingInfo, ObjectMeta, ObjectReply, PutObject

INDEX = BucketIndex("container-sync")
PROGRESS = "X-Object-Sysmeta-Sync-Progress"
MAX_MANIFEST_BYTES = 8 << 20
VERSIONED = "A container with object versioning can't be synchronised."


class Progress(msgspec.Struct, omit_defaults=True):
    """How far a container is synchronised with what `to` describes, in a pass that began at `began` (epoch seconds).

    `changes` are the numbers of the last changes that were brought there, by the replicas from which they were read.
    """

    to: str = ""
    began: float = 0.0
    changes: dict[str, int] = {}


class Synced(NamedTuple):
    """What a signed request brings, besides the object itself.

    `stamp` is the object's timestamp, `static`: it is the manifest of a static large object, in the form in which it is
    stored. `link_size`: how large the object is to which a static link leads.
    """

    stamp: str
    static: bool = False
    link_size: str = ""


def check(tools: Tools, container: Target, changes: Mapping[str, str]) -> None:
    """Check a new destination in a container's changed metadata, and see to it that the daemon learns of it.

    Raises BadRequest for one that can't be used, and Unavailable.
    """
    if not changes.get(TO):
        return
    sync_realms.destination(sync_realms.load(tools.config.container_sync_realms), changes[TO])
    if object_versioning.state(tools.listing_cache.get(container, fresh=True)):
        raise BadRequest(why=VERSIONED)
    save(tools, container, Progress())


def progress(tools: Tools, container: Target) -> Progress:
    """How far the daemon has come with a container."""
    meta = INDEX.find(tools, container)
    text = meta.headers.get(PROGRESS, "") if meta is not None else ""
    return decoding.decode(text.encode(), Progress) if text else Progress()


def save(tools: Tools, container: Target, reached: Progress) -> None:
    """Remember how far the daemon has come."""
    INDEX.write(tools, container, {PROGRESS: msgspec.json.encode(reached).decode()})


def find(tools: Tools, target: Target) -> ObjectMeta | None:
    """What is known of an object, whatever it is a link to; None if there is none."""
    return stored_objects.find(tools, target, newest=True)


def changed_at(meta: ObjectMeta) -> str:
    """The timestamp of the last change of an object's bytes or metadata."""
    return max(meta.timestamp, meta.posted)


def put(tools: Tools, request: PutRequest, synced: Synced) -> ObjectReply:
    """Store what a signed request brings, as of its timestamp. Status 201, or 409 if there is something newer.

    Raises NotFound, BadRequest, Conflict, QuotaExceeded or Unprocessable.
    """
    target, container = request.target, _container(tools, request.target)
    room = quotas.check(tools.listing_cache, target, container, request.size)
    headers = {**default_encryption.marks(container), **request.headers}
    stored = PutObject(
        UNPLACED, target.path, synced.stamp, headers, request.size, request.etag, delete_at=request.delete_at,
        max_bytes=request.max_bytes if room == quotas.UNLIMITED else min(request.max_bytes, room),
    )  # fmt: skip
    read = request.read
    if request.link is not None:
        stored.headers |= _link_headers(request, synced)
        stored.listed_etag = symlinks.listed_etag(stored.headers)
    elif synced.static:
        data = _read_all(request)
        stored.headers |= _manifest_headers(data)
        stored.size, stored.listed_size = len(data), int(stored.headers[symlinks.SLO_SIZE])
        stored.listed_etag = f"slo_etag={stored.headers[symlinks.SLO_ETAG]}"
        read = stored_objects.reader_of(iter([data]))
    reply = versions.save(tools, target, stored, read, container)
    event_queues.created(tools, target, stored, reply, request.event)
    return reply


def delete(tools: Tools, target: Target, stamp: str) -> int:
    """Delete an object as of a timestamp; 204, 404 if there was none, or 409 if there is a newer one.

    Raises NotFound, Conflict or ObjectLocked.
    """
    _container(tools, target)
    reply = stored_objects.delete(tools, target, stamp=stamp)
    if reply.status in (404, 409):
        return reply.status
    object_versioning.delete_parts(tools, target, reply.meta)
    event_queues.removed(tools, target, "", marker=False)
    return 204


def _container(tools: Tools, target: Target) -> ListingInfo:
    container = containers.find(tools, target)
    if object_versioning.state(container) or versions.location(container):
        raise Conflict(why="A container that keeps versions takes nothing from another one.")
    return container


def _link_headers(request: PutRequest, synced: Synced) -> dict[str, str]:
    """What makes an object a link. Its target may come later, so it isn't looked for: each reader is asked then."""
    assert request.link is not None
    plain = replace(request, link=replace(request.link, etag=""))
    return symlinks.plain_headers(plain) | (
        {symlinks.ETAG: request.link.etag, symlinks.BYTES: synced.link_size} if request.link.etag else {}
    )


def _read_all(request: PutRequest) -> bytes:
    pieces, size = [], 0
    while piece := request.read(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_MANIFEST_BYTES:
            raise TooLarge(why=f"A manifest may have at most {MAX_MANIFEST_BYTES} bytes.")
    return b"".join(pieces)


def _manifest_headers(data: bytes) -> dict[str, str]:
    """What is stored with a static manifest. Its segments may come later; what a reader may see is checked then."""
    try:
        lines = decoding.decode(data, list[manifests.Line])
        size = 0
        for line in lines:
            if not line.data and (line.name.count("/") < 2 or line.name.startswith(f"/{RESERVED}")):
                raise BadRequest(why=f"The manifest has a line that names no object: {line.name!r}")
            base64.b64decode(line.data, validate=True)
            segment = manifests.segment_of(line)
            if not 0 <= segment.size <= max(line.bytes, 0) and not line.data:
                raise BadRequest(why=f"The manifest has a line whose size makes no sense: {line.name!r}")
            size += segment.size
    except (msgspec.MsgspecError, ValueError, RecursionError) as e:
        raise BadRequest(why="The body is no stored manifest of a static large object.") from e
    if not lines or size > manifests.MAX_LARGE_OBJECT_BYTES:
        raise BadRequest(why="The manifest names no segments, or too many bytes.")
    etag = manifests.static_etag(lines)
    return {manifests.STATIC: "True", symlinks.SLO_ETAG: etag, symlinks.SLO_SIZE: str(size)}
