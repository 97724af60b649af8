"""What frames a server's port may send: as itself and nobody else. Stateless, in the bridge.

Frames that are let through `return`, so that the caller can mark them; everything else is dropped here.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from pileus_network.drivers.linux.nft import Chain
from pileus_network.rpc import Port

# As a DHCP or RA server a guest would own its neighbours' routes and names.
NO_SERVER = (
    "ether type ip udp sport 67 udp dport 68 drop",
    "ether type ip6 udp sport 547 udp dport 546 drop",
    "ether type ip6 icmpv6 type { nd-router-advert, nd-redirect } drop",
)
# Before it has an address a guest speaks from none: DHCP, address probes (RFC 5227), duplicate detection and MLD (RFC
# 4862).
NO_ADDRESS = (
    "arp operation request arp saddr ip 0.0.0.0 return",
    "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 return",
    "ip6 saddr :: icmpv6 type { nd-neighbor-solicit, nd-router-solicit, mld-listener-report, mld-listener-done,"
    " mld2-listener-report } return",
)
TARGET = "@th,64,128"


@lru_cache(maxsize=4096)
def chain(port: Port) -> Chain:
    """The rules of one port: its MACs, and for each the addresses that go with it."""
    owned = _owned(port)
    macs = ", ".join(sorted(owned))
    targets = _collapsed(a for addresses in owned.values() for a in addresses if a.version == 6)
    rules = [
        f"ether saddr != {{ {macs} }} drop",
        f"arp saddr ether != {{ {macs} }} drop",
        *NO_SERVER,
        *NO_ADDRESS,
        f"icmpv6 type nd-neighbor-advert {TARGET} != {{ {', '.join(map(_number, targets))} }} drop",
    ]
    for mac, addresses in sorted(owned.items()):
        v4, v6 = (_collapsed(a for a in addresses if a.version == version) for version in (4, 6))
        if v4:
            rules += [
                f"ether saddr {mac} arp saddr ip {_among(v4)} return",
                f"ether saddr {mac} ip saddr {_among(v4)} return",
            ]
        rules.append(f"ether saddr {mac} ip6 saddr {_among(v6)} return")
    return Chain((*rules, "drop"))


def link_local(mac: str) -> str:
    """The IPv6 link-local address that follows from a MAC (RFC 4291, appendix A)."""
    parts = [int(part, 16) for part in mac.split(":")]
    host = [parts[0] ^ 2, *parts[1:3], 0xFF, 0xFE, *parts[3:]]
    pairs = [f"{high << 8 | low:x}" for high, low in zip(host[::2], host[1::2], strict=True)]
    return str(ip_network("fe80::" + ":".join(pairs)).network_address)


Prefix = IPv4Network | IPv6Network


def _owned(port: Port) -> dict[str, list[Prefix]]:
    owned: dict[str, list[Prefix]] = {port.mac: [ip_network(fixed.address) for fixed in port.fixed_ips]}
    for pair in port.address_pairs:
        owned.setdefault(pair.mac, []).append(ip_network(pair.address, strict=False))
    for mac, addresses in owned.items():
        addresses.append(ip_network(link_local(mac)))
    return owned


def _collapsed(addresses: Iterable[Prefix]) -> list[Prefix]:
    return list(collapse_addresses(addresses))  # type: ignore[type-var]


def _among(addresses: list[Prefix]) -> str:
    return "{ " + ", ".join(str(a[0]) if a.num_addresses == 1 else str(a) for a in addresses) + " }"


def _number(addresses: Prefix) -> str:
    """Addresses as bits of a packet: nft has no name for the target of a neighbour advertisement."""
    first, last = f"{int(addresses[0]):#034x}", f"{int(addresses[-1]):#034x}"
    return first if first == last else f"{first}-{last}"
