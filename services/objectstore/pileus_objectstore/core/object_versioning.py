"""Versions of objects, for Swift's X-Versions-Enabled and for S3's bucket versioning alike.

A container that keeps versions has a container beside it, which no client can name. Each PUT stores its data there,
under a name of its own, and only then makes the object in the client's container a link to it. So no step loses data
that was acknowledged, whichever process dies after it; what was stored but never linked is one more version. A
version's id is the timestamp of its PUT. A DELETE stores a delete marker there, then removes the link.

An object that is no link is the version "null". It is copied to the versions before a link replaces it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from pileus_kit.errors import BadRequest, Conflict, NotFound, PreconditionFailed
from pileus_objectstore.core import listing, object_locks, stored_objects, upload_parts
from pileus_objectstore.core.clock import STEP_S
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.encryption.sealing import ENCRYPTED
from pileus_objectstore.core.names import NOT_FOUND, Target
from pileus_objectstore.core.object_locks import OURS
from pileus_objectstore.core.requests import Read, ReadFooters
from pileus_objectstore.core.stored_objects import UNPLACED
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.upload_parts import UPLOAD
from pileus_objectstore.core.version_names import (
    DELETE_MARKER,
    NULL,
    NULL_MARK,
    NULL_MARK_LISTED,
    VERSION,
    Version,
    id_of,
    link_extras,
    parse_row,
    version_target,
    versions_container,
)
from pileus_objectstore.wire.contract import (
    Footers,
    ListingInfo,
    ObjectMeta,
    ObjectReply,
    PutObject,
    timestamp,
    with_footers,
)

ENABLED = "true"
DISABLED = "false"  # as Swift does it: a DELETE leaves no marker, a PUT replaces only what is not a version
SUSPENDED = "suspended"  # as S3 does it: a DELETE leaves a marker with the id "null", and there is one null version


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion did. `version` is the id of the marker that was made, or of the version that is gone."""

    existed: bool
    version: str = ""
    is_marker: bool = False


def state(container: ListingInfo | None) -> str:
    """ENABLED, DISABLED or SUSPENDED; '' for a container that never kept versions."""
    return container.value(listing.VERSIONING) if container is not None else ""


def present(tools: Tools, target: Target) -> ObjectReply:
    """What the client's container itself holds under a name: a link, a null version, a tombstone, or nothing."""
    return tools.cluster.head(tools.cluster.locate(target), newest=True)


def is_link(meta: ObjectMeta | None) -> bool:
    """Whether an object is a link to a version."""
    return meta is not None and VERSION in meta.headers


def linked_id(meta: ObjectMeta | None) -> str:
    """The id of the version to which an object is a link; "null" if it is none."""
    return meta.headers[VERSION] if meta is not None and VERSION in meta.headers else NULL


def target_of(target: Target, link: ObjectMeta) -> Target:
    """Where the version is to which the object at `target` is a link."""
    return version_target(target, link.headers[VERSION])


def find(tools: Tools, target: Target, version: str) -> ObjectMeta:
    """A version by its id; it may be a delete marker. Raises NotFound and BadRequest."""
    if version == NULL:
        meta = present(tools, target).meta
        if meta is None or is_link(meta) or stored_objects.expired(tools, meta):
            archived = find_archived_null(tools, target)
            meta = stored_objects.find(tools, archived) if archived else None
    else:
        meta = stored_objects.find(tools, version_target(target, version), newest=True)
    if meta is None:
        raise NotFound(why=NOT_FOUND)
    return meta


def save(
    tools: Tools,
    target: Target,
    request: PutObject,
    read: Read,
    container: ListingInfo,
    footers: ReadFooters | None = None,
) -> ObjectReply:
    """Store an object in a container that keeps versions, or once did. `reply.meta` tells the version: see `id_of`.

    Raises PreconditionFailed and what `Cluster.put_object` raises.
    """
    if state(container) == ENABLED:
        retention = object_locks.default_headers(object_locks.rules_of(container), request.headers, tools.now())
        request = msgspec.structs.replace(request, headers={**request.headers, **retention}) if retention else request
        return _save_version(tools, target, request, read, footers)
    archived = find_archived_null(tools, target) if state(container) == SUSPENDED else None
    reply = tools.cluster.put_object(target, request, read, footers)
    if archived is not None:
        _remove(tools, target, archived)
    return reply


