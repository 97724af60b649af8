"""Versions by container metadata: what a PUT replaces is kept in another container, and a DELETE may restore it.

X-Versions-Location makes a stack: a DELETE restores the newest version. X-History-Location never restores on DELETE; it
keeps the deleted version and a marker of the deletion. A version's name is the length of the object's name in three hex
digits, the name, a slash, and the timestamp with which the version was stored.
"""

from typing import NamedTuple
from urllib.parse import unquote

from pileus_kit.errors import CloudError, PreconditionFailed
from pileus_objectstore.core import listing, object_versioning, stored_objects
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import Target, check
from pileus_objectstore.core.requests import Read, ReadFooters
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.upload_parts import HAS_PARTS, UPLOAD
from pileus_objectstore.core.version_names import DELETE_MARKER
from pileus_objectstore.wire.contract import ListingInfo, ObjectMeta, ObjectReply, PutObject, timestamp

STACK, HISTORY = "X-Versions-Location", "X-History-Location"
MAX_LOOKED_AT = 10  # versions that one DELETE looks at, until it finds one that can be restored


class Version(NamedTuple):
    """An archived version, or the marker of a deletion."""

    target: Target
    is_delete_marker: bool


def location(container: ListingInfo) -> str:
    """The name of the container that keeps this one's versions, '' if none does. It is stored URL-encoded."""
    return unquote(container.value(STACK) or container.value(HISTORY))


def prefix_of(name: str) -> str:
    """What the names of all versions of an object begin with."""
    return f"{len(name.encode()):03x}{name}/"


def save(
    tools: Tools,
    target: Target,
    request: PutObject,
    read: Read,
    container: ListingInfo,
    footers: ReadFooters | None = None,
) -> ObjectReply:
    """Store an object. In a versioned container the version that it replaces is kept.

    Parts of an upload end with the object that was made of them, unless it is this object again.
    """
    replaced = _lost_by_put(tools, target, container)
    reply = _save(tools, target, request, read, container, footers)
    if replaced is not None and reply.meta is not None and replaced.headers.get(UPLOAD) != request.headers.get(UPLOAD):
        object_versioning.delete_parts(tools, target, replaced)
    return reply


def _save(
    tools: Tools,
    target: Target,
    request: PutObject,
    read: Read,
    container: ListingInfo,
    footers: ReadFooters | None,
) -> ObjectReply:
    if object_versioning.state(container):
        return object_versioning.save(tools, target, request, read, container, footers)
    if location(container):
        archive_current(tools, target, container)
        request.timestamp = timestamp(tools.now())
    return tools.cluster.put_object(target, request, read, footers)


def _lost_by_put(tools: Tools, target: Target, container: ListingInfo) -> ObjectMeta | None:
    """What a PUT would replace without keeping it as a version, in a bucket that has parts of uploads."""
    keeps_it = location(container) or object_versioning.state(container) == object_versioning.ENABLED
    if keeps_it or not container.value(HAS_PARTS):
        return None
    meta = object_versioning.present(tools, target).meta
    return None if object_versioning.is_link(meta) else meta


def archive_current(tools: Tools, target: Target, container: ListingInfo) -> None:
    """Copy the current version, if there is one, to the archive. Raises PreconditionFailed if that is impossible."""
    meta = stored_objects.find(tools, target, newest=True)
    if meta is None:
        return
    archive = Target(target.account, location(container), prefix_of(target.object) + meta.timestamp)
    try:
        check(archive)
    except CloudError as e:
        raise PreconditionFailed(why=f"The version that is there can't be kept: {e}") from e
    if tools.listing_cache.get(archive.parent, fresh=True) is None:
        raise PreconditionFailed(why=f"The container for versions, {archive.container}, does not exist.")
    stored_objects.duplicate(tools, target, archive)


def delete(tools: Tools, target: Target, container: ListingInfo) -> ObjectReply:
    """Delete an object of a versioned container. The reply's status is the outcome."""
    if container.value(HISTORY) and not container.value(STACK):
        return _archive_deletion(tools, target, container)
    archive = Target(target.account, location(container))
    for version in _newest_first(tools, archive, prefix_of(target.object)):
        if version.is_delete_marker:
            return _undo_deletion(tools, target, version.target)
        if stored_objects.duplicate(tools, version.target, target) is not None:
            return stored_objects.delete(tools, version.target)
    return stored_objects.delete(tools, target)


def _undo_deletion(tools: Tools, target: Target, marker: Target) -> ObjectReply:
    """The newest entry of the archive is a deletion, which history mode has left there.

    An object that was stored after the deletion is deleted, and the marker stays. If there is none, the marker goes
    and the version before it is restored.
    """
    if stored_objects.find(tools, target, newest=True) is not None:
        return stored_objects.delete(tools, target)
    archive = Target(marker.account, marker.container)
    for version in _newest_first(tools, archive, prefix_of(target.object), marker.object):
        if version.is_delete_marker:
            break
        if stored_objects.duplicate(tools, version.target, target) is not None:
            stored_objects.delete(tools, version.target)
            break
    return stored_objects.delete(tools, marker)


def _archive_deletion(tools: Tools, target: Target, container: ListingInfo) -> ObjectReply:
    """History mode: keep the current version and a marker of its deletion, then delete it."""
    archive_current(tools, target, container)
    stamp = timestamp(tools.now())
    name = Target(target.account, location(container), prefix_of(target.object) + stamp)
    marker = PutObject(stored_objects.UNPLACED, name.path, stamp, {"Content-Type": DELETE_MARKER}, 0)
    tools.cluster.put_object(name, marker, lambda max_bytes: b"")
    return stored_objects.delete(tools, target)


def _newest_first(tools: Tools, archive: Target, prefix: str, before: str = "") -> list[Version]:
    query = ListingQuery(limit=MAX_LOOKED_AT, prefix=prefix, reverse=True, marker=before)
    _, entries = listing.fetch(tools, archive, query)
    return [
        Version(Target(archive.account, archive.container, entry.name), entry.content_type == DELETE_MARKER)
        for entry in entries
    ]
