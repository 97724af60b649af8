"""Which frames arrive: every kind of frame is sent through real taps, guarded and not."""

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import packet_frames as frames
import packet_table
import pytest

from pileus_network import rpc
from pileus_network.drivers.linux.anti_spoofing import link_local

HERE = Path(__file__).parent
V4, V6 = "10.5.0.", "fd00:5::"
SEND = """
import socket, sys, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); wire.bind(("eth0", 0))
for line in sys.stdin:
    wire.send(bytes.fromhex(line)); time.sleep(0.002)
print("sent", flush=True)
"""
LISTEN = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); wire.bind(("eth0", 0))
wire.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
print("up", flush=True)
while True: print(wire.recv(70000).hex(), flush=True)
"""


class Lab:
    """One network with a guarded sender, an unguarded one, a guest that receives everything, and one whose groups allow
    nothing.
    """

    def __init__(self, host, cloud, words):
        subnets = tuple(
            rpc.Subnet(cloud.id(), cidr, version, gateway, False)
            for cidr, version, gateway in ((f"{V4}0/24", 4, f"{V4}1"), (f"{V6}/64", 6, f"{V6}1"))
        )
        network = cloud.network(subnets=subnets)
        open_, closed = cloud.group(*words.ALL), cloud.group()
        self.host, self.cloud = host, cloud
        self.ports = {
            "guarded": cloud.port(network, f"{V4}12", f"{V6}c", security_groups=(open_.id,)),
            "wild": cloud.port(network, f"{V4}13", f"{V6}d", port_security=False),
            "open": cloud.port(network, f"{V4}14", f"{V6}e", port_security=False),
            "shut": cloud.port(network, f"{V4}15", f"{V6}f", security_groups=(closed.id,)),
        }
        host.apply(cloud.state)
        self.guests = {name: host.guest(port) for name, port in self.ports.items()}
        host.sh("cat > /run/send.py", stdin=SEND)
        host.sh("cat > /run/listen.py", stdin=LISTEN)
        self.receivers = {name: self._receiver(name) for name in ("open", "shut")}
        self.numbers = itertools.count()

    def _receiver(self, name):
        program = self.guests[name].start(sys.executable, "/run/listen.py")
        assert program.stdout.readline() == b"up\n"
        return program

    def me(self, name, **changed):
        port = self.ports[name]
        v4, v6 = (fixed.address for fixed in port.fixed_ips)
        return replace(
            frames.Me(
                port.mac, v4, v6, "fa:16:3e:99:99:99", f"{V4}99", f"{V6}99", f"{V4}1", f"{V6}1", link_local(port.mac)
            ),
            **changed,
        )

    def send(self, name, table, me=None):
        """Send the kinds of frames; return which of them each receiver got."""
        run = next(self.numbers)
        words = {kind: b"lab%03d%05d" % (run, number) for number, kind in enumerate(table)}
        sent = [frame for kind, word in words.items() for frame in table[kind](me or self.me(name), word)]
        end = b"lab%03dend" % run
        # The last one may enter everywhere, so everything before it has arrived or never will.
        sent.append(frames.arped(self.me("wild"), end, self.ports["wild"].mac, f"{V4}13", f"{V4}200")[0])
        sender = self.guests[name].start(sys.executable, "/run/send.py")
        sender.stdin.write(b"".join(frame.hex().encode() + b"\n" for frame in sent[:-1]))
        sender.stdin.close()
        assert sender.stdout.readline() == b"sent\n"
        self._say(sent[-1])
        return {name: self._received(program, words, end) for name, program in self.receivers.items()}

    def _say(self, frame):
        sender = self.guests["wild"].start(sys.executable, "/run/send.py")
        sender.stdin.write(frame.hex().encode() + b"\n")
        sender.stdin.close()
        assert sender.stdout.readline() == b"sent\n"

    @staticmethod
    def _received(program, words, end):
        received = set()
        while True:
            frame = bytes.fromhex(program.stdout.readline().decode())
            if end in frame:
                return received
            received |= {kind for kind, word in words.items() if word in frame}


@pytest.fixture
def lab(host, cloud, words):
    return Lab(host, cloud, words)


KINDS = {name: kind for name, (kind, _, _) in packet_table.TABLE.items()}


def test_only_honest_frames_leave_a_guarded_port(lab):
    received = lab.send("guarded", KINDS)["open"]
    expected = {name for name, (_, leaves, _) in packet_table.TABLE.items() if leaves}
    assert (sorted(received - expected), sorted(expected - received)) == ([], [])
    assert len(KINDS) >= 60


def test_nothing_but_arp_dhcp_and_discovery_enters_a_closed_port(lab):
    """A port without port security may send anything, and its neighbours are still safe."""
    received = lab.send("wild", KINDS)
    judged = {name: enters for name, (_, _, enters) in packet_table.TABLE.items() if enters is not None}
    wrong = {name for name, enters in judged.items() if (name in received["shut"]) != enters}
    assert sorted(wrong) == []
    assert {"VLAN 0: UDP", "frame: LLDP", "UDP of another", "two tags: UDP"} <= received["open"], (
        "the lab itself receives nothing"
    )


def test_address_pairs_widen_exactly_what_they_name(lab):
    """The pair's address and MAC may be used together; they allow nothing else."""
    me = lab.me("guarded")
    lab.cloud.change(
        lab.ports["guarded"],
        address_pairs=(
            rpc.AddressPair(me.other_v4, me.other_mac),
            rpc.AddressPair(me.other_v6, me.mac),
        ),
    )
    lab.host.apply(lab.cloud.state)
    received = lab.send("guarded", KINDS, me)["open"]
    plain = {name for name, (_, leaves, _) in packet_table.TABLE.items() if leaves}
    assert sorted(received - plain) == sorted(
        [
            "UDP over IPv6 of another",  # the IPv6 pair belongs to the port's own MAC
            "advertisement of another's by another",
            "duplicate detection of another's",
            "ARP probe for another's",
            "DHCP request for another",  # the port may be a DHCP client with that MAC, too
            "DHCP request for another, from elsewhere",
        ]
    )
    both = replace(me, mac=me.other_mac, v4=me.other_v4, link_local=link_local(me.other_mac))
    received = lab.send(
        "guarded", {name: KINDS[name] for name in ("UDP", "ARP announcement", "ARP reply", "TCP")}, both
    )
    assert received["open"] == {"UDP", "ARP announcement", "ARP reply", "TCP"}


@pytest.mark.parametrize("address", ["0.0.0.0/0", "::/0"])
def test_a_pair_of_all_addresses_makes_no_router_and_sends_no_tags(lab, address):
    me = lab.me("guarded")
    lab.cloud.change(lab.ports["guarded"], address_pairs=(rpc.AddressPair(address, me.mac),))
    lab.host.apply(lab.cloud.state)
    received = lab.send("guarded", KINDS, me)["open"]
    never = ("VLAN", "802.1ad", "two tags", "frame: ", "router adv", "redirect", "DHCP offer", "DHCPv6 reply", "IPv")
    assert [name for name in sorted(received) if name.startswith(never)] == []
    assert ("UDP of another" if "." in address else "UDP over IPv6 of another") in received