def _save_version(
    tools: Tools, target: Target, request: PutObject, read: Read, footers: ReadFooters | None
) -> ObjectReply:
    there = present(tools, target).meta
    if request.only_if_new and there is not None and not stored_objects.expired(tools, there):
        raise PreconditionFailed(why="There is such an object already.")
    _archive(tools, target, there)
    stamp = timestamp(tools.now())
    place = version_target(target, stamp)
    stored = msgspec.structs.replace(request, name=place.path, timestamp=stamp, only_if_new=False, delete_at=0)
    known: list[Footers] = []

    def remembered() -> Footers:
        known.append(footers() if footers else Footers())
        return known[0]

    reply = tools.cluster.put_object(place, stored, read, remembered if footers else None)
    if reply.meta is None:
        return reply
    request = with_footers(request, known[0]) if known else request
    size = request.listed_size if request.listed_size >= 0 else reply.meta.size
    extras = link_extras(stamp, size, reply.meta.etag, request.listed_etag)
    link = _link_to(target, stamp, stamp, request.headers, extras)
    link = msgspec.structs.replace(link, delete_at=request.delete_at, only_if_new=request.only_if_new)
    try:
        tools.cluster.put_object(target, link, lambda _: b"")
    except PreconditionFailed:
        stored_objects.delete(tools, place, ignored_lock=OURS)
        raise
    return reply


def _link_to(target: Target, version: str, stamp: str, of: Mapping[str, str], extras: str) -> PutObject:
    """What makes the object a link to a version with the headers `of`.

    It counts as changed at `stamp`, so a PUT that came later wins over it. A version that is encrypted has a link that
    is encrypted, too, because a listing shows what the link says.
    """
    headers = {VERSION: version, "Content-Type": of.get("Content-Type", "")}
    headers |= {ENCRYPTED: of[ENCRYPTED]} if ENCRYPTED in of else {}
    return PutObject(UNPLACED, target.path, stamp, headers, 0, listed_etag=extras)


def _archive(tools: Tools, target: Target, meta: ObjectMeta | None) -> None:
    """Copy a null version to the versions. To do it again changes nothing: its name there is its timestamp's."""
    if meta is None or is_link(meta) or stored_objects.expired(tools, meta):
        return
    place = version_target(target, meta.timestamp)
    if find_archived_null(tools, target):
        stored_objects.duplicate(tools, target, place, meta.timestamp)
    else:
        stored_objects.duplicate(tools, target, place, meta.timestamp, {NULL_MARK: "true"}, NULL_MARK_LISTED)


def delete(tools: Tools, target: Target, container: ListingInfo, seen: str = "") -> Deletion:
    """Delete an object of a container that keeps versions, or once did. Raises Conflict.

    `seen` is the timestamp of what the container itself holds: something newer is neither deleted nor hidden.
    """
    until = timestamp(float(seen) + STEP_S) if seen else ""
    if state(container) == DISABLED:
        return Deletion(_remove(tools, target, target, until, strict=True))
    suspended = state(container) == SUSPENDED
    archived = find_archived_null(tools, target) if suspended else None
    if not suspended:
        _archive(tools, target, present(tools, target).meta)
    stamp = timestamp(tools.now())
    place = version_target(target, stamp)
    headers = {"Content-Type": DELETE_MARKER} | ({NULL_MARK: "true"} if suspended else {})
    marks = NULL_MARK_LISTED if suspended else ""
    marker = PutObject(UNPLACED, place.path, stamp, headers, 0, listed_etag=marks)
    tools.cluster.put_object(place, marker, lambda _: b"")
    try:
        existed = _remove(tools, target, target, until or stamp, "" if suspended else OURS, strict=bool(until))
    except Conflict:
        stored_objects.delete(tools, place)  # what is newer isn't hidden, so no marker may come before it
        raise
    if archived is not None:
        _remove(tools, target, archived)
    return Deletion(existed, NULL if suspended else stamp, is_marker=True)


