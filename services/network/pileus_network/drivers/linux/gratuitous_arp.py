"""Announces on an external network which MAC has an address now: gratuitous ARP (RFC 5227) for IPv4, unsolicited
neighbour advertisements (RFC 4861) for IPv6.
"""

import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address

ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86DD
BROADCAST = b"\xff" * 6
ALL_NODES = IPv6Address("ff02::1").packed
REPETITIONS = 3


def announce(interface: str, mac: str, addresses: Iterable[str]) -> None:
    """Send each address's announcement from `interface`, in the namespace of the calling thread."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((interface, 0))
        for text in addresses:
            address = ip_address(text)
            frame = _arp(hardware, address.packed) if address.version == 4 else _advert(hardware, address.packed)
            for _ in range(REPETITIONS):
                wire.send(frame)


def _arp(mac: bytes, address: bytes) -> bytes:
    return BROADCAST + mac + struct.pack("!HHHBBH", ETH_P_ARP, 1, 0x0800, 6, 4, 1) + mac + address + b"\0" * 6 + address


def _advert(mac: bytes, address: bytes) -> bytes:
    override, icmp = 0x20000000, 58
    body = struct.pack("!BBHI", 136, 0, 0, override) + address + b"\x02\x01" + mac
    total = _sum(address + ALL_NODES + struct.pack("!II", len(body), icmp) + body)
    body = body[:2] + struct.pack("!H", total) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, len(body), icmp, 255) + address + ALL_NODES
    return b"\x33\x33\x00\x00\x00\x01" + mac + struct.pack("!H", ETH_P_IPV6) + header + body


def _sum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
