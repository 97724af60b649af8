"""Subnet pools: prefixes from which subnets are carved, lowest free first; and address scopes."""

import ipaddress
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from pileus_network.core import nouns, projects, ranges, scopes
from pileus_network.core.scopes import Scope
from pileus_network.db.models import AddressScope, Subnet, SubnetPool
from pileus_network.errors import (
    AddressScopeInUse,
    AddressScopeNotFound,
    AddressScopePrefixConflict,
    IllegalSubnetPoolIpVersionAssociationToAddressScope,
    IllegalSubnetPoolPrefixBounds,
    IllegalSubnetPoolPrefixUpdate,
    IllegalSubnetPoolUpdate,
    InvalidInput,
    SubnetAllocationError,
    SubnetPoolInUse,
    SubnetPoolNotFound,
    SubnetPoolQuotaExceeded,
)

PLAIN = ("name", "description", "default_quota", "is_default")


def get(session: Session, pool_id: str, scope: Scope) -> SubnetPool:
    return nouns.find(
        session, SubnetPool, pool_id, scopes.subnet_pools(scope), lambda: SubnetPoolNotFound(subnetpool_id=pool_id)
    )


def default(session: Session, ip_version: int) -> SubnetPool:
    pool = session.scalars(select(SubnetPool).where(SubnetPool.is_default, SubnetPool.ip_version == ip_version)).first()
    if pool is None:
        raise SubnetPoolNotFound(subnetpool_id=f"Default for IPv{ip_version}")
    return pool


def create(session: Session, scope: Scope, wish: dict[str, Any]) -> SubnetPool:
    project = projects.locked(session, wish["project_id"])
    projects.reserve(session, project, "subnetpool")
    prefixes = _compact(wish["prefixes"])
    version = ranges.prefix(prefixes[0]).version
    longest = 32 if version == 4 else 128
    lengths = {
        "min_prefixlen": wish["min_prefixlen"] or (8 if version == 4 else 64),
        "max_prefixlen": wish["max_prefixlen"] or longest,
    }
    lengths["default_prefixlen"] = wish["default_prefixlen"] or lengths["min_prefixlen"]
    _check_lengths(lengths, longest)
    pool = SubnetPool(
        project_id=wish["project_id"],
        ip_version=version,
        prefixes=prefixes,
        shared=wish["shared"],
        address_scope_id=wish["address_scope_id"],
        **lengths,
        **{name: wish[name] for name in PLAIN},
    )
    _check_scope(session, scope, pool)
    _check_default(session, pool)
    session.add(pool)
    session.flush()
    return pool


def _compact(prefixes: list[str]) -> list[str]:
    """Canonical, sorted, neighbours merged, as OpenStack shows them."""
    nets = [ranges.prefix(text) for text in prefixes]
    if not nets:
        raise InvalidInput(error_message="Prefix list is empty")
    if len({net.version for net in nets}) > 1:
        raise InvalidInput(error_message="Cannot mix IPv4 and IPv6 prefixes in a subnet pool.")
    return [str(net) for net in ipaddress.collapse_addresses(nets)]  # type: ignore[type-var]


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


def _check_scope(session: Session, scope: Scope, pool: SubnetPool) -> None:
    if pool.address_scope_id is None:
        return
    found = get_scope(session, pool.address_scope_id, scope)
    if found.ip_version != pool.ip_version:
        raise IllegalSubnetPoolIpVersionAssociationToAddressScope(
            subnetpool_id=pool.id, address_scope_id=found.id, ip_version=found.ip_version
        )
    others = session.scalars(
        select(SubnetPool).where(SubnetPool.address_scope_id == found.id, SubnetPool.id != (pool.id or ""))
    )
    for other in others:
        if any(ranges.overlapping(prefix, other.prefixes) for prefix in pool.prefixes):
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


def update(session: Session, scope: Scope, pool: SubnetPool, wish: dict[str, Any]) -> None:
    if "prefixes" in wish:
        _check_owner(session, scope, pool)
        prefixes = _compact(wish["prefixes"])
        if ranges.prefix(prefixes[0]).version != pool.ip_version:
            raise InvalidInput(error_message="the address family of a subnet pool can't change")
        nets = [ranges.prefix(text) for text in prefixes]
        for old in pool.prefixes:
            if not any(ranges.prefix(old).subnet_of(net) for net in nets):  # type: ignore[arg-type]
                raise IllegalSubnetPoolPrefixUpdate(
                    msg=f"Existing prefixes must be a subset of the new prefixes, {old} isn't in them"
                )
        pool.prefixes = prefixes
    lengths = {
        name: wish.get(name) or getattr(pool, name) for name in ("min_prefixlen", "max_prefixlen", "default_prefixlen")
    }
    _check_lengths(lengths, 32 if pool.ip_version == 4 else 128)
    for name, value in [
        *lengths.items(),
        *((name, wish[name]) for name in (*PLAIN, "address_scope_id") if name in wish),
    ]:
        setattr(pool, name, value)
    _check_scope(session, scope, pool)
    _check_default(session, pool)
    nouns.revise(pool)


