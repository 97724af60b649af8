"""What frames a server's port may send: as itself and nobody else. Stateless, in the bridge.

Frames that are let through `return`, so that the caller can mark them; everything else is dropped here. `SENT` holds
what is the same for all ports, `chain` what follows from one port's addresses.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from pileus_network.drivers.linux.nft import Chain
from pileus_network.rpc import Port

# Only these cross a guarded port, in either direction: the inet table, which holds the security groups, sees no other
# frame. A tag (802.1Q, 802.1ad) is an ether type of its own here, whatever it wraps and whoever strips it later.
KNOWN_FRAMES = "ether type != { ip, ip6, arp } drop"
SENT_CHAIN, PIECES_CHAIN = "sent", "pieces"
# A first fragment shows its whole upper-layer header (RFC 7112) and holds no neighbour discovery (RFC 6980), so that
# the rules below see in one frame what the receiver will read from many. Of the later ones only addresses are known.
PIECES = Chain(
    (
        "frag frag-off != 0 return",
        "icmpv6 type { 133-137 } drop",
        "meta l4proto 59 return",
        "@th,0,64 != 0xffffffffffffffff return",  # any value, if only it is there
        "drop",
    )
)
# As a DHCP or RA server a guest would own its neighbours' routes and names. `l4proto` can be read only of a packet
# with a sound chain of headers, and no packet has the reserved number 255.
SENT = Chain(
    (
        KNOWN_FRAMES,
        "ether type arp arp htype 1 arp ptype 0x0800 arp hlen 6 arp plen 4 arp operation { request, reply } return",
        "ether type arp drop",
        f"ether type ip6 exthdr frag exists jump {PIECES_CHAIN}",
        "ether type ip udp dport 68 drop",
        "ether type ip udp dport 67 ip frag-off & 0x3fff != 0 drop",
        "ether type ip6 udp dport 546 drop",
        "ether type ip6 icmpv6 type { nd-router-advert, nd-redirect } drop",
        "meta l4proto != 255 return",
        "drop",
    )
)
# Before it has an address a guest speaks from none: DHCP, router solicitation and MLD (RFC 4862).
NO_ADDRESS = (
    "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 return",
    "ip6 saddr :: icmpv6 type { nd-router-solicit, mld-listener-report, mld-listener-done, mld2-listener-report }"
    " return",
)
TARGET = "@th,64,128"
CLIENT_MAC = "@th,288,48"
"""`chaddr` of a DHCP request (RFC 2131): for whom it is made, which the server believes."""


@lru_cache(maxsize=4096)
def chain(port: Port) -> Chain:
    """The rules of one port: its MACs, and for each the addresses that go with it."""
    owned = _owned(port)
    macs = sorted(owned)
    v4, v6 = (_collapsed(a for found in owned.values() for a in found if a.version == version) for version in (4, 6))
    targets = ", ".join(map(_number, v6))
    rules = [
        f"jump {SENT_CHAIN}",
        f"ether saddr != {{ {', '.join(macs)} }} drop",
        f"udp dport 67 {CLIENT_MAC} != {{ {', '.join('0x' + mac.replace(':', '') for mac in macs)} }} drop",
        *NO_ADDRESS,
        # An address is probed (RFC 5227, RFC 4862) by who is to have it: a probe makes others give theirs up.
        *([f"arp operation request arp saddr ip 0.0.0.0 arp daddr ip {_among(v4)} return"] if v4 else []),
        f"ip6 saddr :: icmpv6 type nd-neighbor-solicit {TARGET} {{ {targets} }} return",
        f"icmpv6 type nd-neighbor-advert {TARGET} != {{ {targets} }} drop",
        *(rule for mac in macs for rule in _speaks(mac, owned[mac])),
    ]
    return Chain((*rules, "drop"))


def _speaks(mac: str, addresses: "list[Prefix]") -> Iterable[str]:
    """The addresses that a MAC speaks with, in ARP and IP."""
    v4, v6 = (_collapsed(a for a in addresses if a.version == version) for version in (4, 6))
    if v4:
        yield f"ether saddr {mac} arp saddr ether {mac} arp saddr ip {_among(v4)} return"
        yield f"ether saddr {mac} ip saddr {_among(v4)} return"
    yield f"ether saddr {mac} ip6 saddr {_among(v6)} return"


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
