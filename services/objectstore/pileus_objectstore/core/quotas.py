"""Quotas that an owner puts on a container and an operator on an account; checked before the body is read."""

from pileus_kit.errors import TooLarge
from pileus_objectstore.core.listing_cache import ListingCache
from pileus_objectstore.core.names import Target
from pileus_objectstore.wire.contract import ListingInfo

CONTAINER = ("X-Container-Meta-Quota-Bytes", "X-Container-Meta-Quota-Count")
ACCOUNT = ("X-Account-Meta-Quota-Bytes", "X-Account-Meta-Quota-Count")


def check(listing_cache: ListingCache, target: Target, container: ListingInfo, size: int) -> int:
    """Raises TooLarge if one more object of `size` bytes (-1: unknown) would be too much; else the bytes left (-1:
    no limit)."""
    left = -1
    if any(container.value(name) for name in CONTAINER):
        container = listing_cache.get(target.parent, fresh=True) or container
        count = container.value(CONTAINER[1])
        if count and container.count + 1 > int(count):
            raise TooLarge(why="Upload exceeds quota.")
        left = _left(container.value(CONTAINER[0]), container.size, size, left)
    account = listing_cache.get(Target(target.account))
    if account and any(account.value(name) for name in ACCOUNT):
        account = listing_cache.get(Target(target.account), fresh=True) or account
        count = account.value(ACCOUNT[1])
        if count and account.objects + 1 > int(count):
            raise TooLarge(why="Upload exceeds quota.")
        left = _left(account.value(ACCOUNT[0]), account.size, size, left)
    return left


def _left(quota: str, used: int, size: int, left: int) -> int:
    if not quota:
        return left
    room = int(quota) - used
    if room < max(size, 0):
        raise TooLarge(why="Upload exceeds quota.")
    return room if left < 0 else min(left, room)
