"""Quotas: a container's, which its owner sets, and an account's, which an operator sets."""

from pileus_objectstore.core.listing import VERSIONING
from pileus_objectstore.core.listing_cache import ListingCache
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.version_names import versions_container
from pileus_objectstore.errors import QuotaExceeded
from pileus_objectstore.wire.contract import ListingInfo, PolicySums

CONTAINER_QUOTAS = ("X-Container-Meta-Quota-Bytes", "X-Container-Meta-Quota-Count")
ACCOUNT_QUOTAS = ("X-Account-Meta-Quota-Bytes", "X-Account-Meta-Quota-Count")
POLICY_QUOTAS = "X-Account-Sysmeta-Quota-"
QUOTA_KINDS = ("Bytes", "Count")
UNLIMITED = -1
EXCEEDED = "Upload exceeds quota."
POLICY_EXCEEDED = "Upload exceeds policy quota."


def check(cache: ListingCache, target: Target, container: ListingInfo, size: int) -> int:
    """Return how many bytes the quotas leave for one more object, or UNLIMITED. Raises QuotaExceeded.

    `size` is the new object's size in bytes, -1 if it is not known yet. This is called before the body is read.
    """
    left = UNLIMITED
    if any(container.value(name) for name in CONTAINER_QUOTAS):
        container = cache.get(target.parent, fresh=True) or container
        kept = cache.get(versions_container(target.parent), fresh=True) if container.value(VERSIONING) else None
        used = container.size + (kept.size if kept else 0)
        left = _left(container.value(CONTAINER_QUOTAS[0]), used, size, left)
        _check_count(container.value(CONTAINER_QUOTAS[1]), container.count)
    account = cache.get(Target(target.account))
    if account and any(account.value(name) for name in ACCOUNT_QUOTAS):
        account = cache.get(Target(target.account), fresh=True) or account
        left = _left(account.value(ACCOUNT_QUOTAS[0]), account.size, size, left)
        _check_count(account.value(ACCOUNT_QUOTAS[1]), account.objects)
    names = [policy_quota(kind, container.policy) for kind in QUOTA_KINDS]
    if account and any(account.value(name) for name in names):
        account = cache.get(Target(target.account), fresh=True) or account
        sums = policy_sums(account).get(container.policy, PolicySums())
        left = _left(account.value(names[0]), sums.size, size, left, POLICY_EXCEEDED)
        _check_count(account.value(names[1]), sums.objects, POLICY_EXCEEDED)
    return left


def policy_quota(kind: str, policy: int) -> str:
    """The name under which an account's quota ("Bytes" or "Count") of a storage policy is stored."""
    return f"X-Account-Sysmeta-Quota-{kind}-Policy-{policy}"


def policy_sums(account: ListingInfo) -> dict[int, PolicySums]:
    """{policy: what the account keeps under it}, for each policy of which it has or had a container."""
    others = account.policies
    first = PolicySums(
        account.count - sum(each.containers for each in others.values()),
        account.objects - sum(each.objects for each in others.values()),
        account.size - sum(each.size for each in others.values()),
    )
    return {**({0: first} if first.containers else {}), **others}


def _check_count(quota: str, count: int, why: str = EXCEEDED) -> None:
    if quota and count + 1 > int(quota):
        raise QuotaExceeded(why=why)


def _left(quota: str, used: int, size: int, left: int, why: str = EXCEEDED) -> int:
    if not quota:
        return left
    room = int(quota) - used
    if room < max(size, 0):
        raise QuotaExceeded(why=why)
    return room if left == UNLIMITED else min(left, room)
