"""Several hosts, isolated tenants, and an agent that is killed and restarted while packets flow."""

import subprocess
import time
from dataclasses import replace

import pytest

from pileus_network import rpc


def wire(one, other):
    """Connect two hosts with a cable, with an address at each end."""
    subprocess.run(
        [
            "ip",
            "link",
            "add",
            "up0",
            "netns",
            str(one.pid),
            "type",
            "veth",
            "peer",
            "name",
            "up0",
            "netns",
            str(other.pid),
        ],
        check=True,
    )
    for host, address in ((one, "172.30.0.1"), (other, "172.30.0.2")):
        host.sh(f"ip addr add {address}/24 dev up0; ip link set up0 mtu 1600 up")


@pytest.fixture
def two(hosts):
    one, other = (hosts(tunnel_address=address) for address in ("172.30.0.1", "172.30.0.2"))
    wire(one, other)
    return one, other


def seen_by(state, number, peers):
    """Return the state as the worker sends it to one of the hosts, with local ports and tunnel peers."""
    ports = tuple(replace(port, local=host == number) for port, host in peers)
    networks = tuple(
        replace(
            network,
            peers=tuple(
                rpc.Peer(
                    f"h{host}",
                    f"172.30.0.{host}",
                    tuple(sorted(port.mac for port, at in peers if at == host and port.network_id == network.id)),
                )
                for host in sorted({at for port, at in peers if at != number and port.network_id == network.id})
            ),
        )
        for network in state.networks
    )
    return replace(state, networks=networks, ports=ports)


def test_a_network_spans_hosts(two, cloud, words):
    one, other = two
    network = cloud.network()
    group = cloud.group(*words.OUT, rpc.Rule("ingress", 4, 1), rpc.Rule("ingress", 4, 6, 80, 80))
    dhcp = cloud.port(network, "10.5.0.2", owner=rpc.DHCP_OWNER)
    a, b = (cloud.port(network, f"10.5.0.1{n}", security_groups=(group.id,)) for n in (1, 2))
    where = [(dhcp, 1), (a, 1), (b, 2)]
    one.apply(seen_by(cloud.state, 1, where))
    other.apply(seen_by(cloud.state, 2, where))
    near, far = one.guest(a), other.guest(b)
    near.use()
    assert far.dhcp()["ip"] == "10.5.0.12", "the only DHCP server is on the other host"
    far.serve(80)
    far.serve(81)
    assert near.pings("10.5.0.12") and near.reaches("10.5.0.12", 80) and not near.reaches("10.5.0.12", 81)
    assert near.works("busybox ping -c 1 -W 2 -s 1400 10.5.0.12"), (
        "a full packet of the network's MTU goes through the tunnel"
    )


def test_a_port_that_moves_is_found_where_it_went(two, cloud, words):
    one, other = two
    network = cloud.network()
    group = cloud.group(*words.ALL)
    a, b = (cloud.port(network, f"10.5.0.1{n}", security_groups=(group.id,)) for n in (1, 2))
    for where in ([(a, 1), (b, 2)], [(a, 1), (b, 1)], [(a, 1), (b, 2)]):
        one.apply(seen_by(cloud.state, 1, where))
        other.apply(seen_by(cloud.state, 2, where))
        stays, moves = one.guest(a), (one, other)[where[1][1] - 1].guest(b)
        stays.use()
        moves.use()
        assert stays.pings("10.5.0.12")
        stays.end()
        moves.end()


def test_a_router_on_one_host_serves_both(hosts, cloud, words):
    one, other = hosts(tunnel_address="172.30.0.1", bridges={"public": "plx-ext"}), hosts(tunnel_address="172.30.0.2")
    wire(one, other)
    public = cloud.network("203.0.113.0/24", kind="flat", segment=None, physical_network="public", mtu=1500)
    network = cloud.network()
    group = cloud.group(*words.ALL)
    id = cloud.id()
    leg = cloud.port(network, "10.5.0.1", owner=rpc.INTERFACE_OWNER, device=id)
    gateway = cloud.port(public, "203.0.113.10", owner=rpc.GATEWAY_OWNER, device=id)
    server = cloud.port(network, "10.5.0.11", security_groups=(group.id,))
    cloud.router(leg, gateway=gateway, id=id, floating_ips=(rpc.FloatingIp("f", "203.0.113.21", "10.5.0.11"),))
    where = [(leg, 1), (gateway, 1), (server, 2)]
    one.apply(seen_by(cloud.state, 1, where))
    there = seen_by(cloud.state, 2, where)
    other.apply(replace(there, networks=tuple(n for n in there.networks if n.id == network.id), routers=()))
    one.sh("ip addr add 203.0.113.1/24 dev plx-ext")
    guest = other.guest(server)
    guest.use(gateway="10.5.0.1")
    assert guest.pings("203.0.113.1")
    assert "1 packets received" in one.sh("busybox ping -c 1 -W 2 203.0.113.21")


def test_two_tenants_with_the_same_addresses_never_meet(host, cloud, words):
    group = cloud.group(*words.ALL)
    guests = []
    networks = [cloud.network("10.5.0.0/24") for _ in range(2)]
    ports = [cloud.port(network, f"10.5.0.1{n}", security_groups=(group.id,)) for network in networks for n in (1, 2)]
    host.apply(cloud.state)
    for port in ports:
        guests.append(host.guest(port))
        guests[-1].use()
    red1, red2, blue1, blue2 = guests
    red2.serve(80, "hello red")
    blue2.serve(80, "hello blue")
    # The same addresses and ports at the same time: connection tracking must keep them apart.
    talks = [guest.start("busybox", "nc", "-p", "4000", "10.5.0.12", "80") for guest in (red1, blue1)]
    assert [talk.stdout.readline() for talk in talks] == [b"hello red\n", b"hello blue\n"]
    for talk, text in zip(talks, (b"r\n", b"b\n"), strict=True):
        talk.stdin.write(text)
        talk.stdin.flush()
        assert talk.stdout.readline() == text
    blue2.end()
    cloud.drop(ports[3])
    host.apply(cloud.state)
    assert not blue1.reaches("10.5.0.12", 80) and red1.reaches("10.5.0.12", 80)


