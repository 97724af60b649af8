"""Every kind of frame that a guest may try, and what becomes of it.

A kind is a function of the sender and a word that returns the frames to send, each with the word in it. `TABLE` says
for each kind whether it leaves a guarded port, and whether it enters a guarded port whose groups allow nothing.
"""

import struct
from collections.abc import Callable

from packet_frames import (
    ALL6,
    ALL_NODES,
    ARP,
    ICMP,
    ICMP6,
    IP4,
    IP6,
    STAG,
    TCP,
    UDP,
    Kind,
    Me,
    Row,
    advert,
    arp,
    arped,
    bootp,
    echo,
    ether,
    extension,
    icmp6,
    ip4,
    ip6,
    piece,
    pieces,
    redirect,
    router,
    six,
    solicit,
    syn,
    tag,
    udp,
    udp6,
    v4,
)

ANYTHING = b"\0" * 8
LEAVES, ENTERS = True, True
STAYS, SHUT = False, False
ANY = None
"""The receiver may or may not see through the disguise; what counts is that the frame isn't sent."""


def _nd(kind: int, body: Callable[[Me, bytes], bytes]) -> dict[str, Kind]:
    """One message of neighbour discovery in all its disguises."""

    def message(me: Me, word: bytes) -> bytes:
        return icmp6(me.link_local, ALL_NODES, kind, body(me, word))

    return {
        "plain": lambda me, w: [six(me, ICMP6, message(me, w), me.link_local)],
        "behind hop-by-hop": lambda me, w: [six(me, 0, extension(ICMP6) + message(me, w), me.link_local)],
        "behind destination options": lambda me, w: [six(me, 60, extension(ICMP6) + message(me, w), me.link_local)],
        "behind routing": lambda me, w: [six(me, 43, extension(ICMP6, b"\0" * 6) + message(me, w), me.link_local)],
        "behind three headers": lambda me, w: [
            six(me, 0, extension(60) + extension(43) + extension(ICMP6, b"\0" * 6) + message(me, w), me.link_local)
        ],
        "in an atomic fragment": lambda me, w: [six(me, 44, piece(ICMP6, 0, False, message(me, w)), me.link_local)],
        "in two fragments": lambda me, w: pieces(me, ICMP6, message(me, w), 8, me.link_local),
        "its header in the second fragment": lambda me, w: pieces(
            me, 60, extension(ICMP6, b"\1\x0c" + b"\0" * 12) + message(me, w), 16, me.link_local
        ),
        "fragments of a fragment": lambda me, w: [
            six(me, 44, piece(44, 0, False, b"") + piece(ICMP6, 0, True, message(me, w)[:8]), me.link_local),
            six(me, 44, piece(44, 0, False, b"") + piece(ICMP6, 8, False, message(me, w)[8:]), me.link_local),
        ],
        "in VLAN 0": lambda me, w: [
            ether(me.mac, IP6, ip6(me.link_local, ALL_NODES, ICMP6, message(me, w)), ALL6, tag(0))
        ],
    }


def _tagged(tags: bytes) -> dict[str, Kind]:
    return {
        "UDP": lambda me, w: [ether(me.mac, IP4, v4(me.v4, w, me), tags=tags)],
        "UDP of another": lambda me, w: [ether(me.mac, IP4, v4(me.other_v4, w, me), tags=tags)],
        "UDP over IPv6": lambda me, w: [
            ether(me.mac, IP6, ip6(me.v6, ALL_NODES, UDP, udp6(me.v6, ALL_NODES, 9, 9, w)), ALL6, tags)
        ],
        "ARP": lambda me, w: [ether(me.mac, ARP, arp(me.mac, me.v4, me.other_v4, 2) + w, tags=tags)],
        "DHCP offer": lambda me, w: [ether(me.mac, IP4, v4(me.v4, bootp(2, me.other_mac, w), me, 67, 68), tags=tags)],
    }


def _named(prefix: str, kinds: dict[str, Kind], leaves: bool, enters: bool | None) -> dict[str, Row]:
    return {f"{prefix}: {name}": (kind, leaves, enters) for name, kind in kinds.items()}


