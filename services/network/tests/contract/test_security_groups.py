"""Security groups with real packets: closed ports are closed, opened ones open at once, and answers always arrive."""

import select
from dataclasses import replace

import pytest

from pileus_network import rpc

SSH = rpc.Rule("ingress", 4, 6, 22, 22)
PING = rpc.Rule("ingress", 4, 1, 8, None)


class Pair:
    """A server and a client on one network, the server in a group whose rules the test changes."""

    def __init__(self, host, cloud, words):
        # Many hosts switch this off; our bridges switch it on for themselves.
        host.sh("sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0")
        self.host, self.cloud = host, cloud
        self.network = cloud.network()
        self.group = cloud.group(*words.OUT)
        self.others = cloud.group(*words.ALL)
        self.server_port = cloud.port(self.network, "10.5.0.11", security_groups=(self.group.id,))
        self.client_port = cloud.port(self.network, "10.5.0.12", security_groups=(self.others.id,))
        host.apply(cloud.state)
        self.server, self.client = host.guest(self.server_port), host.guest(self.client_port)
        self.server.use()
        self.client.use()
        self.server.serve(22)
        self.server.serve(80)

    def allow(self, *rules):
        self.group = self.cloud.change(self.group, rules=rules)
        self.host.apply(self.cloud.state)


@pytest.fixture
def pair(host, cloud, words):
    return Pair(host, cloud, words)


def test_a_port_opens_and_closes_while_it_is_used(pair, words):
    assert not pair.client.reaches("10.5.0.11", 22) and not pair.client.pings("10.5.0.11", 1)
    pair.allow(*words.OUT, SSH)
    assert pair.client.reaches("10.5.0.11", 22) and not pair.client.reaches("10.5.0.11", 80)
    pair.allow(*words.OUT, PING, rpc.Rule("ingress", 4, 6, 70, 90))
    assert (
        not pair.client.reaches("10.5.0.11", 22)
        and pair.client.reaches("10.5.0.11", 80)
        and pair.client.pings("10.5.0.11")
    )
    pair.allow(*words.OUT)
    assert not pair.client.reaches("10.5.0.11", 80) and not pair.client.pings("10.5.0.11", 1)


def test_answers_pass_and_nothing_else_leaves_without_egress_rules(pair):
    """Egress rules apply to what a server begins; answers to others' connections always pass."""
    pair.client.serve(80)
    assert pair.server.reaches("10.5.0.12", 80) and pair.server.pings("10.5.0.12")
    pair.allow(SSH)
    assert not pair.server.reaches("10.5.0.12", 80) and not pair.server.pings("10.5.0.12", 1)
    assert pair.client.reaches("10.5.0.11", 22)


def test_a_running_connection_ends_when_its_rule_is_deleted(pair, words):
    pair.allow(*words.OUT, SSH)
    talk = pair.client.start("busybox", "nc", "10.5.0.11", "22")
    assert talk.stdout.readline() == b"hello\n"
    say(talk, b"one\n")
    assert talk.stdout.readline() == b"one\n"
    pair.allow(*words.OUT, SSH, PING)
    say(talk, b"two\n")
    assert talk.stdout.readline() == b"two\n"
    pair.allow(*words.OUT, PING)
    say(talk, b"three\n")
    assert silent(talk)
    pair.allow(*words.OUT, SSH)
    assert talk.stdout.readline() == b"three\n"  # the guests' TCP has repeated its packets meanwhile


def test_a_group_of_members_opens_only_for_members(pair, cloud, host, words):
    stranger_port = cloud.port(pair.network, "10.5.0.13", security_groups=(cloud.group(*words.ALL).id,))
    remote = rpc.AddressSet(pair.others.id, ("10.5.0.12",))
    cloud.state = replace(cloud.state, address_sets=(remote,))
    pair.allow(*words.OUT, rpc.Rule("ingress", 4, 6, 22, 22, remote_group=pair.others.id))
    stranger = host.guest(stranger_port)
    stranger.use()
    assert pair.client.reaches("10.5.0.11", 22) and not stranger.reaches("10.5.0.11", 22)
    cloud.change(remote, addresses=("10.5.0.13",))
    host.apply(cloud.state)
    assert not pair.client.reaches("10.5.0.11", 22) and stranger.reaches("10.5.0.11", 22)


