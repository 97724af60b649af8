"""IPv6: addresses by router advertisement and DHCPv6, a router between networks, security groups, anti-spoofing."""

import sys
from pathlib import Path

import pytest

from pileus_network import rpc


class Dual:
    """Two networks with IPv4 and IPv6, a router between them, and a server on each."""

    def __init__(self, host, cloud, words, mode):
        self.host, self.cloud = host, cloud
        self.group = cloud.group(*words.ALL)
        id = cloud.id()
        networks = [self._network(f"10.{n}.0.0/24", f"fd00:{n}::/64", mode) for n in (5, 6)]
        legs = [
            cloud.port(network, f"10.{n}.0.1", f"fd00:{n}::1", owner=rpc.INTERFACE_OWNER, device=id)
            for n, network in zip((5, 6), networks, strict=True)
        ]
        for n, network in zip((5, 6), networks, strict=True):
            cloud.port(network, f"10.{n}.0.2", f"fd00:{n}::2", owner=rpc.DHCP_OWNER)
        self.ports = [self._server(network, n, mode) for n, network in zip((5, 6), networks, strict=True)]
        cloud.router(*legs, id=id)
        host.apply(cloud.state)
        self.guests = [host.guest(port) for port in self.ports]

    def _network(self, four, six, mode):
        subnets = (
            rpc.Subnet(self.cloud.id(), four, 4, four.replace(".0/24", ".1"), True),
            rpc.Subnet(
                self.cloud.id(),
                six,
                6,
                six.replace("/64", "1"),
                True,
                dns=("fd00::53",),
                ra_mode=mode,
                address_mode=mode,
            ),
        )
        return self.cloud.network(subnets=subnets)

    def _server(self, network, n, mode):
        port = self.cloud.port(network, f"10.{n}.0.11", f"fd00:{n}::11", security_groups=(self.group.id,))
        if mode == "dhcpv6-stateful":
            return port
        parts = port.mac.split(":")
        address = f"fd00:{n}::f816:3eff:fe{parts[3]}:{int(parts[4] + parts[5], 16):x}"
        fixed = (port.fixed_ips[0], rpc.FixedIp(port.fixed_ips[1].subnet_id, address))
        return self.cloud.change(port, fixed_ips=fixed)


def has(guest, text):
    return lambda: text in guest.sh("ip -6 addr show dev eth0; ip -6 route")


@pytest.mark.parametrize("mode", ["slaac", "dhcpv6-stateless"])
def test_servers_make_their_own_address_and_find_their_router(host, cloud, words, mode):
    dual = Dual(host, cloud, words, mode)
    for port, guest in zip(dual.ports, dual.guests, strict=True):
        words.eventually(has(guest, port.fixed_ips[1].address), "no address was advertised")
        words.eventually(has(guest, "default via fe80::"), "no router was advertised")
    a, b = dual.guests
    far = dual.ports[1].fixed_ips[1].address
    words.eventually(lambda: a.works(f"busybox ping -6 -c 1 -W 2 {far}"), "the router does not forward IPv6")
    assert b.works(f"busybox ping -6 -c 1 -W 2 {dual.ports[0].fixed_ips[1].address}")


def test_servers_get_their_address_by_dhcpv6_and_can_use_no_other(host, cloud, words):
    dual = Dual(host, cloud, words, "dhcpv6-stateful")
    a, b = dual.guests
    for n, guest in zip((5, 6), dual.guests, strict=True):
        words.eventually(has(guest, "default via fe80::"), "no router was advertised")
        assert f"fd00:{n}:" not in guest.sh("ip -6 addr show dev eth0"), "no guest may choose an address here"
        out = guest.sh(f"{sys.executable} {Path(__file__).with_name('dhcpv6_client.py')} eth0 {guest.port.mac}")
        assert out.splitlines() == [f"ip=fd00:{n}::11", "dns=fd00::53"]
        guest.sh(f"ip addr add fd00:{n}::11/64 dev eth0 nodad")
    words.eventually(lambda: a.works("busybox ping -6 -c 1 -W 2 fd00:6::11"))
    a.sh("ip addr add fd00:5::66/64 dev eth0 nodad")
    assert not a.works("busybox ping -6 -c 1 -W 2 -I fd00:5::66 fd00:6::11")
    assert a.works("busybox ping -6 -c 1 -W 2 -I fd00:5::11 fd00:6::11")
    assert b.works("busybox ping -6 -c 1 -W 2 fd00:5::11") and not b.works("busybox ping -6 -c 1 -W 2 fd00:5::66")


def test_rules_of_ipv6_open_only_ipv6(host, cloud, words):
    network = cloud.network(subnets=())
    network = cloud.change(
        network,
        subnets=(
            rpc.Subnet(cloud.id(), "10.5.0.0/24", 4, None, True),
            rpc.Subnet(cloud.id(), "fd00:5::/64", 6, None, False),
        ),
    )
    open_ = cloud.group(*words.ALL)
    group = cloud.group(*words.OUT, rpc.Rule("ingress", 6, 6, 80, 80), rpc.Rule("ingress", 6, 58, 128))
    server = cloud.port(network, "10.5.0.11", "fd00:5::11", security_groups=(group.id,))
    client = cloud.port(network, "10.5.0.12", "fd00:5::12", security_groups=(open_.id,))
    host.apply(cloud.state)
    a, b = host.guest(server), host.guest(client)
    for guest in (a, b):
        guest.use()
    a.serve(80)
    assert b.works("busybox ping -6 -c 1 -W 2 -s 5000 fd00:5::11"), "what comes in fragments arrives, too"
    assert b.reaches("fd00:5::11", 80) and not b.reaches("10.5.0.11", 80)
    assert b.works("busybox ping -6 -c 1 -W 2 fd00:5::11") and not b.pings("10.5.0.11", 1)
    cloud.change(group, rules=(*words.OUT, rpc.Rule("ingress", 6, 6, 80, 80, remote_prefix="fd00:5::100/120")))
    host.apply(cloud.state)
    assert not b.reaches("fd00:5::11", 80) and not b.works("busybox ping -6 -c 1 -W 2 fd00:5::11")
