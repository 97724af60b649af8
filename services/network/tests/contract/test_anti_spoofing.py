"""A guest can't send frames of others, nor be a DHCP server or router."""

import ipaddress
import sys

import pytest

from pileus_network import rpc
from pileus_network.drivers.linux.anti_spoofing import link_local

RAW = """
import socket, struct, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); wire.bind(("eth0", 0))
for _ in range(3): wire.send(bytes.fromhex(sys.argv[1]))
"""


@pytest.fixture
def three(host, cloud, words):
    """A victim, a thief, and a witness that receives everything that reaches its port."""
    network = cloud.network()
    group = cloud.group(*words.ALL)
    ports = [cloud.port(network, f"10.5.0.{n}", security_groups=(group.id,)) for n in (11, 12)]
    ports.append(cloud.port(network, "10.5.0.13", port_security=False))
    host.apply(cloud.state)
    guests = [host.guest(port) for port in ports]
    for guest in guests:
        guest.use()
    return guests


def sent(thief, frame):
    thief.host.sh("cat > /run/raw.py", stdin=RAW)
    thief.sh(f"{sys.executable} /run/raw.py {frame.hex()}")


LISTEN = """
import socket, sys, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); wire.bind(("eth0", 0))
print("up", flush=True)
while True: print(wire.recv(2000).hex(), flush=True)
"""


class Recorder:
    """Records everything that arrives at a guest's card."""

    def __init__(self, guest):
        guest.host.sh("cat > /run/listen.py", stdin=LISTEN)
        self.program = guest.start(sys.executable, "/run/listen.py")
        assert self.program.stdout.readline() == b"up\n"

    def received_before(self, last: bytes) -> list[bytes]:
        """Return the frames up to the one that ends with `last`."""
        frames = []
        while True:
            frame = bytes.fromhex(self.program.stdout.readline().decode())
            if last in frame:
                return frames
            frames.append(frame)


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ip(text):
    return bytes(int(part) for part in text.split("."))


def arp(sender, address, target="10.5.0.13", operation=2, source=None):
    return (
        b"\xff" * 6
        + mac(source or sender)
        + b"\x08\x06\x00\x01\x08\x00\x06\x04"
        + bytes([0, operation])
        + mac(sender)
        + ip(address)
        + b"\0" * 6
        + ip(target)
    )


def udp(source, address, sport, dport, destination="255.255.255.255", payload=b"x" * 20, to=b"\xff" * 6):
    body = (
        sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + (8 + len(payload)).to_bytes(2, "big") + b"\0\0" + payload
    )
    head = b"\x45\0" + (20 + len(body)).to_bytes(2, "big") + b"\0\1\0\0\x40\x11\0\0" + ip(address) + ip(destination)
    total = sum(int.from_bytes(head[i : i + 2], "big") for i in range(0, 20, 2))
    total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + (~total & 0xFFFF).to_bytes(2, "big") + head[12:]
    return to + mac(source) + b"\x08\x00" + head + body


def ipv6(source, frm, to, icmp, sender=None):
    head = (
        b"\x60\0\0\0"
        + len(icmp).to_bytes(2, "big")
        + b"\x3a\xff"
        + ipaddress.ip_address(frm).packed
        + ipaddress.ip_address(to).packed
    )
    return b"\x33\x33\0\0\0\1" + mac(source) + b"\x86\xdd" + head + icmp


def test_only_its_own_frames_get_out(three, host):
    victim, thief, witness = three
    me, other = thief.port.mac, victim.port.mac
    recorder = Recorder(witness)
    last = b"this one is honest"
    bad = [
        arp(me, "10.5.0.11"),
        arp(other, "10.5.0.11"),
        arp(other, "10.5.0.11", source=me),
        arp(me, "10.5.0.12", source=other),
        udp(me, "10.5.0.11", 1000, 1000),
        udp(other, "10.5.0.12", 1000, 1000),
        udp(other, "10.5.0.11", 1000, 1000),
        udp(me, "10.5.0.12", 67, 68),
        udp(me, "10.5.0.11", 67, 68),
        udp(me, "0.0.0.0", 1000, 1000),
        b"\xff" * 6 + mac(me) + b"\x88\xb5" + b"experiment" * 5,
        b"\xff" * 6 + mac(me) + b"\x81\x00\x00\x05\x08\x00" + udp(me, "10.5.0.12", 1, 1)[14:],
        ipv6(me, "fe80::1", "ff02::1", b"\x80\0\0\0\0\0\0\0"),
        ipv6(me, link_local(me), "ff02::1", b"\x86\0\0\0" + b"\0" * 12),
        ipv6(
            me, link_local(me), "ff02::1", b"\x88\0\0\0\x20\0\0\0" + bytes.fromhex("fe80000000000000" + "00" * 7 + "01")
        ),
    ]
    for frame in bad:
        sent(thief, frame)
    good = [
        arp(me, "10.5.0.12"),
        arp(me, "0.0.0.0", "10.5.0.12", operation=1),
        udp(me, "0.0.0.0", 68, 67),
        ipv6(me, link_local(me), "ff02::1", b"\x80\0\0\0\0\0\0\0"),
    ]
    for frame in good:
        sent(thief, frame)
    sent(thief, udp(me, "10.5.0.12", 1000, 1000, payload=last))
    received = recorder.received_before(last)
    from_thief = [frame for frame in received if frame[6:12] in (mac(me), mac(other))]
    assert [frame for frame in from_thief if frame in bad] == []
    # The IPv6 echo has no valid checksum here, and connections are tracked; everything else that is honest arrives.
    assert all(frame in from_thief for frame in good[:3])


def test_address_pairs_may_be_used_too(three, host, cloud):
    _, thief, witness = three
    cloud.change(
        thief.port,
        address_pairs=(
            rpc.AddressPair("10.5.0.100/30", thief.port.mac),
            rpc.AddressPair("10.5.0.90", "00:00:5e:00:01:01"),
        ),
    )
    host.apply(cloud.state)
    thief.sh(
        "ip addr add 10.5.0.101/24 dev eth0; ip addr add 10.5.0.104/24 dev eth0; ip addr add 10.5.0.90/24 dev eth0"
    )
    assert witness.works("busybox ping -c 1 -W 1 10.5.0.101") and not witness.works("busybox ping -c 1 -W 1 10.5.0.104")
    assert not witness.works("busybox ping -c 1 -W 1 10.5.0.90")
    thief.sh("ip link set eth0 address 00:00:5e:00:01:01")
    witness.sh("ip neigh flush all")
    assert witness.works("busybox ping -c 1 -W 2 10.5.0.90") and not witness.works("busybox ping -c 1 -W 1 10.5.0.101")


def test_the_host_itself_is_out_of_reach(three, host):
    """Neither an address of the host nor its name in ARP can be reached from a tenant's network."""
    thief = three[1]
    host.sh("ip addr add 10.5.0.200/32 dev lo; ip addr add 192.0.2.1/32 dev lo; sysctl -qw net.ipv4.ip_forward=1")
    assert not thief.pings("10.5.0.200", 1)
    bridge = host.sh("cat /sys/class/net/plb*/address").split()[0]
    thief.sh(f"ip neigh add 10.5.0.201 lladdr {bridge} dev eth0; ip route add 192.0.2.1/32 via 10.5.0.201")
    assert not thief.pings("192.0.2.1", 1)
