"""nftables rules as values: two rulesets are compared and the difference is one transaction.

Source of the syntax: nft(8), version 1.0. A transaction is atomic: a packet sees all of it or nothing.
"""

import socket
import struct
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pileus_kit.spans import span
from pileus_network.drivers.base import HostUnfit

NETLINK_NETFILTER, NFTABLES = 12, 10 << 8


@dataclass(frozen=True)
class Chain:
    """`hook` is what makes it a base chain: "type filter hook forward priority 0". Rules are text, in order."""

    rules: tuple[str, ...] = ()
    hook: str = ""


@dataclass(frozen=True)
class Set:
    """A set, or a map when its elements have values (`"a" : jump b`). `kind` is its declaration: `type ifname; flags
    interval`.
    """

    kind: str
    elements: frozenset[str] = frozenset()
    word: str = "set"

    @property
    def whole(self) -> bool:
        """Whether it is only ever replaced as a whole: ranges next to each other can't be swapped one by one."""
        return "interval" in self.kind


@dataclass(frozen=True)
class Table:
    family: str
    name: str
    chains: Mapping[str, Chain] = field(default_factory=dict)
    sets: Mapping[str, Set] = field(default_factory=dict)

    @property
    def at(self) -> str:
        return f"{self.family} {self.name}"


def replacement(table: Table) -> str:
    """The transaction that puts `table` in the place of whatever has its name now."""
    empty = Table(table.family, table.name)
    return f"add table {table.at}\ndelete table {table.at}\nadd table {table.at}\n" + difference(empty, table)


def removal(table: Table) -> str:
    return f"add table {table.at}\ndelete table {table.at}\n"


def difference(old: Table, new: Table) -> str:
    """The transaction that turns `old` into `new`; "" if there is nothing to do.

    The order keeps every reference valid: rules that may point at what goes are flushed first, what is pointed at is
    made before what points at it, and only what nothing points at any more is deleted.
    """
    at = new.at
    gone, changed, fresh = _sort(old.chains, new.chains)
    sets_gone, sets_changed, sets_fresh = _sort(old.sets, new.sets)
    lines = [f"flush chain {at} {name}" for name in (*changed, *gone)]
    lines += [f"add {new.sets[name].word} {at} {name} {{ {new.sets[name].kind}; }}" for name in sets_fresh]
    lines += [_chain(at, name, new.chains[name]) for name in fresh]
    for name in sets_changed:
        lines += _elements(at, name, old.sets[name], new.sets[name])
    for name in sets_fresh:
        lines += _elements(at, name, Set(new.sets[name].kind), new.sets[name])
    for name in (*fresh, *changed):
        lines += [f"add rule {at} {name} {rule}" for rule in new.chains[name].rules]
    lines += [f"flush {_word(old.sets[name])} {at} {name}" for name in sets_gone]
    lines += [f"delete chain {at} {name}" for name in gone]
    lines += [f"delete {_word(old.sets[name])} {at} {name}" for name in sets_gone]
    return "".join(line + "\n" for line in lines)


def run(script: str) -> None:
    """Carry out one transaction in the calling thread's namespace. Raises HostUnfit with nft's own words."""
    if not script:
        return
    with span("nft"):
        done = subprocess.run(["nft", "-f", "-"], input=script, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise HostUnfit(why=f"nft refused the rules: {done.stderr.strip()[:500]}")


def generation() -> int:
    """A number that every transaction of anybody in the namespace raises by one.

    Source of the message (NFT_MSG_GETGEN): include/uapi/linux/netfilter/nf_tables.h of Linux.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.send(struct.pack("=IHHIIBBH", 20, NFTABLES | 16, 1, 1, 0, 0, 0, 0))
        answer = netlink.recv(4096)
    kind, (number,) = struct.unpack_from("=4xH", answer)[0], struct.unpack_from("!I", answer, 24)
    if kind != NFTABLES | 15:
        raise HostUnfit(why="The kernel has no nftables")
    return int(number)


def _sort(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[list[str], list[str], list[str]]:
    """Names that go, that change, and that are new."""
    return (
        [name for name in old if name not in new],
        [name for name in new if name in old and old[name] != new[name]],
        [name for name in new if name not in old],
    )


def _chain(at: str, name: str, chain: Chain) -> str:
    return f"add chain {at} {name}" + (f" {{ {chain.hook}; }}" if chain.hook else "")


def _word(one: Set) -> str:
    return one.word


def _elements(at: str, name: str, old: Set, new: Set) -> list[str]:
    if new.whole:
        return [f"flush {new.word} {at} {name}", *_change("add", at, name, new.elements)]
    # A map's element is deleted by its key alone; a changed value is a deletion and an addition.
    return [
        *_change("delete", at, name, (e.split(" : ")[0] for e in old.elements - new.elements)),
        *_change("add", at, name, new.elements - old.elements),
    ]


def _change(verb: str, at: str, name: str, elements: Iterable[str]) -> list[str]:
    listed = ", ".join(sorted(elements))
    return [f"{verb} element {at} {name} {{ {listed} }}"] if listed else []
