"""The parts of pyroute2 that the linux driver leans on, against messages as the kernel sends them."""

import struct

from pyroute2.netlink.nfnetlink.nftsocket import nft_gen_msg

from pileus_network.drivers.linux.monitor import deleted_interfaces

RTM_NEWLINK, RTM_DELLINK, IFLA_IFNAME, IFLA_MTU = 16, 17, 3, 4
AF_UNSPEC, AF_BRIDGE = 0, 7


def link_message(kind: int, family: int, name: str) -> bytes:
    """A message of rtnetlink(7): struct nlmsghdr, struct ifinfomsg, attributes."""
    text = name.encode() + b"\0"
    attributes = struct.pack("=HHI", 8, IFLA_MTU, 1450)
    attributes += struct.pack("=HH", 4 + len(text), IFLA_IFNAME) + text + b"\0" * (-len(text) % 4)
    body = struct.pack("=BxHiII", family, 1, 7, 0, 0) + attributes
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def test_only_deleted_interfaces_are_reported() -> None:
    data = link_message(RTM_DELLINK, AF_UNSPEC, "tap12345678-9a")
    data += link_message(RTM_NEWLINK, AF_UNSPEC, "plb12345678-9a")
    data += link_message(RTM_DELLINK, AF_BRIDGE, "plx12345678-9a")  # it only left its bridge
    data += link_message(RTM_DELLINK, AF_UNSPEC, "lo")
    assert list(deleted_interfaces(data)) == ["tap12345678-9a", "lo"]


def test_the_number_of_a_ruleset_is_read() -> None:
    request = nft_gen_msg()
    request["header"] = {"type": 10 << 8 | 16, "flags": 1, "pid": 0}
    request.encode()
    length, kind, flags, _, pid = struct.unpack_from("=IHHII", request.data)
    assert (length, kind, flags, pid) == (20, 10 << 8 | 16, 1, 0)
    attributes = struct.pack("=HH", 8, 1) + struct.pack("!I", 41)
    answer = nft_gen_msg(struct.pack("=IHHIIBBH", 28, 10 << 8 | 15, 0, 0, 0, 0, 0, 0) + attributes)
    answer.decode()
    assert answer["header"]["type"] == 10 << 8 | 15 and answer.get_attr("NFTA_GEN_ID") == 41