def delete_version(tools: Tools, target: Target, version: str, *, promote: bool, ignored_lock: str = "") -> Deletion:
    """Delete a version, or a delete marker, for good. Raises NotFound, ObjectLocked and Conflict.

    With `promote`, as S3 has it, the newest version that is left becomes the current one if the current one, or the
    marker in its place, is deleted. Without, as Swift has it, there is no current one then.
    """
    with tools.turns.take(target):
        return _delete_version(tools, target, version, promote, ignored_lock)


def _delete_version(tools: Tools, target: Target, version: str, promote: bool, ignored_lock: str) -> Deletion:
    reply = present(tools, target)
    if version == NULL and reply.meta is not None and not is_link(reply.meta):
        return _delete_null(tools, target, reply, promote, ignored_lock)
    place = find_archived_null(tools, target) if version == NULL else version_target(target, version)
    meta = stored_objects.find(tools, place, newest=True) if place else None
    stored_objects.check_lock(tools, meta, ignored_lock)
    own = id_of(meta) if meta is not None else version
    if place is None or (meta is None and linked_id(reply.meta) != own):
        raise NotFound(why=NOT_FOUND)
    is_marker = meta is not None and is_delete_marker(meta)
    _unlink(tools, target, reply, own, promote=promote, was_marker=is_marker)
    _remove(tools, target, place, ignored_lock=ignored_lock)
    while linked_id((reply := present(tools, target)).meta) == own:  # another deletion has just promoted this version
        _unlink(tools, target, reply, own, promote=promote)
    return Deletion(True, version, is_marker)


def _unlink(
    tools: Tools, target: Target, reply: ObjectReply, version: str, *, promote: bool, was_marker: bool = False
) -> None:
    """End that a version, which will be deleted, is the current one."""
    current = linked_id(reply.meta) == version
    if promote and (current or (reply.meta is None and was_marker)):
        _promote(tools, target, reply, (version,))
    elif current:
        _remove(tools, target, target, _after(reply, version))


def _delete_null(tools: Tools, target: Target, reply: ObjectReply, promote: bool, ignored_lock: str) -> Deletion:
    stored_objects.check_lock(tools, reply.meta, ignored_lock)
    if promote and _promote(tools, target, reply):
        delete_parts(tools, target, reply.meta)
    else:
        _remove(tools, target, target, _after(reply), ignored_lock)
    return Deletion(True, NULL)


def _promote(tools: Tools, target: Target, reply: ObjectReply, gone: tuple[str, ...] = ()) -> bool:
    """Make the newest version, but for those that are `gone`, the current one; False if that is a marker or missing.

    The link is only a moment newer than what it replaces, so a PUT that is under way wins over it.
    """
    rows = [row for row in _rows(tools, target, len(gone) + 1) if row.id not in gone]
    if rows and gone and reply.meta is None and rows[0].id > gone[0]:
        return False  # the marker that goes was not the newest
    after = _after(reply, *gone)
    if not rows or rows[0].is_marker:
        if reply.meta is not None and gone:
            _remove(tools, target, target, after)
        return False
    place = version_target(target, rows[0].id)
    meta = stored_objects.find(tools, place)
    if meta is not None:
        __link_to(tools, target, meta, after)
        meta = stored_objects.find(tools, place)
    if meta is None:  # it was deleted meanwhile
        return _promote(tools, target, present(tools, target), (*gone, rows[0].id))
    return True


