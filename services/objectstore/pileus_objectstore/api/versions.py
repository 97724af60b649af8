"""Versions by container metadata: what a PUT replaces is kept in another container, and a DELETE brings it back.

X-Versions-Location is that stack; X-History-Location never brings back, but keeps the deleted one and a marker of
the deletion.
A version's name is the length of the object's name in three hex digits, the name, a slash, and the time at which it
was stored.
"""

from urllib.parse import unquote

from pileus_kit import decoding
from pileus_kit.errors import CloudError, PreconditionFailed
from pileus_objectstore.api import storing
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core.names import Target, check
from pileus_objectstore.core.pages import Entry
from pileus_objectstore.wire.contract import ListingInfo, ObjectReply, PutObject, timestamp

STACK, HISTORY = "X-Versions-Location", "X-History-Location"
MARKER = "application/x-deleted;swift_versions_deleted=1"


def location(container: ListingInfo) -> str:
    """The name of the container that keeps; stored as its owner wrote it, URL-encoded."""
    return unquote(container.value(STACK) or container.value(HISTORY))


def prefix_of(name: str) -> str:
    return f"{len(name.encode()):03x}{name}/"


def keep_old(tools: Tools, target: Target, container: ListingInfo) -> None:
    """Before a PUT (or a DELETE with history): the version that is there goes to the archive. A marker needs no
    keeping."""
    meta = storing.meta_of(tools, target, newest=True)
    if meta is None:
        return
    archive = Target(target.account, location(container), prefix_of(target.object) + meta.timestamp)
    try:
        check(archive)
    except CloudError as e:
        raise PreconditionFailed(why=f"The version that is there can't be kept: {e}") from e
    if tools.listing_cache.get(archive.parent, fresh=True) is None:
        raise PreconditionFailed(why=f"The container for versions, {archive.container}, does not exist.")
    storing.duplicate(tools, target, archive)


def remove(tools: Tools, target: Target, container: ListingInfo) -> ObjectReply:
    """DELETE of an object in a versioned container."""
    if container.value(HISTORY) and not container.value(STACK):
        return _bury(tools, target, container)
    archive = Target(target.account, location(container))
    for name, marker in _newest_first(tools, archive, prefix_of(target.object)):
        version = Target(archive.account, archive.container, name)
        if marker:
            return _unbury(tools, target, version)
        if storing.duplicate(tools, version, target) is not None:
            return storing.remove(tools, version)
    return storing.remove(tools, target)


def _unbury(tools: Tools, target: Target, marker: Target) -> ObjectReply:
    """The last thing that history kept is a deletion. What was stored after it is deleted, back to that; if nothing
    was, the deletion itself is taken back and the version before it stands again."""
    if storing.meta_of(tools, target, newest=True) is not None:
        return storing.remove(tools, target)
    archive = Target(marker.account, marker.container)
    for name, deletion in _newest_first(tools, archive, prefix_of(target.object), marker.object):
        version = Target(archive.account, archive.container, name)
        if deletion:
            break
        if storing.duplicate(tools, version, target) is not None:
            storing.remove(tools, version)
            break
    return storing.remove(tools, marker)


def _bury(tools: Tools, target: Target, container: ListingInfo) -> ObjectReply:
    keep_old(tools, target, container)
    stamp = timestamp(tools.now())
    name = Target(target.account, location(container), prefix_of(target.object) + stamp)
    marker = PutObject(storing.NOWHERE, name.path, stamp, {"Content-Type": MARKER}, 0)
    storing.store(tools, name, marker, lambda max_bytes: b"")
    return storing.remove(tools, target)


def _newest_first(tools: Tools, archive: Target, prefix: str, before: str = "") -> list[tuple[str, bool]]:
    """[(name of a version, whether it is the marker of a deletion)]"""
    placement = tools.cluster.rings.placement(*archive.names)
    _, rows = tools.cluster.listing("container", placement, limit=10, prefix=prefix, reverse=True, marker=before)
    found = decoding.decode(rows, list[Entry]) if rows else []
    return [(entry[0], entry[4] == MARKER) for entry in found]


def save(tools: Tools, target: Target, args: PutObject, read: storing.Read, container: ListingInfo) -> ObjectReply:
    """Store, and keep what was there if the container keeps"""
    if location(container):
        keep_old(tools, target, container)
        args.timestamp = timestamp(tools.now())
    return storing.store(tools, target, args, read)
