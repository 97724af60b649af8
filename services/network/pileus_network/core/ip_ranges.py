"""Arithmetic with prefixes and allocation pools. It uses no database."""

import ipaddress
import itertools
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pileus_network.errors.networks import (
    GatewayConflictWithAllocationPools,
    InvalidAllocationPool,
    OutOfBoundsAllocationPool,
    OverlappingAllocationPools,
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Prefix = ipaddress.IPv4Network | ipaddress.IPv6Network
PoolList = list[dict[str, str]]

SLAAC_MODES = ("slaac", "dhcpv6-stateless")
"""IPv6 address modes in which a guest makes its address from the prefix and its MAC (RFC 4862)."""


@lru_cache(maxsize=4096)
def address(text: str) -> Address:
    """Parse an address; cached."""
    return ipaddress.ip_address(text)


@lru_cache(maxsize=4096)
def prefix(text: str) -> Prefix:
    """Parse a prefix, whose host bits may be set; cached."""
    return ipaddress.ip_network(text, strict=False)


def bounds(net: Prefix) -> tuple[int, int]:
    """Return the first and the last address that a port may have, as integers."""
    first, last = int(net.network_address), int(net.broadcast_address)
    if net.num_addresses <= 2:
        return first, last
    return first + 1, last - 1 if net.version == 4 else last


def is_usable(net: Prefix, wanted: Address) -> bool:
    """Whether a port may have this address on this prefix."""
    first, last = bounds(net)
    return wanted.version == net.version and first <= int(wanted) <= last


def default_pools(cidr: str, gateway: str | None) -> PoolList:
    """Return pools of all addresses of the prefix but the gateway."""
    net = prefix(cidr)
    first, last = bounds(net)
    parts = [(first, last)]
    if gateway and first <= int(address(gateway)) <= last:
        hole = int(address(gateway))
        parts = [(a, b) for a, b in ((first, hole - 1), (hole + 1, last)) if a <= b]
    return [{"start": str(_at(net, a)), "end": str(_at(net, b))} for a, b in parts]


def _at(net: Prefix, number: int) -> Address:
    return ipaddress.IPv4Address(number) if net.version == 4 else ipaddress.IPv6Address(number)


def to_integers(pools: Sequence[dict[str, str]]) -> list[tuple[int, int]]:
    """Return the first and the last address of each pool, as integers."""
    return [(int(address(pool["start"])), int(address(pool["end"]))) for pool in pools]


def check_pools(pools: PoolList, cidr: str, gateway: str | None) -> PoolList:
    """Return the pools in canonical form, sorted. Raises the errors that OpenStack names for pools that don't fit."""
    net = prefix(cidr)
    for pool in pools:
        start, end = address(pool["start"]), address(pool["end"])
        name = f"{start}-{end}"
        if start.version != end.version or start.version != net.version or int(start) > int(end):
            raise InvalidAllocationPool(pool=name)
        if not (is_usable(net, start) and is_usable(net, end)):
            raise OutOfBoundsAllocationPool(pool=name, subnet_cidr=cidr)
        if gateway and start.version == address(gateway).version and start <= address(gateway) <= end:  # type: ignore[operator]
            raise GatewayConflictWithAllocationPools(ip_address=gateway, pool=name)
    ordered = sorted(to_integers(pools))
    for (a, b), (c, d) in itertools.pairwise(ordered):
        if c <= b:
            raise OverlappingAllocationPools(
                pool_1=f"{_at(net, a)}-{_at(net, b)}", pool_2=f"{_at(net, c)}-{_at(net, d)}", subnet_cidr=cidr
            )
    return [{"start": str(_at(net, a)), "end": str(_at(net, b))} for a, b in ordered]


def eui64(cidr: str, mac: str) -> str:
    """Return the address that a guest with this MAC configures by itself (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    interface = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return str(ipaddress.IPv6Address(int(prefix(cidr).network_address) + int.from_bytes(interface)))


def find_overlapping(cidr: str, others: Sequence[str]) -> str | None:
    """Return the first of `others` that overlaps with `cidr`, or None."""
    net = prefix(cidr)
    return next(
        (other for other in others if prefix(other).version == net.version and prefix(other).overlaps(net)), None
    )


def subtract(cidrs: Sequence[str], hole: str) -> list[str]:
    """Return the largest prefixes that cover all addresses of `cidrs` but those of `hole`, sorted."""
    left = [part for net in map(prefix, cidrs) for part in _subtract_one(net, prefix(hole))]
    return [str(net) for net in ipaddress.collapse_addresses(left)]  # type: ignore[type-var]


def _subtract_one(net: Prefix, hole: Prefix) -> list[Prefix]:
    if net.version != hole.version or not net.overlaps(hole):
        return [net]
    return list(net.address_exclude(hole)) if hole.prefixlen > net.prefixlen else []  # type: ignore[arg-type]


def list_free_prefixes(net: Prefix, length: int, taken: Sequence[Prefix]) -> Iterator[Prefix]:
    """Yield the free prefixes of `length` in `net`, the lowest first, and skip those that overlap with `taken`."""
    step = 1 << (net.max_prefixlen - length)
    at, last = int(net.network_address), int(net.broadcast_address)
    busy = sorted((int(t.network_address), int(t.broadcast_address)) for t in taken if t.version == net.version)
    while at + step - 1 <= last:
        blocker = next((end for start, end in busy if start <= at + step - 1 and end >= at), None)
        if blocker is None:
            yield ipaddress.ip_network((at, length))
            at += step
        else:
            at = (blocker // step + 1) * step
