"""A small DHCPv6 client (RFC 8415) that prints its address and name servers. Usage: dhcpv6_client.py INTERFACE MAC"""

import ipaddress
import socket
import struct
import sys
import time

SOLICIT, ADVERTISE, REQUEST, REPLY = 1, 2, 3, 7
CLIENT, SERVER, IA_NA, ADDRESS, ORO, ELAPSED, DNS = 1, 2, 3, 5, 6, 8, 23


def option(kind: int, data: bytes) -> bytes:
    return struct.pack("!HH", kind, len(data)) + data


def options(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        kind, length = struct.unpack_from("!HH", data)
        found[kind], data = data[4 : 4 + length], data[4 + length :]
    return found


def ask(wire: socket.socket, index: int, kind: int, extra: bytes, wanted: int) -> dict[int, bytes]:
    transaction = b"\x01\x02" + bytes([kind])
    message = bytes([kind]) + transaction + extra + option(ORO, struct.pack("!H", DNS)) + option(ELAPSED, b"\0\0")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        wire.sendto(message, ("ff02::1:2", 547, 0, index))
        try:
            answer = wire.recv(2000)
        except TimeoutError:
            continue
        if answer[0] == wanted and answer[1:4] == transaction:
            return options(answer[4:])
    raise SystemExit("no answer")


def main(interface: str, mac: str) -> None:
    index = socket.if_nametoindex(interface)
    me = option(CLIENT, struct.pack("!HH", 3, 1) + bytes.fromhex(mac.replace(":", "")))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        wire.bind(("::", 546))
        wire.settimeout(1)
        empty = option(IA_NA, struct.pack("!III", 1, 0, 0))
        offer = ask(wire, index, SOLICIT, me + empty, ADVERTISE)
        taken = option(IA_NA, offer[IA_NA])
        given = ask(wire, index, REQUEST, me + option(SERVER, offer[SERVER]) + taken, REPLY)
    address = options(given[IA_NA][12:])[ADDRESS][:16]
    print("ip=" + str(ipaddress.ip_address(address)))
    servers = [given[DNS][i : i + 16] for i in range(0, len(given.get(DNS, b"")), 16)]
    print("dns=" + " ".join(str(ipaddress.ip_address(server)) for server in servers))


main(*sys.argv[1:])
