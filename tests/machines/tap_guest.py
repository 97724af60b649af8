"""A guest without QEMU: answers ARP and pings at a tap that an agent has wired, and may ping others.

tap_guest.py TAP MAC ADDRESS                          answers until it is killed
tap_guest.py TAP MAC ADDRESS --ping ADDRESS COUNT     prints "answered N of COUNT"
"""

import fcntl
import os
import select
import struct
import sys
import time
from socket import inet_aton

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
ARP, IPV4, ICMP = 0x0806, 0x0800, 1
EVERY_S, PATIENCE_S = 0.1, 30.0


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


class Guest:
    """One interface of a guest, by its frames."""

    def __init__(self, tap: str, mac: str, address: str) -> None:
        self.mac, self.address = bytes.fromhex(mac.replace(":", "")), inet_aton(address)
        self.tap = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.tap, TUNSETIFF, struct.pack("16sH", tap.encode(), IFF_TAP | IFF_NO_PI))
        self.neighbours: dict[bytes, bytes] = {}
        self.answered: set[int] = set()

    def arp(self, operation: int, mac: bytes, address: bytes) -> None:
        target = b"\xff" * 6 if operation == 1 else mac
        body = struct.pack("!HHBBH", 1, IPV4, 6, 4, operation) + self.mac + self.address + mac + address
        os.write(self.tap, target + self.mac + struct.pack("!H", ARP) + body.ljust(46, b"\0"))

    def echo(self, kind: int, mac: bytes, address: bytes, rest: bytes) -> None:
        icmp = struct.pack("!BBH", kind, 0, checksum(struct.pack("!BBH", kind, 0, 0) + rest)) + rest
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(icmp), 0, 0, 64, ICMP, 0) + self.address + address
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        os.write(self.tap, mac + self.mac + struct.pack("!H", IPV4) + head + icmp)

    def handle(self, seconds: float) -> None:
        """Handle the frames that come within so many seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.tap], [], [], left)[0]:
                return
            self._handle(os.read(self.tap, 2048))

    def _handle(self, frame: bytes) -> None:
        sender, kind = frame[6:12], struct.unpack("!H", frame[12:14])[0]
        if kind == ARP and frame[38:42] == self.address:
            self.neighbours[frame[28:32]] = sender
            if frame[21] == 1:
                self.arp(2, sender, frame[28:32])
        elif kind == IPV4 and frame[30:34] == self.address and frame[23] == ICMP:
            start = 14 + 4 * (frame[14] & 15)
            end = 14 + struct.unpack("!H", frame[16:18])[0]
            if frame[start] == 8:
                self.echo(0, sender, frame[26:30], frame[start + 4 : end])
            elif frame[start] == 0:
                self.answered.add(struct.unpack("!H", frame[start + 6 : start + 8])[0])

    def ping(self, target: str, count: int) -> None:
        address, began = inet_aton(target), time.monotonic()
        while address not in self.neighbours and time.monotonic() - began < PATIENCE_S:
            self.arp(1, bytes(6), address)
            self.handle(EVERY_S)
        for number in range(count):
            self.echo(8, self.neighbours.get(address, b"\xff" * 6), address, struct.pack("!HH", 7, number) + bytes(48))
            self.handle(EVERY_S)
        self.handle(1)
        print(f"answered {len(self.answered)} of {count}", flush=True)


def main(tap: str, mac: str, address: str, *rest: str) -> None:
    guest = Guest(tap, mac, address)
    if rest:
        guest.ping(rest[1], int(rest[2]))
        return
    print("ready", flush=True)
    while True:
        guest.handle(3600)


if __name__ == "__main__":
    main(*sys.argv[1:])
