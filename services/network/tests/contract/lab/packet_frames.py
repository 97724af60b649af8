"""Frames built by hand, for the kinds of `packet_table`. Each contains a word by which it is recognized."""

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