def __link_to(tools: Tools, target: Target, meta: ObjectMeta, stamp: str) -> ObjectReply:
    size = meta.listed_size if meta.listed_size >= 0 else meta.size
    extras = link_extras(id_of(meta), size, meta.etag, meta.listed_etag)
    return tools.cluster.put_object(target, _link_to(target, id_of(meta), stamp, meta.headers, extras), lambda _: b"")


def restore(tools: Tools, target: Target, version: str) -> ObjectMeta:
    """Make a version the current one. Raises NotFound, or BadRequest for the id "null"."""
    if version == NULL:
        raise BadRequest(why="Invalid version parameter")
    meta = find(tools, target, version)
    _archive(tools, target, present(tools, target).meta)
    __link_to(tools, target, meta, timestamp(tools.now()))
    return meta


def newest(tools: Tools, target: Target) -> ObjectMeta | None:
    """The newest version that is kept of an object, perhaps a delete marker; None if there is none."""
    rows = _rows(tools, target, 1)
    return stored_objects.find(tools, version_target(target, rows[0].id)) if rows else None


def is_delete_marker(meta: ObjectMeta) -> bool:
    """Whether a version is the marker of a deletion."""
    return meta.headers.get("Content-Type") == DELETE_MARKER


def find_archived_null(tools: Tools, target: Target) -> Target | None:
    """Where the null version of an object is kept that has a newer version; None if it has none."""
    return next((version_target(target, row.id) for row in _all_rows(tools, target) if row.is_null), None)


def uses_upload(tools: Tools, target: Target, upload: str, but: str = "") -> bool:
    """Whether the object, or a version of it, is made of the parts of an upload; what is stored at `but` doesn't count.

    A completion that was interrupted may have made two versions of the same parts.
    """
    metas = [present(tools, target).meta]
    for row in _all_rows(tools, target):
        if "s3_etag=" in row.etag:
            metas.append(stored_objects.find(tools, version_target(target, row.id)))
    return any(meta is not None and meta.name != but and meta.headers.get(UPLOAD) == upload for meta in metas)


def delete_parts(tools: Tools, target: Target, meta: ObjectMeta | None) -> None:
    """Delete the parts that something which was stored of `target`, and is gone, was uploaded in."""
    upload = meta.headers.get(UPLOAD) if meta is not None else None
    if meta is not None and upload and not uses_upload(tools, target, upload, meta.name):
        upload_parts.delete_parts(tools, meta)


def _all_rows(tools: Tools, target: Target) -> Iterator[Version]:
    """All versions of one object, newest first."""
    marker = ""
    while True:
        rows = _rows(tools, target, listing.MAX_ROWS, marker)
        yield from rows
        if len(rows) < listing.MAX_ROWS:
            return
        marker = version_target(target, rows[-1].id).object


def _rows(tools: Tools, target: Target, limit: int, marker: str = "") -> list[Version]:
    """The versions of one object, newest first."""
    query = ListingQuery(limit=limit, prefix=f"{target.object}\0", marker=marker)
    return [parse_row(entry) for entry in listing.fetch_rows(tools, versions_container(target.parent), query)[1]]


def _remove(
    tools: Tools, target: Target, place: Target, stamp: str = "", ignored_lock: str = "", *, strict: bool = False
) -> bool:
    """Delete what is stored of `target` at a place, and the parts that it was uploaded in; whether there was anything.

    Something newer than `stamp` stays; Conflict is raised then if `strict`, or without `stamp`. Raises ObjectLocked.
    """
    reply = stored_objects.delete(tools, place, stamp=stamp, ignored_lock=ignored_lock)
    if reply.status == 409 and (strict or not stamp):
        raise Conflict(why="There is a newer version of the object.")
    if reply.status == 204:
        delete_parts(tools, target, reply.meta)
    return reply.status != 404


def _after(reply: ObjectReply, *versions: str) -> str:
    """A timestamp just after that of what is there, or was."""
    there = max(reply.meta.timestamp if reply.meta else "", reply.timestamp, *versions)
    return timestamp(float(there) + STEP_S)