def _check_owner(session: Session, scope: Scope, pool: SubnetPool) -> None:
    """In an address scope of others, which they shared, a pool's prefixes can't change."""
    found = session.get(AddressScope, pool.address_scope_id) if pool.address_scope_id else None
    if found is not None and not scope.owns(found.project_id):
        raise IllegalSubnetPoolUpdate(
            reason=f"subnetpool {pool.id} cannot be updated when associated with shared address scope {found.id}"
        )


def delete(session: Session, pool: SubnetPool) -> None:
    if session.scalar(select(exists(select(Subnet.id).where(Subnet.subnetpool_id == pool.id)))):
        raise SubnetPoolInUse(subnet_pool_id=pool.id)
    session.delete(pool)


def carve(session: Session, pool_id: str, wish: dict[str, Any]) -> str:
    """A prefix out of the pool: the one asked for, or the lowest free one of the length asked for."""
    scope = Scope(wish["project_id"])
    pool = session.scalars(
        select(SubnetPool)
        .where(SubnetPool.id == pool_id, or_(SubnetPool.shared, SubnetPool.is_default, scopes.subnet_pools(scope)))
        .with_for_update()
    ).one_or_none()
    if pool is None:
        raise SubnetPoolNotFound(subnetpool_id=pool_id)
    if pool.ip_version != wish["ip_version"]:
        raise InvalidInput(
            error_message=f"Cannot allocate IPv{wish['ip_version']} subnet from IPv{pool.ip_version} subnet pool"
        )
    rows = session.execute(select(Subnet.cidr, Subnet.project_id).where(Subnet.subnetpool_id == pool.id)).all()
    taken = [ranges.prefix(cidr) for cidr, _ in rows]
    found = (
        _asked(pool, wish, taken) if wish["cidr"] else _lowest(pool, wish["prefixlen"] or pool.default_prefixlen, taken)
    )
    mine = [ranges.prefix(cidr) for cidr, owner in rows if owner == wish["project_id"]]
    _check_quota(pool, [*mine, found])
    return str(found)


def _asked(pool: SubnetPool, wish: dict[str, Any], taken: list[ranges.Prefix]) -> ranges.Prefix:
    found = ranges.prefix(wish["cidr"])
    if wish["prefixlen"] is not None:
        raise InvalidInput(error_message="cidr and prefixlen exclude each other")
    _check_length(pool, found.prefixlen)
    inside = any(found.version == ranges.prefix(p).version and found.subnet_of(ranges.prefix(p)) for p in pool.prefixes)  # type: ignore[arg-type]
    if not inside or any(found.overlaps(other) for other in taken):
        raise SubnetAllocationError(
            reason=f"Cannot allocate requested subnet from the available set of prefixes: {found}"
        )
    return found


def _lowest(pool: SubnetPool, length: int, taken: list[ranges.Prefix]) -> ranges.Prefix:
    _check_length(pool, length)
    for text in pool.prefixes:
        net = ranges.prefix(text)
        if net.prefixlen <= length:
            for found in ranges.subprefixes(net, length, taken):
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


def _check_quota(pool: SubnetPool, mine: list[ranges.Prefix]) -> None:
    """IPv4 counts addresses, IPv6 /64s, as OpenStack does."""
    if pool.default_quota is None:
        return
    unit = 32 if pool.ip_version == 4 else 64
    used = sum(1 << max(unit - net.prefixlen, 0) for net in mine)
    if used > pool.default_quota:
        raise SubnetPoolQuotaExceeded()


def get_scope(session: Session, scope_id: str, scope: Scope) -> AddressScope:
    return nouns.find(
        session,
        AddressScope,
        scope_id,
        scopes.address_scopes(scope),
        lambda: AddressScopeNotFound(address_scope_id=scope_id),
    )


def delete_scope(session: Session, found: AddressScope) -> None:
    if session.scalar(select(exists(select(SubnetPool.id).where(SubnetPool.address_scope_id == found.id)))):
        raise AddressScopeInUse(address_scope_id=found.id)
    session.delete(found)


def update_scope(found: AddressScope, wish: dict[str, Any]) -> None:
    """What is shared stays shared: others may build on it."""
    if found.shared and wish.get("shared") is False:
        raise InvalidInput(error_message=f"Shared address scope {found.id} can't be unshared")
    for name, value in wish.items():
        setattr(found, name, value)
    nouns.revise(found)
