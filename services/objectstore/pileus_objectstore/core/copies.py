"""Copies: the bytes go from replica to replica through the proxy, never through the client."""

from dataclasses import dataclass, replace
from urllib.parse import quote

from pileus_kit.errors import BadRequest, TooLarge
from pileus_objectstore.core import (
    containers,
    event_queues,
    manifest_uploads,
    manifests,
    objects,
    quotas,
    stored_objects,
    symlinks,
    versions,
)
from pileus_objectstore.core.access import CREATE_OBJECT, READ_OBJECT, Access
from pileus_objectstore.core.encryption import customer_keys, default_encryption
from pileus_objectstore.core.names import check
from pileus_objectstore.core.objects import FoundObject
from pileus_objectstore.core.requests import MAX_OBJECT_BYTES, CopyRequest, PutRequest
from pileus_objectstore.core.stored_objects import UNPLACED, reader_of
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.upload_parts import UPLOAD
from pileus_objectstore.wire.contract import ObjectReply, PutObject, timestamp


@dataclass(frozen=True, slots=True)
class Copied:
    """The outcome of a copy. `reply` is None if conditions or ranges prevented it: see `source.status`."""

    source: FoundObject
    headers: dict[str, str]
    reply: ObjectReply | None = None


def copy(tools: Tools, access: Access, request: CopyRequest) -> Copied:
    """Store a copy. The caller must be allowed to read the source and to write the destination.

    Raises NotFound, Forbidden, BadRequest, TooLarge, QuotaExceeded.
    """
    source, destination = request.source.target, request.destination
    check(source)
    check(destination)
    access.require(READ_OBJECT, source, request.source.version)
    access.require(CREATE_OBJECT, destination)
    found = _source(tools, access, request)
    if found.content.size > MAX_OBJECT_BYTES:
        raise TooLarge(why="The copy would be larger than an object may be.")
    if found.status in (304, 412):
        return Copied(found, {})
    copies_manifest = request.source.manifest and manifests.is_manifest(found.meta) and not found.large
    if request.source.ranges and (copies_manifest or len(request.source.ranges) > 1):
        raise BadRequest(why="A copy is of one range of an object's bytes, or of a whole manifest.")
    if found.status == 416:
        return Copied(found, {})
    first, last = found.spans[0]
    container = containers.find(tools, destination)
    quotas.check(tools.listing_cache, destination, container, last - first + 1)
    marks, read = customer_keys.begin(request.customer_key, reader_of(found.content.read(first, last)))
    marks = marks or default_encryption.marks(container)
    headers = marks | ({} if request.fresh_metadata else _inherited(found, copies_manifest)) | dict(request.headers)
    headers |= _account_of_link(found, request)
    if not headers.get("Content-Type"):
        headers["Content-Type"] = found.meta.headers.get("Content-Type", "")
    stored = PutObject(
        UNPLACED, destination.path, timestamp(tools.now()), headers, last - first + 1,
        delete_at=request.delete_at or (0 if request.fresh_metadata else found.meta.delete_at),
    )  # fmt: skip
    if copies_manifest and manifests.is_static(found.meta):
        put = PutRequest(destination, read, stored.size, headers, delete_at=stored.delete_at)
        segments = manifest_uploads.segment_requests_of(manifests.read_lines(found.content), destination)
        lines = manifest_uploads.check_segments(tools, access, segments)
        _, stored, data = manifest_uploads.build(tools, put, lines)
        read = reader_of(iter([data]))
    reply = stored_objects.with_headers(versions.save(tools, destination, stored, read, container), headers)
    event_queues.created(tools, destination, stored, reply, "Copy")
    return Copied(found, headers, reply)


def _source(tools: Tools, access: Access, request: CopyRequest) -> FoundObject:
    """The source. Parts of an upload end with the object that was made of them, so a copy has its bytes instead."""
    asked = replace(request.source, newest=True, as_put=False)
    found = objects.get(tools, access, asked)
    if asked.manifest and UPLOAD in found.meta.headers:
        return objects.get(tools, access, replace(asked, manifest=False))
    return found


def _account_of_link(found: FoundObject, request: CopyRequest) -> dict[str, str]:
    """To which account a link that is copied leads; if the caller says nothing, it is as it was stored."""
    if not request.link_account or not symlinks.is_link(found.meta):
        return {}
    return {symlinks.ACCOUNT: quote(request.link_account)}


def _inherited(found: FoundObject, copies_manifest: bool) -> dict[str, str]:
    """The source's metadata. What makes it a manifest is kept only if the manifest itself is copied.

    What the store has noted of an object, such as its lock and its ACL, is not the copy's.
    """
    manifest = () if copies_manifest else (manifests.DYNAMIC, manifests.STATIC)
    return {
        name: value for name, value in found.meta.headers.items() if name not in manifest and "-Sysmeta-" not in name
    }
