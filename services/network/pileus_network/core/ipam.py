"""Allocates IP addresses and generates MAC addresses.

The allocator picks random candidates and asks the database once which of them are free. The primary key of `fixed_ips`
is what prevents duplicates: if two transactions pick the same address (possible on PostgreSQL; SQLite has one writer at
a time), one of them fails and is run again.
"""

import ipaddress
import random
import secrets
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_network.core import ip_ranges
from pileus_network.db.models import FixedIp, Subnet

CANDIDATES = 48


def new_mac() -> str:
    """Return a random MAC with OpenStack's prefix. The constraint `one_port_a_mac` refuses a duplicate on a network."""
    tail = secrets.token_bytes(3)
    return "fa:16:3e:" + ":".join(f"{octet:02x}" for octet in tail)


class Allocator:
    """Allocates free addresses of subnets within one transaction. One statement finds the addresses of many ports."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._free: dict[str, list[str]] = {}
        self._taken: set[tuple[str, str]] = set()

    def allocate(self, subnet: Subnet) -> str | None:
        """Return a free address of the subnet's pools, or None if they are exhausted."""
        free = self._free.get(subnet.id)
        if not free:
            free = self._free[subnet.id] = self._find_free(subnet)
        if not free:
            return None
        address = free.pop()
        self._taken.add((subnet.id, address))
        return address

    def allocate_lowest(self, subnet: Subnet) -> str | None:
        """Return the lowest free address: users expect DHCP ports at the beginning of a subnet."""
        pools = ip_ranges.to_integers(subnet.allocation_pools)
        first = [number for start, end in pools for number in range(start, min(end, start + CANDIDATES) + 1)][
            :CANDIDATES
        ]
        free = self._exclude_used(subnet, [_format_address(subnet, number) for number in first])
        return free[0] if free else self.allocate(subnet)

    def allocate_exactly(self, subnet: Subnet, address: str) -> bool:
        """Allocate this address; return False if another port has it."""
        if (subnet.id, address) in self._taken or self._used(subnet, [address]):
            return False
        self._taken.add((subnet.id, address))
        if address in self._free.get(subnet.id, ()):
            self._free[subnet.id].remove(address)
        return True

    def _find_free(self, subnet: Subnet) -> list[str]:
        pools = ip_ranges.to_integers(subnet.allocation_pools)
        total = sum(last - first + 1 for first, last in pools)
        candidates = [_format_address(subnet, number) for number in _random_candidates(pools, total)]
        free = self._exclude_used(subnet, candidates)
        return free if free or total <= CANDIDATES else self._scan_pools(subnet, pools)

    def _exclude_used(self, subnet: Subnet, candidates: list[str]) -> list[str]:
        used = self._used(subnet, candidates)
        return [
            candidate for candidate in candidates if candidate not in used and (subnet.id, candidate) not in self._taken
        ]

    def _used(self, subnet: Subnet, addresses: Sequence[str]) -> set[str]:
        query = select(FixedIp.address).where(FixedIp.subnet_id == subnet.id, FixedIp.address.in_(addresses))
        return set(self._session.scalars(query))

    def _scan_pools(self, subnet: Subnet, pools: list[tuple[int, int]]) -> list[str]:
        """Find free addresses when the pools are nearly full: read all used ones and walk through the pools."""
        used = set(self._session.scalars(select(FixedIp.address).where(FixedIp.subnet_id == subnet.id)))
        free: list[str] = []
        for first, last in pools:
            for number in range(first, min(last, first + len(used) + CANDIDATES) + 1):
                text = _format_address(subnet, number)
                if text not in used and (subnet.id, text) not in self._taken:
                    free.append(text)
                    if len(free) == CANDIDATES:
                        return free[::-1]
        return free[::-1]


def _random_candidates(pools: list[tuple[int, int]], total: int) -> list[int]:
    """Return up to CANDIDATES different integers of the pools, in random order."""
    if total <= CANDIDATES:
        everything = [number for first, last in pools for number in range(first, last + 1)]
        random.shuffle(everything)
        return everything
    picked: set[int] = set()
    while len(picked) < CANDIDATES:
        offset = secrets.randbelow(total)
        for first, last in pools:
            if offset <= last - first:
                picked.add(first + offset)
                break
            offset -= last - first + 1
    return list(picked)


def _format_address(subnet: Subnet, number: int) -> str:
    return str(ipaddress.IPv4Address(number) if subnet.ip_version == 4 else ipaddress.IPv6Address(number))


def is_auto_address_subnet(subnet: Subnet) -> bool:
    """Whether guests on this subnet make their own address from their MAC."""
    return subnet.ip_version == 6 and subnet.ipv6_address_mode in ip_ranges.SLAAC_MODES


def slaac_address(subnet: Subnet, mac: str) -> str:
    """Return the address that a guest with this MAC makes on the subnet."""
    return ip_ranges.eui64(subnet.cidr, mac)
