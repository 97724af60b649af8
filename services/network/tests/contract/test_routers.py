"""Routers: between a tenant's networks, to the external network, and back by floating IPs."""

import select
import subprocess
import sys
from dataclasses import replace

import pytest

from pileus_network import rpc


class World:
    """An external network with a foreign machine on it, a router, and two servers behind the router."""

    def __init__(self, host, cloud, words):
        self.host, self.cloud = host, cloud
        self.public = cloud.network("203.0.113.0/24", kind="flat", segment=None, physical_network="public", mtu=1500)
        self.red, self.blue = cloud.network("10.5.0.0/24"), cloud.network("10.6.0.0/24")
        self.group = cloud.group(*words.ALL)
        id = cloud.id()
        legs = [
            cloud.port(network, address, owner=rpc.INTERFACE_OWNER, device=id)
            for network, address in ((self.red, "10.5.0.1"), (self.blue, "10.6.0.1"))
        ]
        self.gateway = cloud.port(self.public, "203.0.113.10", owner=rpc.GATEWAY_OWNER, device=id)
        ports = [
            cloud.port(network, address, security_groups=(self.group.id,))
            for network, address in ((self.red, "10.5.0.11"), (self.blue, "10.6.0.12"))
        ]
        self.router = cloud.router(*legs, gateway=self.gateway, id=id)
        report = host.apply(cloud.state)
        assert set(report.ports) == {port.id for port in cloud.state.ports}
        host.sh("ip addr add 203.0.113.1/24 dev plx-ext")
        self.a, self.b = (host.guest(port) for port in ports)
        self.a.use(gateway="10.5.0.1")
        self.b.use(gateway="10.6.0.1")

    def change(self, **fields):
        self.router = self.cloud.change(self.router, **fields)
        return self.host.apply(self.cloud.state)

    def floating(self, *pairs):
        self.change(floating_ips=tuple(rpc.FloatingIp(f"f{n}", *pair) for n, pair in enumerate(pairs)))

    def outside(self, command):
        return self.host.sh(command, check=False)


@pytest.fixture
def world(host, cloud, words):
    return World(host, cloud, words)


def peer(guest, address, port=7):
    """Return the address that the other side sees."""
    return guest.sh(f"timeout 5 busybox nc -w 3 {address} {port} </dev/null", check=False).strip()


@pytest.fixture
def mirror(world, words):
    """A server outside that sends each client its address as it sees it."""
    script = """
import socket
with socket.create_server(("0.0.0.0", 7)) as server:
    while True:
        connection, peer = server.accept()
        connection.sendall(peer[0].encode())
        connection.close()
"""
    world.host.sh("cat > /run/mirror.py", stdin=script)
    world.host.run(sys.executable, "/run/mirror.py")
    words.eventually(lambda: ":7 " in world.host.sh("ss -Htln"))
    return "203.0.113.1"


def test_two_networks_meet_in_the_router(world):
    assert world.a.pings("10.6.0.12") and world.b.pings("10.5.0.11")
    report = world.change(admin_up=False)
    assert not world.a.pings("10.6.0.12", 1) and not world.a.pings("10.5.0.1", 1)
    assert set(report.ports) == {port.id for port in world.cloud.state.ports}, "it stays plugged in"
    world.change(admin_up=True)
    assert world.a.pings("10.6.0.12")


def test_servers_go_out_as_the_router_or_as_their_floating_ip(world, mirror):
    assert peer(world.a, mirror) == "203.0.113.10" and peer(world.b, mirror) == "203.0.113.10"
    world.floating(("203.0.113.21", "10.5.0.11"))
    assert peer(world.a, mirror) == "203.0.113.21" and peer(world.b, mirror) == "203.0.113.10"
    world.change(snat=False)
    assert peer(world.a, mirror) == "203.0.113.21" and peer(world.b, mirror) == ""


def test_floating_ips_lead_in_from_everywhere_and_end_at_once(world):
    world.a.serve(80)
    world.b.serve(80, "hello b")
    get = "timeout 5 busybox nc -w 3 203.0.113.21 80 </dev/null"
    assert world.outside(get) == ""
    world.floating(("203.0.113.21", "10.5.0.11"))
    assert world.outside(get) == "hello\n"
    assert world.a.reaches("203.0.113.21", 80), "a server reaches itself by its floating IP"
    assert world.b.reaches("203.0.113.21", 80), "another network of the router's does"
    world.floating(("203.0.113.21", "10.6.0.12"))
    assert world.outside(get) == "hello b\n"
    world.floating()
    assert world.outside(get) == ""


def test_a_connection_ends_with_its_floating_ip(world):
    world.a.serve(80)
    world.floating(("203.0.113.21", "10.5.0.11"))
    talk = subprocess.Popen(
        world.host.inside("busybox", "nc", "203.0.113.21", "80"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert talk.stdout.readline() == b"hello\n"
    world.floating()
    talk.stdin.write(b"still there?\n")
    talk.stdin.flush()
    assert not select.select([talk.stdout], [], [], 1.5)[0]
    talk.kill()
    talk.wait()


def test_private_addresses_cannot_be_reached_past_the_translation(world):
    world.outside("ip route add 10.5.0.0/24 via 203.0.113.10")
    assert "1 packets received" not in world.outside("busybox ping -c 1 -W 2 10.5.0.11")
    world.change(snat=False)
    assert "1 packets received" in world.outside("busybox ping -c 1 -W 2 10.5.0.11")


def test_extra_routes_lead_through_a_server(world):
    world.a.sh("ip addr add 10.77.0.1/32 dev lo")
    assert not world.b.pings("10.77.0.1", 1)
    world.change(routes=(rpc.Route("10.77.0.0/24", "10.5.0.11"),))
    port = world.cloud.change(world.a.port, address_pairs=(rpc.AddressPair("10.77.0.0/24", world.a.port.mac),))
    assert port.address_pairs
    world.host.apply(world.cloud.state)
    assert world.b.pings("10.77.0.1")
    world.change(routes=())
    assert not world.b.pings("10.77.0.1", 1)


def test_addresses_are_announced_on_the_external_network(world):
    world.floating(("203.0.113.21", "10.5.0.11"))
    assert "1 packets received" in world.outside("busybox ping -c 1 -W 2 203.0.113.21")
    world.outside("ip neigh replace 203.0.113.22 lladdr 02:00:00:00:00:99 dev plx-ext nud stale")
    world.floating(("203.0.113.22", "10.5.0.11"))
    assert "1 packets received" in world.outside("busybox ping -c 1 -W 2 203.0.113.22")


def test_a_removed_router_leaves_nothing(world):
    world.floating(("203.0.113.21", "10.5.0.11"))
    for guest in (world.a, world.b):
        guest.end()
    world.host.apply(replace(world.cloud.empty()))
    assert world.host.leftovers() == ""
