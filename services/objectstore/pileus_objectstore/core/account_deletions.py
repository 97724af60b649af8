"""Accounts that an operator has deleted with all that is in them: the reaper removes it (daemons/reaper.py).

The account is marked first, so that it is gone for clients, and then entered in a list for the reaper.
"""

from pileus_kit.errors import Conflict, NotFound, Unavailable
from pileus_objectstore.core import accounts, containers, listing, stored_objects
from pileus_objectstore.core.bucket_index import BucketIndex, Entry
from pileus_objectstore.core.buckets import BucketRegistry
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import NOT_FOUND, Target
from pileus_objectstore.core.object_locks import OURS
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.upload_parts import SEGMENTS, UPLOADS
from pileus_objectstore.errors import ObjectLocked

INDEX = BucketIndex("deletions")  # of accounts, whose entries name no bucket
PAGE_ROWS = 1000


class Remains:
    """What the reaper did with an account, and what it must come back for."""

    def __init__(self, most: int) -> None:
        self.most = most  # objects in one go
        self.deleted = 0
        self.locked = 0
        self.failed = 0

    @property
    def paused(self) -> bool:
        """Whether enough was done for now."""
        return self.deleted >= self.most


def delete(tools: Tools, target: Target) -> None:
    """Delete an account with all containers and objects; they go a little later. Raises NotFound, Unavailable."""
    info = tools.listing_cache.get(target, fresh=True)
    if info is None:
        raise NotFound(why=NOT_FOUND)
    again = accounts.is_deleted(info)
    if not again:
        try:
            accounts.delete(tools, target)
            return
        except Conflict:
            accounts.mark_deleted(tools, target)
    INDEX.write(tools, Target(target.account), {})
    if again:
        raise NotFound(why=NOT_FOUND)


def is_due(tools: Tools, entry: Entry) -> bool:
    """Whether the reaper may begin with an account. One whose deletion was taken back leaves the list.

    A replica that has not heard of the deletion says neither. Raises Unavailable.
    """
    info = tools.listing_cache.get(Target(entry.bucket.account), fresh=True)
    if info is None:
        return True
    if not accounts.is_deleted(info):
        if accounts.DELETED in info.metadata:
            INDEX.remove(tools, entry)
        return False
    return tools.now() >= accounts.reaped_at(tools, info)


def reap(tools: Tools, entry: Entry, remains: Remains) -> bool:
    """Delete what is in an account, then the account; whether it is gone. What is locked stays until its lock ends."""
    account, left = Target(entry.bucket.account), remains.locked + remains.failed
    for of_parts in (False, True):
        _reap_containers(tools, account, remains, of_parts=of_parts)
        if remains.paused or remains.locked + remains.failed > left:  # parts stay while a locked version needs them
            return False
    try:
        accounts.delete(tools, account)
    except Conflict:  # a container's row came late
        remains.failed += 1
        return False
    except NotFound:
        pass
    INDEX.remove(tools, entry)
    return True


def _reap_containers(tools: Tools, account: Target, remains: Remains, *, of_parts: bool) -> None:
    """Empty and delete the containers of parts, or all others, until `remains` is paused."""
    marker = ""
    while page := _containers(tools, account, marker):
        for name in page:
            if name.startswith(SEGMENTS) is of_parts:
                _reap_container(tools, Target(account.account, name), remains)
            if remains.paused:
                return
        marker = page[-1]


def _containers(tools: Tools, account: Target, marker: str) -> list[str]:
    query = ListingQuery(limit=PAGE_ROWS, marker=marker)
    return [row.name for row in listing.fetch_rows(tools, account, query)[1]]


def _reap_container(tools: Tools, container: Target, remains: Remains) -> None:
    marker, left = "", remains.locked + remains.failed
    while names := _objects(tools, container, marker):
        for name in names:
            _delete_object(tools, Target(container.account, container.container, name), remains)
            if remains.paused:
                return
        marker = names[-1]
    if remains.locked + remains.failed > left:
        return
    try:
        containers.delete(tools, container)
        if BucketRegistry().find(tools, container.container) == container.account:
            BucketRegistry().release(tools, container.container)
    except NotFound:
        pass
    except (Conflict, Unavailable):  # a version's container that comes later, or a row that came late
        remains.failed += 1


def _objects(tools: Tools, container: Target, marker: str) -> list[str]:
    query = ListingQuery(limit=PAGE_ROWS, marker=marker)
    return [row.name for row in listing.fetch_rows(tools, container, query)[1]]


def _delete_object(tools: Tools, target: Target, remains: Remains) -> None:
    is_upload = target.container.startswith(UPLOADS)  # it has the lock that its object would have got
    try:
        stored_objects.delete(tools, target, ignored_lock=OURS if is_upload else "")
        remains.deleted += 1
    except ObjectLocked:
        remains.locked += 1
    except Unavailable:
        remains.failed += 1