def test_a_prefix_opens_only_for_its_addresses(pair, words):
    pair.allow(*words.OUT, rpc.Rule("ingress", 4, 6, 22, 22, remote_prefix="10.5.0.0/29"))
    assert not pair.client.reaches("10.5.0.11", 22)
    pair.allow(*words.OUT, rpc.Rule("ingress", 4, 6, 22, 22, remote_prefix="10.5.0.8/29"))
    assert pair.client.reaches("10.5.0.11", 22)


def test_a_port_without_groups_is_closed_and_one_without_port_security_is_open(pair, cloud, host):
    bare = cloud.port(pair.network, "10.5.0.14")
    free = cloud.port(pair.network, "10.5.0.15", port_security=False)
    host.apply(cloud.state)
    closed, open_ = host.guest(bare), host.guest(free)
    for guest in (closed, open_):
        guest.use()
    assert not pair.client.pings("10.5.0.14", 1) and not closed.pings("10.5.0.15", 1)
    assert pair.client.pings("10.5.0.15")
    open_.sh("ip addr add 10.5.0.77/24 dev eth0")
    assert pair.client.pings("10.5.0.77")


def test_a_stateless_group_answers_only_by_rule(pair, cloud, host):
    group = cloud.group(rpc.Rule("ingress", 4, 1), stateful=False)
    port = cloud.port(pair.network, "10.5.0.16", security_groups=(group.id,))
    host.apply(cloud.state)
    host.guest(port).use()
    assert not pair.client.pings("10.5.0.16", 1)
    cloud.change(group, rules=(rpc.Rule("ingress", 4, 1), rpc.Rule("egress", 4, 1)))
    host.apply(cloud.state)
    assert pair.client.pings("10.5.0.16")


def say(program, text):
    program.stdin.write(text)
    program.stdin.flush()


def silent(program, seconds=1.5):
    """Return whether a program stays silent long enough for a retransmission or two."""
    return not select.select([program.stdout], [], [], seconds)[0]


def test_rules_apply_to_the_host_as_to_any_sender(host, cloud, words):
    """On a network that the host itself is on, what the host sends to a server passes no forward hook of a bridge."""
    public = cloud.network("203.0.113.0/24", kind="flat", segment=None, physical_network="public", mtu=1500)
    group = cloud.group(*words.OUT, SSH)
    port = cloud.port(public, "203.0.113.50", security_groups=(group.id,))
    host.apply(cloud.state)
    host.sh("ip addr add 203.0.113.1/24 dev plx-ext")
    guest = host.guest(port)
    guest.use()
    guest.serve(22)
    guest.serve(80)
    knock = "timeout 2 busybox nc -w 1 203.0.113.50 {} </dev/null"
    assert host.sh(knock.format(22), check=False) == "hello\n"
    assert host.sh(knock.format(80), check=False) == "" and "1 packets rec" not in host.sh(PING_IT, check=False)
    assert guest.pings("203.0.113.1"), "what it asks the host is answered"
    cloud.change(group, rules=(*words.OUT, PING))
    host.apply(cloud.state)
    assert host.sh(knock.format(22), check=False) == "" and "1 packets rec" in host.sh(PING_IT, check=False)
    cloud.change(cloud.state.security_groups[0], rules=())
    host.apply(cloud.state)
    assert not guest.pings("203.0.113.1", 1)


PING_IT = "busybox ping -c 1 -W 1 203.0.113.50"


def test_two_clouds_on_one_host_leave_each_other_alone(hosts, cloud, words):
    """Their ports have the same numbers, but marks count only on a cloud's own bridges."""
    host = hosts()
    mine, theirs = cloud.network(), cloud.network("10.6.0.0/24")
    open_, closed = cloud.group(*words.ALL), cloud.group()
    pairs = [
        [cloud.port(network, f"{net}.{n}", security_groups=(group.id,)) for n in (11, 12)]
        for network, net, group in ((mine, "10.5.0", open_), (theirs, "10.6.0", closed))
    ]
    everything = cloud.state
    for prefix, network, ports in (("aa", mine, pairs[0]), ("bb", theirs, pairs[1])):
        host.crash()
        host.settings = {"prefix": prefix}
        host.apply(replace(everything, networks=(network,), ports=tuple(ports)))
    a, b, c, d = (host.guest(port) for port in (*pairs[0], *pairs[1]))
    for guest in (a, b, c, d):
        guest.use()
    assert a.pings("10.5.0.12") and b.pings("10.5.0.11") and not c.pings("10.6.0.12", 1)
    host.apply(rpc.HostState("h1", 9))
    assert a.pings("10.5.0.12"), "one cloud's end is not the other's"
