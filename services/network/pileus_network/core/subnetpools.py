"""Subnet pools: prefixes from which those of subnets are allocated, the lowest free one first."""

import ipaddress
from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from pileus_network.core import address_scopes, ip_ranges, quotas, standard_attributes, visibility
from pileus_network.core.listing import Listing
from pileus_network.core.standard_attributes import apply_attributes
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import AddressScope, Subnet, SubnetPool
from pileus_network.errors import InvalidInput
from pileus_network.errors.networks import (
    AddressScopePrefixConflict,
    IllegalSubnetPoolIpVersionAssociationToAddressScope,
    IllegalSubnetPoolPrefixBounds,
    IllegalSubnetPoolPrefixUpdate,
    IllegalSubnetPoolUpdate,
    SubnetAllocationError,
    SubnetPoolInUse,
    SubnetPoolNotFound,
    SubnetPoolQuotaExceeded,
)

MAX_PREFIXES = 100
"""How many prefixes a pool may have. Removing one address from a prefix leaves up to 128 prefixes."""
PLAIN_ATTRIBUTES = ("name", "description", "default_quota", "is_default")


@dataclass(frozen=True, kw_only=True)
class NewSubnetPool:
    """A request to create a subnet pool."""

    project_id: str
    name: str
    prefixes: list[str]
    description: str = ""
    min_prefixlen: int | None = None
    max_prefixlen: int | None = None
    default_prefixlen: int | None = None
    default_quota: int | None = None
    address_scope_id: str | None = None
    shared: bool = False
    is_default: bool = False


class SubnetPoolUpdate(TypedDict, total=False):
    """The attributes that an update may set."""

    name: str
    description: str
    prefixes: list[str]
    min_prefixlen: int
    max_prefixlen: int
    default_prefixlen: int
    default_quota: int | None
    address_scope_id: str | None
    is_default: bool


@dataclass(frozen=True)
class PrefixRequest:
    """The prefix that a subnet wants of a pool: this one, or any of a length, or any of the pool's default length."""

    project_id: str
    ip_version: int
    cidr: str | None = None
    prefixlen: int | None = None


LISTING = Listing(
    SubnetPool,
    visibility.subnet_pools,
    columns=standard_attributes.columns_of(SubnetPool)
    | {
        "name": SubnetPool.name,
        "ip_version": SubnetPool.ip_version,
        "address_scope_id": SubnetPool.address_scope_id,
        "shared": SubnetPool.shared,
        "is_default": SubnetPool.is_default,
        "min_prefixlen": SubnetPool.min_prefixlen,
        "max_prefixlen": SubnetPool.max_prefixlen,
        "default_prefixlen": SubnetPool.default_prefixlen,
        "default_quota": SubnetPool.default_quota,
    },
)


def find(session: Session, pool_id: str, viewer: Viewer) -> SubnetPool:
    """Return the pool. Raises SubnetPoolNotFound if the viewer can't see it."""
    return standard_attributes.find(
        session, SubnetPool, pool_id, visibility.subnet_pools(viewer), lambda: SubnetPoolNotFound(subnetpool_id=pool_id)
    )


def find_default(session: Session, ip_version: int) -> SubnetPool:
    """Return the default pool of an IP version. Raises SubnetPoolNotFound if there is none."""
    pool = session.scalars(select(SubnetPool).where(SubnetPool.is_default, SubnetPool.ip_version == ip_version)).first()
    if pool is None:
        raise SubnetPoolNotFound(subnetpool_id=f"Default for IPv{ip_version}")
    return pool


def create(session: Session, viewer: Viewer, requested: NewSubnetPool) -> SubnetPool:
    """Create a subnet pool."""
    project = quotas.lock_project(session, requested.project_id)
    quotas.check(session, project, "subnetpool")
    prefixes = _compact(requested.prefixes)
    version = ip_ranges.prefix(prefixes[0]).version
    longest = 32 if version == 4 else 128
    lengths = {
        "min_prefixlen": requested.min_prefixlen or (8 if version == 4 else 64),
        "max_prefixlen": requested.max_prefixlen or longest,
    }
    lengths["default_prefixlen"] = requested.default_prefixlen or lengths["min_prefixlen"]
    _check_lengths(lengths, longest)
    pool = SubnetPool(
        project_id=requested.project_id,
        ip_version=version,
        prefixes=prefixes,
        shared=requested.shared,
        address_scope_id=requested.address_scope_id,
        **lengths,
        **{name: getattr(requested, name) for name in PLAIN_ATTRIBUTES},
    )
    _check_scope(session, viewer, pool)
    _check_default(session, pool)
    session.add(pool)
    session.flush()
    return pool


def _compact(prefixes: list[str]) -> list[str]:
    """Return the prefixes in canonical form, sorted, with neighbours merged, as OpenStack shows them."""
    nets = [ip_ranges.prefix(text) for text in prefixes]
    if not nets:
        raise InvalidInput(error_message="Prefix list is empty")
    if len({net.version for net in nets}) > 1:
        raise InvalidInput(error_message="Cannot mix IPv4 and IPv6 prefixes in a subnet pool.")
    merged = [str(net) for net in ipaddress.collapse_addresses(nets)]  # type: ignore[type-var]
    _check_number(merged)
    return merged