def _other_frames() -> dict[str, Kind]:
    types = {
        "RARP": 0x8035, "LLDP": 0x88CC, "EAPOL": 0x888E, "PPPoE discovery": 0x8863, "PPPoE session": 0x8864,
        "MPLS": 0x8847, "an experiment": 0x88B5, "MACsec": 0x88E5, "AoE": 0x88A2, "FCoE": 0x8906, "PTP": 0x88F7,
        "loopback": 0x9000, "Wake-on-LAN": 0x0842, "NVGRE's Ethernet": 0x6558, "batman": 0x4305,
    }  # fmt: skip
    kinds: dict[str, Kind] = {
        name: lambda me, w, number=number: [ether(me.mac, number, w)]  # type: ignore[misc]
        for name, number in types.items()
    }
    kinds["LLC"] = lambda me, w: [ether(me.mac, 46, b"\xe0\xe0\3" + w)]
    kinds["SNAP with IPv4"] = lambda me, w: [ether(me.mac, 60, b"\xaa\xaa\3\0\0\0\x08\0" + v4(me.v4, w, me))]
    kinds["BPDU"] = lambda me, w: [ether(me.mac, 43, b"\x42\x42\3" + b"\0" * 5 + w, b"\1\x80\xc2\0\0\0")]
    kinds["PVST's BPDU"] = lambda me, w: [ether(me.mac, 50, b"\xaa\xaa\3\0\0\x0c\1\x0b" + w, b"\1\0\x0c\xcc\xcc\xcd")]
    kinds["PPPoE with IPv4"] = lambda me, w: [
        ether(me.mac, 0x8864, b"\x11\0\0\1" + struct.pack("!HH", 40, 0x21) + v4(me.v4, w, me))
    ]
    return kinds


