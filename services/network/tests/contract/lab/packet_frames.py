"""Every kind of frame that a guest may try, built by hand; each contains a word by which it is recognized.

A kind is a function of the sender (`Me`) and the word that returns the frames to send. `TABLE` says for each kind
whether it leaves a guarded port, and whether it enters a guarded port whose groups allow nothing.
"""

import ipaddress
import struct
from collections.abc import Callable
from dataclasses import dataclass

ALL, ALL6, ALL_NODES = b"\xff" * 6, b"\x33\x33\0\0\0\1", "ff02::1"
IP4, IP6, ARP, TAG, STAG = 0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8
UDP, TCP, ICMP, ICMP6 = 17, 6, 1, 58


@dataclass(frozen=True)
class Me:
    """The sender: its own MAC and addresses, and those of its neighbour and of the gateway."""

    mac: str
    v4: str
    v6: str
    other_mac: str
    other_v4: str
    other_v6: str
    gateway_v4: str
    gateway_v6: str
    link_local: str
    to_v4: str = "10.5.0.255"


Kind = Callable[[Me, bytes], list[bytes]]
Row = tuple[Kind, bool, bool | None]


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def total(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    found = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while found >> 16:
        found = (found & 0xFFFF) + (found >> 16)
    return ~found & 0xFFFF


def ether(source: str, kind: int, payload: bytes, to: bytes = ALL, tags: bytes = b"") -> bytes:
    return (to + mac(source) + tags + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def tag(number: int, kind: int = TAG) -> bytes:
    return struct.pack("!HH", kind, number)


# -- IPv4 ----------------------------------------------------------------------------------------------------------


def ip4(
    source: str, to: str, protocol: int, body: bytes, offset: int = 0, more: bool = False, options: bytes = b""
) -> bytes:
    words = 5 + len(options) // 4
    flags = offset // 8 | more << 13
    head = struct.pack("!BBHHHBBH", 0x40 | words, 0, words * 4 + len(body), 77, flags, 64, protocol, 0)
    head += packed(source) + packed(to) + options
    return head[:10] + struct.pack("!H", total(head)) + head[12:] + body


def udp(sport: int, dport: int, data: bytes) -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data


def syn(sport: int, dport: int, source: str, to: str, data: bytes) -> bytes:
    body = struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 0x50, 2, 1000, 0, 0) + data
    pseudo = packed(source) + packed(to) + struct.pack("!BBH", 0, TCP, len(body))
    return body[:16] + struct.pack("!H", total(pseudo + body)) + body[18:]


def echo(data: bytes, kind: int = 8) -> bytes:
    body = struct.pack("!BBHHH", kind, 0, 0, 7, 7) + data
    return body[:2] + struct.pack("!H", total(body)) + body[4:]


def bootp(operation: int, client: str, data: bytes) -> bytes:
    head = struct.pack("!BBBBIHH", operation, 1, 6, 0, 7, 0, 0) + b"\0" * 16 + mac(client) + b"\0" * 10
    options = b"\x35\1" + bytes([operation]) + b"\x3d" + bytes([len(data)]) + data + b"\xff"
    return head + b"\0" * 192 + b"\x63\x82\x53\x63" + options


def v4(source: str, word: bytes, me: Me, sport: int = 1000, dport: int = 1000, **more: object) -> bytes:
    return ip4(source, me.to_v4, UDP, udp(sport, dport, word), **more)  # type: ignore[arg-type]


# -- IPv6 ----------------------------------------------------------------------------------------------------------


def ip6(source: str, to: str, following: int, body: bytes, hops: int = 255) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(body), following, hops) + packed(source) + packed(to) + body


def sealed(source: str, to: str, protocol: int, body: bytes, at: int) -> bytes:
    """The body with its checksum over IPv6's pseudo header, in the two bytes at `at`."""
    pseudo = packed(source) + packed(to) + struct.pack("!II", len(body), protocol)
    return body[:at] + struct.pack("!H", total(pseudo + body)) + body[at + 2 :]


def icmp6(source: str, to: str, kind: int, body: bytes) -> bytes:
    return sealed(source, to, ICMP6, struct.pack("!BBH", kind, 0, 0) + body, 2)


def udp6(source: str, to: str, sport: int, dport: int, data: bytes) -> bytes:
    return sealed(source, to, UDP, udp(sport, dport, data), 6)


def option(kind: int, data: bytes) -> bytes:
    data = data.ljust(-(-(len(data) + 2) // 8) * 8 - 2, b"\0")
    return bytes([kind, (len(data) + 2) // 8]) + data


def advert(target: str, owner: str, word: bytes) -> bytes:
    """The body of a neighbour advertisement; the word is in an option of an unknown type."""
    return struct.pack("!I", 0x20000000) + packed(target) + option(2, mac(owner)) + option(253, word)


def solicit(target: str, word: bytes) -> bytes:
    return b"\0" * 4 + packed(target) + option(253, word)


def router(word: bytes) -> bytes:
    """The body of a router advertisement."""
    return struct.pack("!BBHII", 64, 0, 1800, 0, 0) + option(253, word)


def redirect(target: str, word: bytes) -> bytes:
    return b"\0" * 4 + packed(target) * 2 + option(253, word)


def extension(following: int, data: bytes = b"\1\4\0\0\0\0") -> bytes:
    """A hop-by-hop, destination or routing header: of padding alone."""
    return bytes([following, (len(data) + 2) // 8 - 1]) + data


def piece(following: int, offset: int, more: bool, body: bytes) -> bytes:
    return struct.pack("!BBHI", following, 0, offset | more, 99) + body


def six(me: Me, following: int, body: bytes, source: str = "", to: str = ALL_NODES, sender: str = "") -> bytes:
    return ether(sender or me.mac, IP6, ip6(source or me.v6, to, following, body), to=ALL6)


def pieces(me: Me, following: int, whole: bytes, cut: int, source: str) -> list[bytes]:
    """A packet in two fragments, cut after `cut` bytes."""
    start, end = whole[:cut], whole[cut:]
    return [
        six(me, 44, piece(following, 0, True, start), source),
        six(me, 44, piece(following, cut, False, end), source),
    ]


# -- ARP -----------------------------------------------------------------------------------------------------------


def arp(hardware: str, address: str, target: str, operation: int = 1, kinds: bytes = b"\0\1\x08\0\6\4") -> bytes:
    return kinds + struct.pack("!H", operation) + mac(hardware) + packed(address) + b"\0" * 6 + packed(target)


def arped(me: Me, word: bytes, *fields: object, source: str = "", **more: object) -> list[bytes]:
    """The word is in the padding."""
    return [ether(source or me.mac, ARP, arp(*fields, **more) + b"\0" * 4 + word)]  # type: ignore[arg-type]


# -- the table -----------------------------------------------------------------------------------------------------

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
