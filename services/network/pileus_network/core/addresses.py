"""Giving out addresses and MACs.

A free address is guessed, with one look at the database for many guesses; the primary key of `fixed_ips` decides.
Where two writers guess the same (PostgreSQL; SQLite has one writer at a time), the loser's transaction is run again.
"""

import ipaddress
import random
import secrets
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_network.core import ranges
from pileus_network.db.models import FixedIp, Subnet

GUESSES = 48


def new_mac() -> str:
    """A random MAC under the prefix that OpenStack uses; `one_port_a_mac` says whether it was free."""
    tail = secrets.token_bytes(3)
    return "fa:16:3e:" + ":".join(f"{octet:02x}" for octet in tail)


class Allocator:
    """Free addresses of some subnets, for one transaction: one look serves many ports."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._free: dict[str, list[str]] = {}
        self._taken: set[tuple[str, str]] = set()

    def take(self, subnet: Subnet) -> str | None:
        """An address out of the subnet's pools, or None when they are used up."""
        free = self._free.get(subnet.id)
        if not free:
            free = self._free[subnet.id] = self._look(subnet)
        if not free:
            return None
        address = free.pop()
        self._taken.add((subnet.id, address))
        return address

    def lowest(self, subnet: Subnet) -> str | None:
        """The first free address, for what people look for at the beginning of a subnet."""
        pools = ranges.numbers(subnet.allocation_pools)
        first = [number for start, end in pools for number in range(start, min(end, start + GUESSES) + 1)][:GUESSES]
        free = self._without_used(subnet, [_text(subnet, number) for number in first])
        return free[0] if free else self.take(subnet)

    def claim(self, subnet: Subnet, address: str) -> bool:
        """This very address; False when another port has it."""
        if (subnet.id, address) in self._taken or self._used(subnet, [address]):
            return False
        self._taken.add((subnet.id, address))
        if address in self._free.get(subnet.id, ()):
            self._free[subnet.id].remove(address)
        return True

    def _look(self, subnet: Subnet) -> list[str]:
        pools = ranges.numbers(subnet.allocation_pools)
        total = sum(last - first + 1 for first, last in pools)
        guesses = [_text(subnet, number) for number in _numbers(pools, total)]
        free = self._without_used(subnet, guesses)
        return free if free or total <= GUESSES else self._search(subnet, pools)

    def _without_used(self, subnet: Subnet, guesses: list[str]) -> list[str]:
        used = self._used(subnet, guesses)
        return [guess for guess in guesses if guess not in used and (subnet.id, guess) not in self._taken]

    def _used(self, subnet: Subnet, addresses: Sequence[str]) -> set[str]:
        query = select(FixedIp.address).where(FixedIp.subnet_id == subnet.id, FixedIp.address.in_(addresses))
        return set(self._session.scalars(query))

    def _search(self, subnet: Subnet, pools: list[tuple[int, int]]) -> list[str]:
        """The pools are nearly full: read what is used and walk to what isn't."""
        used = set(self._session.scalars(select(FixedIp.address).where(FixedIp.subnet_id == subnet.id)))
        free: list[str] = []
        for first, last in pools:
            for number in range(first, min(last, first + len(used) + GUESSES) + 1):
                text = _text(subnet, number)
                if text not in used and (subnet.id, text) not in self._taken:
                    free.append(text)
                    if len(free) == GUESSES:
                        return free[::-1]
        return free[::-1]


def _numbers(pools: list[tuple[int, int]], total: int) -> list[int]:
    """Up to GUESSES different numbers out of the pools, in random order."""
    if total <= GUESSES:
        everything = [number for first, last in pools for number in range(first, last + 1)]
        random.shuffle(everything)
        return everything
    picked: set[int] = set()
    while len(picked) < GUESSES:
        offset = secrets.randbelow(total)
        for first, last in pools:
            if offset <= last - first:
                picked.add(first + offset)
                break
            offset -= last - first + 1
    return list(picked)


def _text(subnet: Subnet, number: int) -> str:
    return str(ipaddress.IPv4Address(number) if subnet.ip_version == 4 else ipaddress.IPv6Address(number))


def automatic(subnet: Subnet) -> bool:
    """Whether hosts on this subnet make their own address from their MAC."""
    return subnet.ip_version == 6 and subnet.ipv6_address_mode in ranges.AUTO_MODES


def own_address(subnet: Subnet, mac: str) -> str:
    return ranges.eui64(subnet.cidr, mac)
