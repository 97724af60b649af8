"""Accounts: they exist as soon as they are used, so there is nothing to create beforehand."""

from collections.abc import Mapping
from dataclasses import replace

from pileus_kit.auth import Caller
from pileus_kit.errors import BadRequest, NotFound
from pileus_objectstore.core import listing, rate_limits, read_only
from pileus_objectstore.core.access import PROJECT_DOMAIN, SET_ACCOUNT_LIMITS, SET_ACCOUNT_QUOTA, Access
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.listing_heads import check_reply, check_total
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.quotas import ACCOUNT_QUOTAS, POLICY_QUOTAS
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_names import RESERVED, VERSIONS
from pileus_objectstore.wire.contract import (
    DeleteListing,
    HostReplicas,
    ListingHost,
    ListingInfo,
    ListingReply,
    PutListing,
    timestamp,
)

PAST_RESERVED = f"{RESERVED}\U0010ffff"  # after the names of all containers that no client can name
DELETED = "X-Account-Sysmeta-Deleted"  # when an operator deleted the account with all that is in it
DELETED_LATELY = "The account was deleted a moment ago."
RESTORE_S = 60.0  # a deletion can be taken back until so long before the reaper begins
LIMITS = (
    read_only.HEADER,
    rate_limits.HEADER,
    DELETED,
)  # which operators set, also of an account that may only be read
UNKNOWN_DOMAIN = "_unknown"  # stored until a request of the account's own project states the domain


def get(tools: Tools, target: Target) -> ListingInfo | None:
    """The head of an account as it is now; None if nothing was stored in it yet. Raises NotFound if it was deleted."""
    info = tools.listing_cache.get(target, fresh=True)
    if info is not None and is_deleted(info):
        raise NotFound(why=DELETED_LATELY)
    return info


def is_deleted(info: ListingInfo) -> bool:
    """Whether an operator has deleted the account with what is in it, which the reaper has not removed yet."""
    return bool(info.value(DELETED))


def check_exists(tools: Tools, target: Target) -> None:
    """Raise NotFound for an account that was deleted. A remembered head is read again before it refuses."""
    for fresh in (False, True):
        info = tools.listing_cache.get(target, fresh)
        if info is None or not is_deleted(info):
            return
    raise NotFound(why=DELETED_LATELY)


def reaped_at(tools: Tools, info: ListingInfo) -> float:
    """When the reaper may begin with a deleted account, in epoch seconds."""
    return float(info.value(DELETED)) + tools.config.delay_reaping_s


def mark_deleted(tools: Tools, target: Target) -> None:
    """Make the account one that clients don't find any more."""
    _put(tools, target, {DELETED: timestamp(tools.now())})


def list_containers(
    tools: Tools, target: Target, query: ListingQuery
) -> tuple[ListingInfo | None, list[listing.Entry]]:
    """The head of an account and a page of its containers; (None, []) if nothing was stored in it yet.

    A container's bytes are those of its versions, too.
    """
    if query.reverse:
        query = replace(query, end_marker=max(query.end_marker, PAST_RESERVED))
    else:
        query = replace(query, marker=max(query.marker, PAST_RESERVED))
    info, entries = listing.fetch(tools, target, query)
    if info is not None and is_deleted(info):
        raise NotFound(why=DELETED_LATELY)
    names = [entry.name for entry in entries if not entry.is_group]
    if not names:
        return info, entries
    just_before, after = f"{VERSIONS}{min(names)}"[:-1], f"{VERSIONS}{max(names)}\0"
    kept = ListingQuery(limit=listing.MAX_ROWS, prefix=VERSIONS, marker=just_before, end_marker=after)
    sizes = {entry.name.removeprefix(VERSIONS): entry.size for entry in listing.fetch(tools, target, kept)[1]}
    return info, [entry._replace(size=entry.size + sizes.get(entry.name, 0)) for entry in entries]


def update(tools: Tools, access: Access, target: Target, values: Mapping[str, str]) -> bool:
    """Change an account's metadata: values are set, '' removes one. True if the account is new.

    Raises Forbidden if the caller may not change a quota or another limit, AccountReadOnly, and BadRequest.
    """
    if any(name in LIMITS for name in values):
        access.require(SET_ACCOUNT_LIMITS, target)
        rate_limits.check(values.get(rate_limits.HEADER, ""))
    if not values or any(name not in LIMITS for name in values):
        read_only.check_account(tools, target.account)
    for quota in (name for name in values if name in ACCOUNT_QUOTAS or name.startswith(POLICY_QUOTAS)):
        access.require(SET_ACCOUNT_QUOTA, target)
        if values.get(quota) and not values[quota].isdecimal():
            raise BadRequest(why=f"{quota} must be a number")
    if DELETED in values:
        _check_restorable(tools, target, values[DELETED])
    else:
        check_exists(tools, target)
    check_total(tools, target, values)
    return _put(tools, target, dict(values) | _domain_change(tools, access.caller, target)).status == 201


def note_caller(tools: Tools, caller: Caller | None, target: Target) -> None:
    """Create the account of a container that is being created, or store its project's domain, if that is news."""
    check_exists(tools, target)
    changes = _domain_change(tools, caller, target)
    if changes:
        _put(tools, target, changes)


def delete(tools: Tools, target: Target) -> None:
    """Delete an empty account. Raises NotFound, or Conflict while it has containers."""

    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> DeleteListing:
        return DeleteListing("account", replicas, target.path, stamp)

    stamp = timestamp(tools.now())
    placement = tools.cluster.rings.placement(target.account)
    reply = tools.cluster.write("delete_listing", placement, None, ListingReply, make)
    tools.listing_cache.forget(target)
    check_reply(reply)


def _check_restorable(tools: Tools, target: Target, value: str) -> None:
    """Raise NotFound if it is too late to take a deletion back, BadRequest for a value that isn't empty."""
    if value:
        raise BadRequest(why=f"{DELETED} can only be removed; DELETE deletes an account.")
    info = tools.listing_cache.get(target, fresh=True)
    if info is not None and is_deleted(info) and tools.now() > reaped_at(tools, info) - RESTORE_S:
        raise NotFound(why=DELETED_LATELY)


def _domain_change(tools: Tools, caller: Caller | None, account: Target) -> dict[str, str]:
    """The metadata that states the domain of the account's project. Only a token of that project is believed."""
    info = tools.listing_cache.get(account)
    own = caller is not None and tools.config.project_of(account.account) == caller.project_id
    known = info.value(PROJECT_DOMAIN) if info else ""
    domain = (caller.project_domain_id if own and caller else "") or ""
    if info is None:
        return {PROJECT_DOMAIN: domain or UNKNOWN_DOMAIN}
    if domain and known != domain and known in ("", UNKNOWN_DOMAIN):
        return {PROJECT_DOMAIN: domain}
    return {}


def _put(tools: Tools, target: Target, changes: dict[str, str]) -> ListingReply:
    def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> PutListing:
        return PutListing("account", replicas, target.path, stamp, changes)

    stamp = timestamp(tools.now())
    placement = tools.cluster.rings.placement(target.account)
    reply = tools.cluster.write("put_listing", placement, None, ListingReply, make)
    tools.listing_cache.forget(target)
    return reply
