"""Quotas: a container's, which its owner sets, and an account's, which an operator sets."""

from pileus_objectstore.core.listing_cache import ListingCache
from pileus_objectstore.core.names import Target
from pileus_objectstore.errors import QuotaExceeded
from pileus_objectstore.wire.contract import ListingInfo

CONTAINER_QUOTAS = ("X-Container-Meta-Quota-Bytes", "X-Container-Meta-Quota-Count")
ACCOUNT_QUOTAS = ("X-Account-Meta-Quota-Bytes", "X-Account-Meta-Quota-Count")
UNLIMITED = -1


def check(cache: ListingCache, target: Target, container: ListingInfo, size: int) -> int:
    """Return how many bytes the quotas leave for one more object, or UNLIMITED. Raises QuotaExceeded.

    `size` is the new object's size in bytes, -1 if it is not known yet. This is called before the body is read.
    """
    left = UNLIMITED
    if any(container.value(name) for name in CONTAINER_QUOTAS):
        container = cache.get(target.parent, fresh=True) or container
        left = _left(container.value(CONTAINER_QUOTAS[0]), container.size, size, left)
        _check_count(container.value(CONTAINER_QUOTAS[1]), container.count)
    account = cache.get(Target(target.account))
    if account and any(account.value(name) for name in ACCOUNT_QUOTAS):
        account = cache.get(Target(target.account), fresh=True) or account
        left = _left(account.value(ACCOUNT_QUOTAS[0]), account.size, size, left)
        _check_count(account.value(ACCOUNT_QUOTAS[1]), account.objects)
    return left


def _check_count(quota: str, count: int) -> None:
    if quota and count + 1 > int(quota):
        raise QuotaExceeded()


def _left(quota: str, used: int, size: int, left: int) -> int:
    if not quota:
        return left
    room = int(quota) - used
    if room < max(size, 0):
        raise QuotaExceeded()
    return room if left == UNLIMITED else min(left, room)
