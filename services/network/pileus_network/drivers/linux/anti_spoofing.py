"""Which frames a server's port may send: those with its own addresses. The rules are stateless, in the bridge.

Frames that may pass `return`, so that the caller can mark them; all others are dropped here. `SENT` holds the rules
that are the same for all ports, `chain` those that follow from the addresses of one port.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from pileus_network.drivers.linux.nft import Chain
from pileus_network.rpc import Port

# Only these cross a guarded port, in either direction: the inet table, which holds the security groups, sees no other
# frame. A tag (802.1Q, 802.1ad) counts as an ether type of its own here, whatever is inside.
KNOWN_FRAMES = "ether type != { ip, ip6, arp } drop"
SENT_CHAIN, PIECES_CHAIN = "sent", "pieces"
# A first fragment contains its whole upper-layer header (RFC 7112) and is no neighbour discovery (RFC 6980), so that
# the rules below see in one frame what the receiver reads from several. Later fragments show addresses only.
PIECES = Chain(
    (
        "frag frag-off != 0 return",
        "icmpv6 type { 133-137 } drop",
        "meta l4proto 59 return",
        "@th,0,64 != 0xffffffffffffffff return",  # any value will do, as long as these bytes exist
        "drop",
    )
)
# A guest that acted as DHCP or RA server would control its neighbours' routes and names. `l4proto` can be read only
# from a packet with a valid chain of headers, and no packet has the reserved number 255.
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
# Before it has an address, a guest may use none for DHCP, router solicitation and MLD (RFC 4862).
NO_ADDRESS = (
    "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 return",
    "ip6 saddr :: icmpv6 type { nd-router-solicit, mld-listener-report, mld-listener-done, mld2-listener-report }"
    " return",
)
TARGET = "@th,64,128"
CLIENT_MAC = "@th,288,48"
"""`chaddr` of a DHCP request (RFC 2131): the client that the server believes the request to be from."""


@lru_cache(maxsize=4096)
def chain(port: Port) -> Chain:
    """Return the rules of one port: its MACs, and for each of them the addresses that belong to it."""
    owned = _owned(port)
    macs = sorted(owned)
    v4, v6 = (_collapsed(a for found in owned.values() for a in found if a.version == version) for version in (4, 6))
    targets = ", ".join(map(_packet_bits, v6))
    rules = [
        f"jump {SENT_CHAIN}",
        f"ether saddr != {{ {', '.join(macs)} }} drop",
        f"udp dport 67 {CLIENT_MAC} != {{ {', '.join('0x' + mac.replace(':', '') for mac in macs)} }} drop",
        *NO_ADDRESS,
        # Only the owner of an address may probe it (RFC 5227, RFC 4862): a probe makes others give the address up.
        *([f"arp operation request arp saddr ip 0.0.0.0 arp daddr ip {_address_set(v4)} return"] if v4 else []),
        f"ip6 saddr :: icmpv6 type nd-neighbor-solicit {TARGET} {{ {targets} }} return",
        f"icmpv6 type nd-neighbor-advert {TARGET} != {{ {targets} }} drop",
        *(rule for mac in macs for rule in _allowed_addresses(mac, owned[mac])),
    ]
    return Chain((*rules, "drop"))


def _allowed_addresses(mac: str, addresses: "list[Prefix]") -> Iterable[str]:
    """Return the rules for the addresses that a MAC may use in ARP and IP."""
    v4, v6 = (_collapsed(a for a in addresses if a.version == version) for version in (4, 6))
    if v4:
        yield f"ether saddr {mac} arp saddr ether {mac} arp saddr ip {_address_set(v4)} return"
        yield f"ether saddr {mac} ip saddr {_address_set(v4)} return"
    yield f"ether saddr {mac} ip6 saddr {_address_set(v6)} return"


def link_local(mac: str) -> str:
    """Return the IPv6 link-local address that follows from a MAC (RFC 4291, appendix A)."""
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


def _address_set(addresses: list[Prefix]) -> str:
    return "{ " + ", ".join(str(a[0]) if a.num_addresses == 1 else str(a) for a in addresses) + " }"


def _packet_bits(addresses: Prefix) -> str:
    """Return addresses as bits of a packet: nft has no name for the target of a neighbour advertisement."""
    first, last = f"{int(addresses[0]):#034x}", f"{int(addresses[-1]):#034x}"
    return first if first == last else f"{first}-{last}"
