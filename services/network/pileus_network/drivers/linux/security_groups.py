"""Security groups as nftables chains. What a group allows in one direction is one chain, shared by all its ports."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from pileus_network.drivers.linux.nft import Chain, Set
from pileus_network.rpc import AddressSet, Rule, SecurityGroup

WITH_PORTS = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp", 136: "udplite"}
ICMP, ICMP6 = 1, 58

# What a guest needs to get an address at all. As in OpenStack, security groups can't forbid it.
NEIGHBOURS = (
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query, mld-listener-report, mld-listener-done"
)
BASIC_IN = Chain(
    (
        "udp sport 67 udp dport 68 accept",
        "udp sport 547 udp dport 546 accept",
        f"{NEIGHBOURS}, mld2-listener-report, nd-router-advert }} accept",
    )
)
BASIC_OUT = Chain(
    (
        "udp sport 68 udp dport 67 accept",
        "udp sport 546 udp dport 547 accept",
        f"{NEIGHBOURS}, mld2-listener-report, nd-router-solicit }} accept",
    )
)
# A connection that a change of rules forbids gets this mark (conntrack.py), and isn't "established" any longer.
BLOCKED_MARK = 0xDEAD
STATEFUL = Chain(
    (
        f"ct mark {BLOCKED_MARK:#x} drop",
        "ct state established,related accept",
        "ct state invalid drop",
    )
)


def chains(group: SecurityGroup) -> dict[str, Chain]:
    """Return the two chains of a group. They accept what it allows, and return to the caller for everything else."""
    return {
        name(group.id, direction): Chain(
            tuple(dict.fromkeys(text(rule) for rule in group.rules if rule.direction == direction))
        )
        for direction in ("ingress", "egress")
    }


def name(group_id: str, direction: str) -> str:
    """Return the name of the chain of a group and a direction."""
    return ("gi-" if direction == "ingress" else "ge-") + group_id


def set_name(group_id: str, version: int) -> str:
    """Return the name of the set of a remote group's addresses."""
    return f"members{version}-{group_id}"


@lru_cache(maxsize=1024)
def members(remote: AddressSet) -> dict[str, Set]:
    """Return the addresses of a remote group, as one set for each IP version."""
    sets = {}
    for version in (4, 6):
        prefixes = [a for a in map(ip_network, remote.addresses) if a.version == version]
        merged = collapse_addresses(prefixes)  # type: ignore[type-var]
        sets[set_name(remote.group_id, version)] = Set(
            f"type ipv{version}_addr; flags interval", frozenset(map(plain, merged))
        )
    return sets


def plain(prefix: IPv4Network | IPv6Network) -> str:
    """Return a prefix as nft writes it: a single address has no length."""
    return str(prefix[0]) if prefix.num_addresses == 1 else str(prefix)


def named(rules: Iterable[Rule]) -> set[str]:
    """Return the groups that the rules name as their remote."""
    return {rule.remote_group for rule in rules if rule.remote_group}


def text(rule: Rule) -> str:
    """Return the rule in nft's language."""
    parts = [f"meta nfproto ipv{rule.ip_version}", _remote(rule), _protocol(rule), "accept"]
    return " ".join(part for part in parts if part)


def _remote(rule: Rule) -> str:
    end = "saddr" if rule.direction == "ingress" else "daddr"
    family = "ip" if rule.ip_version == 4 else "ip6"
    if rule.remote_group:
        return f"{family} {end} @{set_name(rule.remote_group, rule.ip_version)}"
    if rule.remote_prefix is None:
        return ""
    prefix = ip_network(rule.remote_prefix, strict=False)
    return f"{family} {end} {plain(prefix)}" if prefix.prefixlen else ""


def _protocol(rule: Rule) -> str:
    if rule.protocol is None:
        return ""
    if rule.protocol in WITH_PORTS and rule.port_min is not None:
        top = rule.port_max if rule.port_max is not None else rule.port_min
        ports = str(rule.port_min) if rule.port_min == top else f"{rule.port_min}-{top}"
        return f"{WITH_PORTS[rule.protocol]} dport {ports}"
    if rule.protocol in (ICMP, ICMP6) and rule.port_min is not None:
        word = "icmp" if rule.protocol == ICMP else "icmpv6"
        code = f" {word} code {rule.port_max}" if rule.port_max is not None else ""
        return f"{word} type {rule.port_min}{code}"
    return f"meta l4proto {rule.protocol}"
