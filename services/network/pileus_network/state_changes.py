"""Applies changes to a host's state, and digests states so that worker and agent can compare theirs."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec

from pileus_network.rpc import AddressSet, AddressSetChange, HostChange, HostState

KINDS = {
    "network": "networks",
    "port": "ports",
    "group": "security_groups",
    "remote": "address_sets",
    "router": "routers",
}
SERVED = "served"


class BaseMismatch(Exception):
    """The change's base is another generation than the state's."""


def digest(state: HostState) -> str:
    """Return the digest of a state. It is equal for equal states, as everything in them is sorted."""
    return hashlib.sha256(msgspec.json.encode(replace(state, generation=0))).hexdigest()


def key_of(thing: Any) -> str:
    """Return the id of a resource in a host's state; an address set has that of its group."""
    return str(thing.group_id if hasattr(thing, "group_id") else thing.id)


def apply_change(state: HostState, change: HostChange) -> HostState:
    """Return the state after the change. Resources that the change doesn't name stay the same objects."""
    if change.base != state.generation:
        raise BaseMismatch(f"a change of generation {change.base} came to {state.generation}")
    gone: dict[str, set[str]] = {kind: set() for kind in (*KINDS, SERVED)}
    for one in change.removed:
        gone[one.kind].add(one.id)
    networks = gone["network"] | gone[SERVED]
    kept = {name: _without(getattr(state, name), gone[kind]) for kind, name in KINDS.items()}
    if networks:
        kept["ports"] = [port for port in kept["ports"] if port.network_id not in networks]
    fields = {name: _with(kept[name], getattr(change, name)) for name in KINDS.values()}
    if change.address_set_changes:
        fields["address_sets"] = tuple(_update_address_sets(fields["address_sets"], change.address_set_changes))
    return HostState(state.host, change.generation, **fields)


def _update_address_sets(sets: Iterable[AddressSet], changes: Iterable[AddressSetChange]) -> Iterable[AddressSet]:
    """Yield the address sets with the added addresses and without the removed ones."""
    by_id = {one.group_id: one for one in changes}
    for one in sets:
        change = by_id.get(one.group_id)
        if change is None:
            yield one
        else:
            addresses = {*one.addresses, *change.added} - set(change.removed)
            yield AddressSet(one.group_id, tuple(sorted(addresses)))


def _without(things: tuple[Any, ...], ids: set[str]) -> Any:
    return [thing for thing in things if key_of(thing) not in ids] if ids else things


def _with(kept: Any, fresh: Iterable[Any]) -> tuple[Any, ...]:
    """Return the resources sorted by id; a fresh one replaces the kept one with the same id."""
    fresh = {key_of(thing): thing for thing in fresh}
    if not fresh:
        return tuple(kept)
    everything = {key_of(thing): thing for thing in kept} | fresh
    return tuple(everything[id] for id in sorted(everything))
