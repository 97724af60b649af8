"""IP protocols by OpenStack's names (numbers from IANA's "Protocol Numbers"), and which of them have ports."""

NUMBERS = {
    "hopopt": 0,
    "icmp": 1,
    "igmp": 2,
    "ipip": 4,
    "tcp": 6,
    "egp": 8,
    "udp": 17,
    "dccp": 33,
    "ipv6-route": 43,
    "ipv6-frag": 44,
    "rsvp": 46,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": 58,
    "icmpv6": 58,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "ospf": 89,
    "ipv6-encap": 41,
    "vrrp": 112,
    "pgm": 113,
    "sctp": 132,
    "udplite": 136,
}
PROTOCOLS_WITH_PORTS = frozenset({6, 17, 33, 132, 136})
ICMP, ICMPV6 = 1, 58
IPV6_ONLY = frozenset({ICMPV6, 41, 43, 44, 59, 60})


def to_number(protocol: str | None, ethertype: str = "IPv4") -> int | None:
    """Return the number of a stored protocol, None for any. In IPv6, `icmp` means ICMPv6: IPv6 has no other."""
    if protocol is None:
        return None
    found = int(protocol) if protocol.isdecimal() else NUMBERS[protocol]
    return ICMPV6 if found == ICMP and ethertype == "IPv6" else found