TABLE: dict[str, Row] = {
    "UDP": (lambda me, w: [ether(me.mac, IP4, v4(me.v4, w, me))], LEAVES, SHUT),
    "TCP": (
        lambda me, w: [ether(me.mac, IP4, ip4(me.v4, me.to_v4, TCP, syn(9, 9, me.v4, me.to_v4, w)))], LEAVES, SHUT,
    ),
    "ping": (lambda me, w: [ether(me.mac, IP4, ip4(me.v4, me.to_v4, ICMP, echo(w)))], LEAVES, SHUT),
    "ESP": (lambda me, w: [ether(me.mac, IP4, ip4(me.v4, me.to_v4, 50, ANYTHING + w))], LEAVES, SHUT),
    "UDP with options": (lambda me, w: [ether(me.mac, IP4, v4(me.v4, w, me, options=b"\1" * 8))], LEAVES, SHUT),
    "UDP over IPv6": (
        lambda me, w: [six(me, UDP, udp6(me.v6, ALL_NODES, 9, 9, w))], LEAVES, SHUT,
    ),
    "UDP of another": (lambda me, w: [ether(me.mac, IP4, v4(me.other_v4, w, me))], STAYS, SHUT),
    "UDP of another's MAC": (lambda me, w: [ether(me.other_mac, IP4, v4(me.v4, w, me))], STAYS, SHUT),
    "UDP of nobody": (lambda me, w: [ether(me.mac, IP4, v4("0.0.0.0", w, me))], STAYS, SHUT),
    "UDP of broadcast": (lambda me, w: [ether(me.mac, IP4, v4("255.255.255.255", w, me))], STAYS, SHUT),
    "UDP over IPv6 of another": (
        lambda me, w: [six(me, UDP, udp6(me.other_v6, ALL_NODES, 9, 9, w), me.other_v6)], STAYS, SHUT,
    ),
    "fragments": (
        lambda me, w: [
            ether(me.mac, IP4, ip4(me.v4, me.to_v4, UDP, udp(9, 9, b"x" * 24 + w)[:24], 0, True)),
            ether(me.mac, IP4, ip4(me.v4, me.to_v4, UDP, udp(9, 9, b"x" * 24 + w)[24:], 24)),
        ],
        LEAVES, SHUT,
    ),
    "fragments of another": (
        lambda me, w: [
            ether(me.mac, IP4, ip4(me.other_v4, me.to_v4, UDP, udp(9, 9, b"x" * 24 + w)[:24], 0, True)),
            ether(me.mac, IP4, ip4(me.other_v4, me.to_v4, UDP, udp(9, 9, b"x" * 24 + w)[24:], 24)),
        ],
        STAYS, SHUT,
    ),
    "fragments, the second of another": (
        lambda me, w: [
            ether(me.mac, IP4, ip4(me.v4, me.to_v4, UDP, udp(9, 9, b"x" * 24 + w)[:24], 0, True)),
            ether(me.mac, IP4, ip4(me.other_v4, me.to_v4, UDP, udp(9, 9, b"x" * 24 + w)[24:], 24)),
        ],
        STAYS, SHUT,
    ),
    "fragments over IPv6": (
        lambda me, w: pieces(me, UDP, udp6(me.v6, ALL_NODES, 9, 9, b"x" * 24 + w), 24, me.v6), LEAVES, SHUT,
    ),
    "UDP over IPv6, its header in the second fragment": (
        lambda me, w: pieces(
            me, 60, extension(UDP, b"\1\x0c" + b"\0" * 12) + udp6(me.v6, ALL_NODES, 9, 9, w), 16, me.v6
        ),
        STAYS, SHUT,
    ),
    "UDP over IPv6 behind destination options": (
        lambda me, w: [six(me, 60, extension(UDP) + udp6(me.v6, ALL_NODES, 9, 9, w))], LEAVES, SHUT,
    ),
    "IPv4 called IPv6": (lambda me, w: [ether(me.mac, IP6, v4(me.v4, w, me))], STAYS, SHUT),
    "IPv6 called IPv4": (
        lambda me, w: [ether(me.mac, IP4, ip6(me.v6, ALL_NODES, UDP, udp6(me.v6, ALL_NODES, 9, 9, w)))], STAYS, SHUT,
    ),
    "a chain of headers that ends nowhere": (
        lambda me, w: [six(me, 60, bytes([60, 200]) + b"\0" * 6 + w)], STAYS, SHUT,
    ),
    # DHCP
    "DHCP request": (
        lambda me, w: [ether(me.mac, IP4, ip4("0.0.0.0", "255.255.255.255", UDP, udp(68, 67, bootp(1, me.mac, w))))],
        LEAVES, SHUT,
    ),
    "DHCP request for another": (
        lambda me, w: [
            ether(me.mac, IP4, ip4("0.0.0.0", "255.255.255.255", UDP, udp(68, 67, bootp(1, me.other_mac, w))))
        ],
        STAYS, SHUT,
    ),
    "DHCP request for another, from elsewhere": (
        lambda me, w: [ether(me.mac, IP4, v4(me.v4, bootp(1, me.other_mac, w), me, 1067, 67))], STAYS, SHUT,
    ),
    "DHCP request in fragments": (
        lambda me, w: [
            ether(me.mac, IP4, ip4(me.v4, me.to_v4, UDP, udp(68, 67, bootp(1, me.other_mac, w))[:16], 0, True)),
            ether(me.mac, IP4, ip4(me.v4, me.to_v4, UDP, udp(68, 67, bootp(1, me.other_mac, w))[16:], 16)),
        ],
        STAYS, SHUT,
    ),
    "DHCP offer": (lambda me, w: [ether(me.mac, IP4, v4(me.v4, bootp(2, me.other_mac, w), me, 67, 68))], STAYS, ENTERS),
    "DHCP offer from another port": (
        lambda me, w: [ether(me.mac, IP4, v4(me.v4, bootp(2, me.other_mac, w), me, 1067, 68))], STAYS, SHUT,
    ),
    "DHCP offer as the gateway": (
        lambda me, w: [ether(me.mac, IP4, v4(me.gateway_v4, bootp(2, me.other_mac, w), me, 67, 68))], STAYS, ENTERS,
    ),
    "DHCP offer in fragments": (
        lambda me, w: [
            ether(me.mac, IP4, ip4(me.v4, me.to_v4, UDP, udp(67, 68, bootp(2, me.other_mac, w))[:8], 0, True)),
            ether(me.mac, IP4, ip4(me.v4, me.to_v4, UDP, udp(67, 68, bootp(2, me.other_mac, w))[8:], 8)),
        ],
        STAYS, ANY,
    ),
    "DHCPv6 reply": (
        lambda me, w: [
            six(me, UDP, udp6(me.link_local, ALL_NODES, 547, 546, b"\7\0\0\1" + w), me.link_local)
        ],
        STAYS, ENTERS,
    ),
    "DHCPv6 reply behind destination options": (
        lambda me, w: [
            six(me, 60, extension(UDP) + udp6(me.link_local, ALL_NODES, 547, 546, b"\7\0\0\1" + w), me.link_local)
        ],
        STAYS, ENTERS,
    ),
    # ARP
    "ARP request": (lambda me, w: arped(me, w, me.mac, me.v4, me.other_v4), LEAVES, ENTERS),
    "ARP reply": (lambda me, w: arped(me, w, me.mac, me.v4, me.other_v4, 2), LEAVES, ENTERS),
    "ARP announcement": (lambda me, w: arped(me, w, me.mac, me.v4, me.v4), LEAVES, ENTERS),
    "ARP probe": (lambda me, w: arped(me, w, me.mac, "0.0.0.0", me.v4), LEAVES, ENTERS),
    "ARP probe for another's": (lambda me, w: arped(me, w, me.mac, "0.0.0.0", me.other_v4), STAYS, ENTERS),
    "ARP probe as a reply": (lambda me, w: arped(me, w, me.mac, "0.0.0.0", me.v4, 2), STAYS, ENTERS),
    "ARP announcement of another's": (lambda me, w: arped(me, w, me.mac, me.other_v4, me.other_v4), STAYS, ENTERS),
    "ARP reply for the gateway": (lambda me, w: arped(me, w, me.mac, me.gateway_v4, me.other_v4, 2), STAYS, ENTERS),
    "ARP reply of another's MAC": (lambda me, w: arped(me, w, me.other_mac, me.v4, me.other_v4, 2), STAYS, ENTERS),
    "ARP in another's frame": (
        lambda me, w: arped(me, w, me.mac, me.v4, me.other_v4, source=me.other_mac), STAYS, ENTERS,
    ),
    "RARP's operation": (lambda me, w: arped(me, w, me.mac, me.v4, me.other_v4, 3), STAYS, ENTERS),
    "InARP": (lambda me, w: arped(me, w, me.mac, me.v4, me.other_v4, 8), STAYS, ENTERS),
    "ARP with long hardware addresses": (
        lambda me, w: arped(me, w, me.mac, me.v4, me.other_v4, 2, kinds=b"\0\1\x08\0\x08\4"), STAYS, ENTERS,
    ),
    "ARP with long addresses": (
        lambda me, w: arped(me, w, me.mac, me.v4, me.other_v4, 2, kinds=b"\0\1\x08\0\6\x10"), STAYS, ENTERS,
    ),
    "ARP of another kind of network": (
        lambda me, w: arped(me, w, me.mac, me.v4, me.other_v4, 2, kinds=b"\0\6\x08\0\6\4"), STAYS, ENTERS,
    ),
    "ARP for IPv6": (
        lambda me, w: arped(me, w, me.mac, me.v4, me.other_v4, 2, kinds=b"\0\1\x86\xdd\6\4"), STAYS, ENTERS,
    ),
    # neighbour discovery
    "advertisement": (
        lambda me, w: [six(me, ICMP6, icmp6(me.v6, ALL_NODES, 136, advert(me.v6, me.mac, w)))], LEAVES, ENTERS,
    ),
    "solicitation": (
        lambda me, w: [six(me, ICMP6, icmp6(me.v6, ALL_NODES, 135, solicit(me.other_v6, w)))], LEAVES, ENTERS,
    ),
    "duplicate detection": (
        lambda me, w: [six(me, ICMP6, icmp6("::", ALL_NODES, 135, solicit(me.v6, w)), "::")], LEAVES, ENTERS,
    ),
    "duplicate detection of another's": (
        lambda me, w: [six(me, ICMP6, icmp6("::", ALL_NODES, 135, solicit(me.other_v6, w)), "::")], STAYS, ENTERS,
    ),
    "advertisement of another's by another": (
        lambda me, w: [six(me, ICMP6, icmp6(me.other_v6, ALL_NODES, 136, advert(me.other_v6, me.mac, w)), me.other_v6)],
        STAYS, ENTERS,
    ),
    "advertisement from nobody": (
        lambda me, w: [six(me, ICMP6, icmp6("::", ALL_NODES, 136, advert(me.v6, me.mac, w)), "::")], STAYS, ENTERS,
    ),
    **_named("advertisement of the gateway", _nd(136, lambda me, w: advert(me.gateway_v6, me.mac, w)), STAYS, ANY),
    **_named("router advertisement", _nd(134, lambda me, w: router(w)), STAYS, ANY),
    **_named("redirect", _nd(137, lambda me, w: redirect(me.gateway_v6, w)), STAYS, ANY),
    # tags, and all that is not IP
    **_named("VLAN 0", _tagged(tag(0)), STAYS, SHUT),
    **_named("VLAN 5", _tagged(tag(5)), STAYS, SHUT),
    **_named("VLAN 0 with priority", _tagged(tag(0xE000)), STAYS, SHUT),
    **_named("802.1ad", _tagged(tag(0, STAG)), STAYS, SHUT),
    **_named("two tags", _tagged(tag(0) + tag(0)), STAYS, SHUT),
    **_named("802.1ad and a tag", _tagged(tag(5, STAG) + tag(0)), STAYS, SHUT),
    **_named("frame", _other_frames(), STAYS, SHUT),
}  # fmt: skip
