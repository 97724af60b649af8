"""Containers: their existence, metadata and deletion."""

from collections.abc import Mapping
from urllib.parse import unquote

from pileus_kit.auth import Caller
from pileus_kit.errors import BadRequest, Conflict, NotFound
from pileus_objectstore.core import accounts, listing, object_locks, object_versioning, sync_realms, versions
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.listing import VERSIONING
from pileus_objectstore.core.listing_heads import check_reply, check_total, put_container
from pileus_objectstore.core.names import CONFLICT, NOT_FOUND, Target, check
from pileus_objectstore.core.object_versioning import ENABLED
from pileus_objectstore.core.quotas import CONTAINER_QUOTAS
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_names import versions_container
from pileus_objectstore.wire.contract import (
    DeleteListing,
    HostReplicas,
    ListingHost,
    ListingInfo,
    ListingReply,
    timestamp,
)


def find(tools: Tools, target: Target) -> ListingInfo:
    """The head of the container of a target, perhaps a second old. Raises NotFound."""
    container = target.parent if target.object else target
    info = tools.listing_cache.get(container) or tools.listing_cache.get(container, fresh=True)
    if info is None:
        raise NotFound(why=NOT_FOUND)
    return info


def get(tools: Tools, target: Target) -> ListingInfo:
    """The head of a container as it is now. Raises NotFound."""
    info = tools.listing_cache.get(target, fresh=True)
    if info is None:
        raise NotFound(why=NOT_FOUND)
    return info


def list_objects(tools: Tools, target: Target, query: ListingQuery) -> tuple[ListingInfo, list[listing.Entry]]:
    """The head of a container and a page of its listing. Raises NotFound."""
    info, entries = listing.fetch(tools, target, query)
    if info is None:
        raise NotFound(why=NOT_FOUND)
    return info, entries


def bytes_of_versions(tools: Tools, target: Target) -> int:
    """How many bytes the versions of a container's objects have, the current ones included."""
    info = tools.listing_cache.get(versions_container(target), fresh=True)
    return info.size if info is not None else 0


def create(
    tools: Tools, caller: Caller | None, target: Target, values: Mapping[str, str], policy: int | None = None
) -> bool:
    """Create a container, and its account if this is its first; True if it is new. Values are set, '' removes one.

    `policy` is the index of its storage policy, None for the default or the one that it has. Raises Conflict if it has
    another one.
    """
    changes = check_metadata(tools, target, values)
    accounts.note_caller(tools, caller, target.parent)
    given = tools.cluster.rings.policies().default if policy is None else policy
    if changes.get(VERSIONING):
        there = tools.listing_cache.get(target, fresh=True)
        put_container(tools, versions_container(target), {}, policy=there.policy if there else given)
    reply = put_container(tools, target, changes, policy=given, fixed=policy is not None)
    return check_reply(reply).status == 201


def update(tools: Tools, target: Target, values: Mapping[str, str]) -> None:
    """Change a container's metadata: values are set, '' removes one. Raises NotFound or BadRequest."""
    changes = check_metadata(tools, target, values)
    if changes.get(VERSIONING):
        put_container(tools, versions_container(target), {}, policy=get(tools, target).policy)
    if put_container(tools, target, changes).status == 404:
        raise NotFound(why=NOT_FOUND)


def delete(tools: Tools, target: Target) -> None:
    """Delete an empty container. Raises NotFound, or Conflict while it holds objects or versions of them."""
    info = get(tools, target)
    versions_of = tools.listing_cache.get(versions_container(target), fresh=True) if info.value(VERSIONING) else None
    if versions_of is not None and not _is_empty(tools, versions_container(target), versions_of):
        raise Conflict(why="Delete all versions before deleting container.")
    if info.ranges_at and not _is_empty(tools, target, info):
        raise Conflict(why=CONFLICT)
    _delete(tools, target)
    if versions_of is not None:
        _delete(tools, versions_container(target))


def _is_empty(tools: Tools, target: Target, info: ListingInfo) -> bool:
    """Whether a container lists nothing. The sums of a divided one may be old, so its shards are asked."""
    if info.ranges_at:
        return not listing.fetch_rows(tools, target, ListingQuery(limit=1))[1]
    return not info.count


def _delete(tools: Tools, target: Target) -> None:
    stamp, rings = timestamp(tools.now()), tools.cluster.rings

    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> DeleteListing:
        return DeleteListing("container", replicas, target.path, stamp, listing_hosts)

    placement, account = rings.placement(*target.names), rings.placement(target.account)
    reply = tools.cluster.write("delete_listing", placement, account, ListingReply, make)
    tools.listing_cache.forget(target)
    check_reply(reply)


def check_metadata(tools: Tools, target: Target, values: Mapping[str, str]) -> dict[str, str]:
    """The changes to store: the given values, and what follows from them. Raises BadRequest."""
    changes = dict(values)
    for name in CONTAINER_QUOTAS:
        if changes.get(name) and not changes[name].isdecimal():
            raise BadRequest(why=f"Invalid {name.rpartition('-')[2].lower()} quota.")
    if changes.get(versions.STACK) and changes.get(versions.HISTORY):
        raise BadRequest(why=f"Only one of {versions.STACK} or {versions.HISTORY} may be specified")
    for name, other in ((versions.STACK, versions.HISTORY), (versions.HISTORY, versions.STACK)):
        if changes.get(name):
            changes[other] = ""  # a container keeps its versions in one way only
    _check_versioning(tools, target, changes)
    for name in (versions.STACK, versions.HISTORY):
        check(Target(target.account, unquote(changes.get(name, ""))))
    check_total(tools, target, changes)
    return changes


def _check_versioning(tools: Tools, target: Target, changes: Mapping[str, str]) -> None:
    """Raise BadRequest for a container that would keep versions in two ways."""
    older = any(changes.get(name) for name in (versions.STACK, versions.HISTORY))
    if not older and not changes.get(VERSIONING):
        return
    info = tools.listing_cache.get(target, fresh=True)
    if older and (changes.get(VERSIONING) or object_versioning.state(info) == object_versioning.ENABLED):
        raise BadRequest(why="Cannot use X-Versions-Location or X-History-Location on a container that keeps versions.")
    if changes.get(VERSIONING, ENABLED) != ENABLED and object_locks.rules_of(info) is not None:
        raise Conflict(why="An Object Lock configuration is present on this bucket, so it keeps versions for ever.")
    if changes.get(VERSIONING) == ENABLED and info is not None and info.value(sync_realms.TO):
        raise BadRequest(why=f"Object versioning can't be enabled while {sync_realms.TO} is set; remove that first.")
    if changes.get(VERSIONING) and info is not None and versions.location(info):
        raise BadRequest(why="Cannot enable object versioning on a container that already uses versioned writes.")