def test_nothing_is_lost_while_the_agent_dies_and_returns(host, cloud, words):
    network = cloud.network()
    group = cloud.group(*words.ALL)
    cloud.port(network, "10.5.0.2", owner=rpc.DHCP_OWNER)
    a, b = (cloud.port(network, f"10.5.0.1{n}", security_groups=(group.id,)) for n in (1, 2))
    host.agent(cloud.state)
    near, far = host.guest(a), host.guest(b)
    near.use()
    far.use()
    far.serve(80)
    talk = near.start("busybox", "nc", "10.5.0.12", "80")
    assert talk.stdout.readline() == b"hello\n"
    near.sh("busybox ping -c 2 10.5.0.12")
    daemons = host.sh("pgrep -x dnsmasq")
    for _ in range(2):
        host.crash()
        assert near.pings("10.5.0.12", 1), "without an agent"
        host.agent(replace(cloud.state, generation=cloud.state.generation + 1))
        talk.stdin.write(b"on\n")
        talk.stdin.flush()
        assert talk.stdout.readline() == b"on\n"
        assert near.pings("10.5.0.12", 1)
    assert host.sh("pgrep -x dnsmasq") == daemons


@pytest.mark.parametrize("moment", [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4])
def test_a_driver_killed_at_any_moment_is_completed_by_the_next(host, cloud, words, moment):
    """Kill -9 while everything is created and while it is removed: the next driver completes it."""
    network = cloud.network()
    group = cloud.group(*words.ALL)
    cloud.port(network, "10.5.0.2", owner=rpc.DHCP_OWNER)
    id = cloud.id()
    leg = cloud.port(network, "10.5.0.1", owner=rpc.INTERFACE_OWNER, device=id)
    cloud.router(leg, id=id)
    ports = [cloud.port(network, f"10.5.0.{n}", security_groups=(group.id,)) for n in range(11, 21)]
    for state in (cloud.state, cloud.empty(), cloud.state):
        host.begin("apply", state, False)
        time.sleep(moment)
        host.crash()
    report = host.apply(cloud.state)
    assert len(report.ports) == len(cloud.state.ports)
    guest = host.guest(ports[0])
    assert guest.dhcp()["ip"] == "10.5.0.11" and guest.pings("10.5.0.1")
    guest.end()
    host.begin("apply", cloud.empty(), False)
    time.sleep(moment / 3)
    host.crash()
    host.apply(cloud.empty())
    assert host.leftovers() == ""


def test_interfaces_and_daemons_that_disappear_are_restored(host, cloud, words):
    network = cloud.network()
    public = cloud.network("203.0.113.0/24", kind="flat", segment=None, physical_network="public", mtu=1500)
    outside = cloud.port(public, "203.0.113.5")
    group = cloud.group(*words.ALL)
    cloud.port(network, "10.5.0.2", owner=rpc.DHCP_OWNER)
    port = cloud.port(network, "10.5.0.11", security_groups=(group.id,))
    host.agent(cloud.state)
    tap = f"tap{port.id[:11]}"
    host.sh(f"ip link del {tap}")
    words.eventually(lambda: "master" in host.sh(f"ip link show {tap}", check=False), "the tap was not made again")
    host.sh("for n in $(ls /run/netns); do ip netns del $n; done; ip link del $(ls /sys/class/net | grep plb)")
    words.eventually(lambda: "master" in host.sh(f"ip link show {tap}", check=False), "the bridge was not made again")
    host.sh("ip link del plx-ext")
    there = f"ip link show tap{outside.id[:11]}"
    words.eventually(lambda: "master plx-ext" in host.sh(there, check=False), "the physical bridge was not made again")
    host.sh("pkill -9 -x dnsmasq")
    words.eventually(lambda: host.sh("pgrep -x -r S dnsmasq", check=False), "dnsmasq was not started again")
    guest = host.guest(port)
    assert guest.dhcp()["ip"] == "10.5.0.11"


def test_a_vlan_leaves_the_host_with_its_tag(host, cloud, words):
    network = cloud.network(kind="vlan", segment=105, physical_network="public", mtu=1500)
    group = cloud.group(*words.ALL)
    port = cloud.port(network, "10.5.0.11", security_groups=(group.id,))
    report = host.apply(cloud.state, flawless=False)
    if not host.sh("ip link add link lo name try type vlan id 1 && echo yes", check=False):
        assert [(failure.kind, failure.id) for failure in report.failures] == [("network", network.id)]
        assert not report.ports
        pytest.skip("this kernel has no VLANs; that the agent says so has been seen")
    assert report.ports == (port.id,)
    for command in (
        "ip netns add outside",
        "ip link add up0 type veth peer name eth0 netns outside",
        "ip link set up0 master plx-ext up",
        "ip -n outside link set eth0 up",
        "ip -n outside link add link eth0 name eth0.105 type vlan id 105",
        "ip -n outside addr add 10.5.0.99/24 dev eth0.105",
        "ip -n outside link set eth0.105 up",
    ):
        host.sh(command)
    guest = host.guest(port, mtu=1500)
    guest.use()
    assert guest.pings("10.5.0.99")
    host.sh("ip -n outside link del eth0.105; ip -n outside addr add 10.5.0.99/24 dev eth0")
    assert not guest.pings("10.5.0.99", 1)