def _check_number(prefixes: list[str]) -> None:
    if len(prefixes) > MAX_PREFIXES:
        raise InvalidInput(error_message=f"The pool would have more than {MAX_PREFIXES} prefixes")


def _check_lengths(lengths: dict[str, int], longest: int) -> None:
    low, high, default_length = lengths["min_prefixlen"], lengths["max_prefixlen"], lengths["default_prefixlen"]
    for kind, value, base_kind, base in (
        ("min_prefixlen", low, "max_prefixlen", high),
        ("max_prefixlen", high, "ip_version", longest),
        ("default_prefixlen", default_length, "max_prefixlen", high),
    ):
        if value > base:
            raise IllegalSubnetPoolPrefixBounds(
                prefix_type=kind, prefixlen=value, base_prefix_type=base_kind, base_prefixlen=base
            )
    if default_length < low:
        raise IllegalSubnetPoolPrefixBounds(
            prefix_type="default_prefixlen",
            prefixlen=default_length,
            base_prefix_type="min_prefixlen",
            base_prefixlen=low,
        )


def _check_scope(session: Session, viewer: Viewer, pool: SubnetPool) -> None:
    if pool.address_scope_id is None:
        return
    found = address_scopes.find(session, pool.address_scope_id, viewer)
    if found.ip_version != pool.ip_version:
        raise IllegalSubnetPoolIpVersionAssociationToAddressScope(
            subnetpool_id=pool.id, address_scope_id=found.id, ip_version=found.ip_version
        )
    others = session.scalars(
        select(SubnetPool).where(SubnetPool.address_scope_id == found.id, SubnetPool.id != (pool.id or ""))
    )
    for other in others:
        if any(ip_ranges.find_overlapping(prefix, other.prefixes) for prefix in pool.prefixes):
            raise AddressScopePrefixConflict()


def _check_default(session: Session, pool: SubnetPool) -> None:
    if pool.is_default and session.scalar(
        select(
            exists(
                select(SubnetPool.id).where(
                    SubnetPool.is_default, SubnetPool.ip_version == pool.ip_version, SubnetPool.id != (pool.id or "")
                )
            )
        )
    ):
        raise InvalidInput(
            error_message=f"A default subnetpool for this IP family has already been set. "
            f"Only one default may exist per IP family: IPv{pool.ip_version}"
        )


def update(session: Session, viewer: Viewer, pool: SubnetPool, requested: SubnetPoolUpdate) -> None:
    """Apply the attributes that are in `requested`."""
    if "prefixes" in requested:
        _check_owner(session, viewer, pool)
        prefixes = _compact(requested["prefixes"])
        if ip_ranges.prefix(prefixes[0]).version != pool.ip_version:
            raise InvalidInput(error_message="the address family of a subnet pool can't change")
        nets = [ip_ranges.prefix(text) for text in prefixes]
        for old in pool.prefixes:
            if not any(ip_ranges.prefix(old).subnet_of(net) for net in nets):  # type: ignore[arg-type]
                raise IllegalSubnetPoolPrefixUpdate(
                    msg=f"Existing prefixes must be a subset of the new prefixes, {old} isn't in them"
                )
        pool.prefixes = prefixes
    lengths = {
        "min_prefixlen": requested.get("min_prefixlen") or pool.min_prefixlen,
        "max_prefixlen": requested.get("max_prefixlen") or pool.max_prefixlen,
        "default_prefixlen": requested.get("default_prefixlen") or pool.default_prefixlen,
    }
    _check_lengths(lengths, 32 if pool.ip_version == 4 else 128)
    apply_attributes(pool, lengths, tuple(lengths))
    apply_attributes(pool, requested, (*PLAIN_ATTRIBUTES, "address_scope_id"))
    _check_scope(session, viewer, pool)
    _check_default(session, pool)
    standard_attributes.bump_revision(pool)


def add_prefixes(session: Session, viewer: Viewer, pool: SubnetPool, added: list[str]) -> None:
    """Add prefixes to the pool and merge neighbours. Raises what an update of the prefixes would raise."""
    _lock(session, pool)
    update(session, viewer, pool, {"prefixes": [*pool.prefixes, *added]})


def remove_prefixes(session: Session, pool: SubnetPool, removed: list[str]) -> None:
    """Remove addresses from the pool: of prefixes that contain a removed one, the rest stays.

    Those that aren't in the pool are ignored. Raises IllegalSubnetPoolPrefixUpdate if a subnet of the pool has some.
    """
    _lock(session, pool)
    remaining = pool.prefixes
    for hole in removed:
        remaining = ip_ranges.subtract(remaining, hole)
        _check_number(remaining)
    if remaining == pool.prefixes:
        return
    for cidr in session.scalars(select(Subnet.cidr).where(Subnet.subnetpool_id == pool.id)):
        if ip_ranges.find_overlapping(cidr, removed):
            raise IllegalSubnetPoolPrefixUpdate(msg="One or more the prefixes to be removed is in use by a subnet")
    pool.prefixes = remaining
    standard_attributes.bump_revision(pool)


