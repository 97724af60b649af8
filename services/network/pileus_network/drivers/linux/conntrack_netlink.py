"""Lists, marks and deletes the tracked connections of the namespace that the calling thread is in.

The messages are from include/uapi/linux/netfilter/nfnetlink_conntrack.h of Linux. They are parsed here, not by
pyroute2, because a busy host has a hundred thousand connections to check after a change.
"""

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

NETLINK_NETFILTER, SUBSYSTEM = 12, 1 << 8
NEW, GET, DELETE = SUBSYSTEM | 0, SUBSYSTEM | 1, SUBSYSTEM | 2
REQUEST, ACK, DUMP, ERROR, DONE = 0x1, 0x4, 0x300, 2, 3
NESTED = 0x8000
TUPLE_ORIG, TUPLE_REPLY, MARK, ZONE = 1, 2, 8, 18
TUPLE_IP, TUPLE_PROTO = 1, 2
IP4_SOURCE, IP4_DESTINATION, IP6_SOURCE, IP6_DESTINATION = 1, 2, 3, 4
PROTO_NUMBER, PROTO_DPORT = 1, 3
ICMP_TYPE, ICMP_CODE, ICMP6_TYPE, ICMP6_CODE = 5, 6, 8, 9
HEADER, SUBHEADER, ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBH"), struct.Struct("=HH")


@dataclass(frozen=True)
class Connection:
    """A connection, as its first packet was.

    `port` is the destination's, or type and code of ICMP (`type << 8 | code`). `answered_to` is where answers go.
    """

    zone: int
    source: str
    destination: str
    answered_to: str
    protocol: int
    port: int
    mark: int
    family: int
    key: bytes


class ConntrackSocket:
    """A socket to the kernel's connection tracking, in the namespace where it is opened; a context manager."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    def __enter__(self) -> "ConntrackSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def connections(self) -> list[Connection]:
        """Return all connections of the namespace."""
        return [connection for message in self._ask(GET, DUMP, socket.AF_UNSPEC, b"") for connection in _parse(message)]

    def mark(self, connection: Connection, value: int) -> None:
        """Mark a connection, unless it has ended meanwhile."""
        self._request(NEW, connection, _attribute(MARK, struct.pack("!I", value)))

    def delete(self, connection: Connection) -> None:
        """Delete a connection, unless it has ended meanwhile."""
        self._request(DELETE, connection, b"")

    def _request(self, kind: int, connection: Connection, more: bytes) -> None:
        try:
            for _ in self._ask(kind, ACK, connection.family, connection.key + more):
                pass
        except FileNotFoundError:
            pass

    def _ask(self, kind: int, flags: int, family: int, attributes: bytes) -> Iterator[bytes]:
        body = SUBHEADER.pack(family, 0, 0) + attributes
        self._socket.send(HEADER.pack(HEADER.size + len(body), kind, REQUEST | flags, 1, 0) + body)
        while True:
            data = self._socket.recv(1 << 18)
            while len(data) >= HEADER.size:
                length, kind, *_ = HEADER.unpack_from(data)
                if kind == DONE:
                    return
                if kind == ERROR:
                    number = -struct.unpack_from("=i", data, HEADER.size)[0]
                    if number:
                        raise OSError(number, f"conntrack: {os.strerror(number)}")
                    return
                yield data[HEADER.size : length]
                data = data[(length + 3) & ~3 :]


def _parse(message: bytes) -> Iterator[Connection]:
    family = message[0]
    fields = dict(_attributes(message[SUBHEADER.size :]))
    if family not in (socket.AF_INET, socket.AF_INET6) or TUPLE_ORIG not in fields or TUPLE_REPLY not in fields:
        return
    source, destination, protocol, port = _tuple(fields[TUPLE_ORIG])
    answered_to = _tuple(fields[TUPLE_REPLY])[1]
    zone = fields.get(ZONE, b"\0\0")
    mark = struct.unpack("!I", fields.get(MARK, b"\0\0\0\0"))[0]
    key = _attribute(TUPLE_ORIG | NESTED, fields[TUPLE_ORIG]) + (_attribute(ZONE, zone) if ZONE in fields else b"")
    yield Connection(struct.unpack("!H", zone)[0], source, destination, answered_to, protocol, port, mark, family, key)


def _tuple(data: bytes) -> tuple[str, str, int, int]:
    parts = dict(_attributes(data))
    ip, proto = dict(_attributes(parts[TUPLE_IP])), dict(_attributes(parts[TUPLE_PROTO]))
    source = ip.get(IP4_SOURCE) or ip[IP6_SOURCE]
    destination = ip.get(IP4_DESTINATION) or ip[IP6_DESTINATION]
    icmp = proto.get(ICMP_TYPE) or proto.get(ICMP6_TYPE)
    code = proto.get(ICMP_CODE) or proto.get(ICMP6_CODE) or b"\0"
    port = (icmp[0] << 8 | code[0]) if icmp else int.from_bytes(proto.get(PROTO_DPORT, b"\0"))
    return str(ip_address(source)), str(ip_address(destination)), proto[PROTO_NUMBER][0], port


def _attribute(kind: int, value: bytes) -> bytes:
    length = ATTRIBUTE.size + len(value)
    return ATTRIBUTE.pack(length, kind) + value + b"\0" * (-length % 4)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        yield kind & ~(NESTED | 0x4000), data[ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :] if length else b""
