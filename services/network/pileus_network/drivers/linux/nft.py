"""nftables rules as values: the difference between two rulesets is one transaction.

The syntax is that of nft(8), version 1.0. A transaction is atomic: a packet passes either all of its rules or none.
"""

import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pyroute2.netlink import NLM_F_REQUEST
from pyroute2.netlink.nfnetlink import NFNL_SUBSYS_NFTABLES
from pyroute2.netlink.nfnetlink.nftsocket import NFT_MSG_GETGEN, NFT_MSG_NEWGEN, nft_gen_msg

from pileus_kit.spans import span
from pileus_network.drivers.base import HostUnfit

NETLINK_NETFILTER = 12


@dataclass(frozen=True)
class Chain:
    """A chain of rules in nft's language. `hook` makes it a base chain: "type filter hook forward priority 0"."""

    rules: tuple[str, ...] = ()
    hook: str = ""


@dataclass(frozen=True)
class Set:
    """A set, or a map if its elements have values (`"a" : jump b`).

    `kind` is the declaration, as `type ifname; flags interval`; `keyword` is set or map.
    """

    kind: str
    elements: frozenset[str] = frozenset()
    keyword: str = "set"

    @property
    def is_replaced_whole(self) -> bool:
        """Whether it is replaced as a whole: adjacent ranges can't be exchanged one by one."""
        return "interval" in self.kind


@dataclass(frozen=True)
class Table:
    """A table with its chains and sets by name."""

    family: str
    name: str
    chains: Mapping[str, Chain] = field(default_factory=dict)
    sets: Mapping[str, Set] = field(default_factory=dict)

    @property
    def at(self) -> str:
        """Family and name, as nft's commands take them."""
        return f"{self.family} {self.name}"


def replacement(table: Table) -> str:
    """Return the transaction that replaces whatever has the table's name now."""
    empty = Table(table.family, table.name)
    return f"add table {table.at}\ndelete table {table.at}\nadd table {table.at}\n" + difference(empty, table)


def removal(table: Table) -> str:
    """Return the transaction that deletes the table, whether it exists or not."""
    return f"add table {table.at}\ndelete table {table.at}\n"


def difference(old: Table, new: Table) -> str:
    """Return the transaction that turns `old` into `new`, "" if they are equal.

    The order keeps every reference valid: rules that may refer to something that goes are flushed first, things are
    created before what refers to them, and only what nothing refers to is deleted.
    """
    at = new.at
    gone, changed, fresh = _sort(old.chains, new.chains)
    sets_gone, sets_changed, sets_fresh = _sort(old.sets, new.sets)
    lines = [f"flush chain {at} {name}" for name in (*changed, *gone)]
    lines += [f"add {new.sets[name].keyword} {at} {name} {{ {new.sets[name].kind}; }}" for name in sets_fresh]
    lines += [_chain(at, name, new.chains[name]) for name in fresh]
    for name in sets_changed:
        lines += _elements(at, name, old.sets[name], new.sets[name])
    for name in sets_fresh:
        lines += _elements(at, name, Set(new.sets[name].kind), new.sets[name])
    for name in (*fresh, *changed):
        lines += [f"add rule {at} {name} {rule}" for rule in new.chains[name].rules]
    lines += [f"flush {old.sets[name].keyword} {at} {name}" for name in sets_gone]
    lines += [f"delete chain {at} {name}" for name in gone]
    lines += [f"delete {old.sets[name].keyword} {at} {name}" for name in sets_gone]
    return "".join(line + "\n" for line in lines)


def run(script: str) -> None:
    """Run one transaction in the calling thread's namespace. Raises HostUnfit with nft's message."""
    if not script:
        return
    with span("nft"):
        done = subprocess.run(["nft", "-f", "-"], input=script, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise HostUnfit(why=f"nft refused the rules: {done.stderr.strip()[:500]}")


def generation() -> int:
    """Return the number of the ruleset, which every transaction of any program in the namespace raises by one."""
    request = nft_gen_msg()
    request["header"] = {"type": NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, "flags": NLM_F_REQUEST, "pid": 0}
    request.encode()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.send(request.data)
        answer = nft_gen_msg(netlink.recv(4096))
    answer.decode()
    if answer["header"]["type"] != NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN:
        raise HostUnfit(why="The kernel has no nftables")
    return int(answer.get_attr("NFTA_GEN_ID"))


def _sort(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[list[str], list[str], list[str]]:
    """Return the names that go, that change, and that are new."""
    return (
        [name for name in old if name not in new],
        [name for name in new if name in old and old[name] != new[name]],
        [name for name in new if name not in old],
    )


def _chain(at: str, name: str, chain: Chain) -> str:
    return f"add chain {at} {name}" + (f" {{ {chain.hook}; }}" if chain.hook else "")


def _elements(at: str, name: str, old: Set, new: Set) -> list[str]:
    if new.is_replaced_whole:
        return [f"flush {new.keyword} {at} {name}", *_change("add", at, name, new.elements)]
    # A map's element is deleted by its key alone; a changed value is a deletion and an addition.
    return [
        *_change("delete", at, name, (e.split(" : ")[0] for e in old.elements - new.elements)),
        *_change("add", at, name, new.elements - old.elements),
    ]


def _change(verb: str, at: str, name: str, elements: Iterable[str]) -> list[str]:
    listed = ", ".join(sorted(elements))
    return [f"{verb} element {at} {name} {{ {listed} }}"] if listed else []