def _lock(session: Session, pool: SubnetPool) -> None:
    """Read the pool again and keep others from changing it, or allocating from it, until the end of the transaction."""
    if session.get(SubnetPool, pool.id, with_for_update=True, populate_existing=True) is None:
        raise SubnetPoolNotFound(subnetpool_id=pool.id)


def _check_owner(session: Session, viewer: Viewer, pool: SubnetPool) -> None:
    """Refuse new prefixes for a pool in an address scope that another project owns and shares."""
    found = session.get(AddressScope, pool.address_scope_id) if pool.address_scope_id else None
    if found is not None and not viewer.owns(found.project_id):
        raise IllegalSubnetPoolUpdate(
            reason=f"subnetpool {pool.id} cannot be updated when associated with shared address scope {found.id}"
        )


def delete(session: Session, pool: SubnetPool) -> None:
    """Delete the pool. Raises SubnetPoolInUse if subnets were allocated from it."""
    if session.scalar(select(exists(select(Subnet.id).where(Subnet.subnetpool_id == pool.id)))):
        raise SubnetPoolInUse(subnet_pool_id=pool.id)
    session.delete(pool)


def allocate_prefix(session: Session, pool_id: str, requested: PrefixRequest) -> str:
    """Allocate a prefix of the pool: the requested one, or the lowest free one of the requested length."""
    viewer = Viewer(requested.project_id)
    pool = session.scalars(
        select(SubnetPool)
        .where(SubnetPool.id == pool_id, or_(SubnetPool.shared, SubnetPool.is_default, visibility.subnet_pools(viewer)))
        .with_for_update()
    ).one_or_none()
    if pool is None:
        raise SubnetPoolNotFound(subnetpool_id=pool_id)
    if pool.ip_version != requested.ip_version:
        raise InvalidInput(
            error_message=f"Cannot allocate IPv{requested.ip_version} subnet from IPv{pool.ip_version} subnet pool"
        )
    rows = session.execute(select(Subnet.cidr, Subnet.project_id).where(Subnet.subnetpool_id == pool.id)).all()
    taken = [ip_ranges.prefix(cidr) for cidr, _ in rows]
    found = (
        _requested_prefix(pool, requested, taken)
        if requested.cidr
        else _lowest_free_prefix(pool, requested.prefixlen or pool.default_prefixlen, taken)
    )
    mine = [ip_ranges.prefix(cidr) for cidr, owner in rows if owner == requested.project_id]
    _check_quota(pool, [*mine, found])
    return str(found)


def _requested_prefix(pool: SubnetPool, requested: PrefixRequest, taken: list[ip_ranges.Prefix]) -> ip_ranges.Prefix:
    found = ip_ranges.prefix(requested.cidr)
    if requested.prefixlen is not None:
        raise InvalidInput(error_message="cidr and prefixlen exclude each other")
    _check_length(pool, found.prefixlen)
    inside = any(
        found.version == ip_ranges.prefix(p).version and found.subnet_of(ip_ranges.prefix(p))  # type: ignore[arg-type]
        for p in pool.prefixes
    )
    if not inside or any(found.overlaps(other) for other in taken):
        raise SubnetAllocationError(
            reason=f"Cannot allocate requested subnet from the available set of prefixes: {found}"
        )
    return found


def _lowest_free_prefix(pool: SubnetPool, length: int, taken: list[ip_ranges.Prefix]) -> ip_ranges.Prefix:
    _check_length(pool, length)
    for text in pool.prefixes:
        net = ip_ranges.prefix(text)
        if net.prefixlen <= length:
            for found in ip_ranges.list_free_prefixes(net, length, taken):
                return found
    raise SubnetAllocationError(reason="Insufficient prefix space to allocate subnet size /" + str(length))


def _check_length(pool: SubnetPool, length: int) -> None:
    if length < pool.min_prefixlen:
        raise InvalidInput(
            error_message=f"Unable to allocate subnet with prefix length {length}, "
            f"minimum allowed prefix is {pool.min_prefixlen}"
        )
    if length > pool.max_prefixlen:
        raise InvalidInput(
            error_message=f"Unable to allocate subnet with prefix length {length}, "
            f"maximum allowed prefix is {pool.max_prefixlen}"
        )


def _check_quota(pool: SubnetPool, mine: list[ip_ranges.Prefix]) -> None:
    """The quota counts addresses in IPv4 and /64 prefixes in IPv6, as in OpenStack."""
    if pool.default_quota is None:
        return
    unit = 32 if pool.ip_version == 4 else 64
    used = sum(1 << max(unit - net.prefixlen, 0) for net in mine)
    if used > pool.default_quota:
        raise SubnetPoolQuotaExceeded()
