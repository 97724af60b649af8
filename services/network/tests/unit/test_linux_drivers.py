"""What the linux driver writes for nft, dnsmasq and radvd, and which names and connections it takes for its own."""

from dataclasses import replace

import pytest

from pileus_network.drivers.base import Settings
from pileus_network.drivers.linux import (
    anti_spoofing,
    conntrack,
    dnsmasq,
    firewall,
    nft,
    plan,
    radvd,
    security_groups,
    vxlan_fdb,
)
from pileus_network.drivers.linux.conntrack_netlink import Connection
from pileus_network.drivers.linux.names import Names
from pileus_network.drivers.linux.nft import Chain, Set, Table
from pileus_network.rpc import (
    DHCP_OWNER,
    AddressPair,
    AddressSet,
    DhcpOption,
    FixedIp,
    HostState,
    Network,
    Peer,
    Port,
    Rule,
    SecurityGroup,
    Subnet,
)

ID = "12345678-9abc-4def-8000-000000000000"
SUBNET = Subnet("s", "10.5.0.0/24", 4, "10.5.0.1", True)
NETWORK = Network(ID, "vxlan", 7, None, 1450, "example.org", (SUBNET,))
PORT = Port(ID, ID, "p", "fa:16:3e:00:00:01", "compute:nova", "server", True, fixed_ips=(FixedIp("s", "10.5.0.9"),))


def test_names_fit_and_are_recognized():
    names = Names("abc")
    made = [names.bridge(ID), names.tunnel(ID), names.outer(ID), names.inner(ID), names.vlan(ID), names.new_tap(ID)]
    assert all(len(name) <= 15 for name in made) and len(set(made)) == len(made)
    assert names.tap(ID) == "tap12345678-9a"
    assert names.is_ours(names.bridge(ID), "") and names.is_ours("tap12345678-9a", names.label("port", ID, 3))
    assert (
        not names.is_ours("tap12345678-9a", "")
        and not names.is_ours("abcx-ext", "")
        and not names.is_ours("ab", "ab:port:x:1")
    )
    assert (
        names.number(names.label("port", ID, 3)) == 3 and names.number("abc:port:x") == names.number("zz:port:x:3") == 0
    )
    with pytest.raises(ValueError):
        Names("long-prefix")


def test_a_difference_contains_only_changes_in_an_order_that_nft_takes():
    old = Table(
        "inet",
        "t",
        {"a": Chain(("jump b",)), "b": Chain(("drop",))},
        {"m": Set("type mark : verdict", frozenset({"0x1 : jump b"}), "map")},
    )
    new = Table(
        "inet",
        "t",
        {"a": Chain(("jump c",)), "c": Chain(("accept",))},
        {"m": Set("type mark : verdict", frozenset({"0x1 : jump c"}), "map")},
    )
    assert nft.difference(old, old) == ""
    assert nft.difference(old, new).splitlines() == [
        "flush chain inet t a",
        "flush chain inet t b",
        "add chain inet t c",
        "delete element inet t m { 0x1 }",
        "add element inet t m { 0x1 : jump c }",
        "add rule inet t c accept",
        "add rule inet t a jump c",
        "delete chain inet t b",
    ]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Rule("ingress", 4, 6, 22, 22), "meta nfproto ipv4 tcp dport 22 accept"),
        (Rule("ingress", 6, 17, 1, 9, "fd00::/8"), "meta nfproto ipv6 ip6 saddr fd00::/8 udp dport 1-9 accept"),
        (
            Rule("egress", 4, 1, 8, 0, "10.0.0.1/32"),
            "meta nfproto ipv4 ip daddr 10.0.0.1 icmp type 8 icmp code 0 accept",
        ),
        (Rule("ingress", 4, 1, 8), "meta nfproto ipv4 icmp type 8 accept"),
        (Rule("ingress", 4, 112), "meta nfproto ipv4 meta l4proto 112 accept"),
        (Rule("ingress", 4, None, None, None, "0.0.0.0/0"), "meta nfproto ipv4 accept"),
        (Rule("ingress", 4, remote_group="g"), "meta nfproto ipv4 ip saddr @members4-g accept"),
    ],
)
def test_rules_are_written_in_nfts_language(rule, text):
    assert security_groups.text(rule) == text


def test_a_port_may_use_its_own_addresses_and_its_pairs_only():
    rules = anti_spoofing.chain(replace(PORT, address_pairs=(AddressPair("10.5.1.0/24", "fa:16:3e:00:00:02"),))).rules
    assert rules[:2] == ("jump sent", "ether saddr != { fa:16:3e:00:00:01, fa:16:3e:00:00:02 } drop")
    assert anti_spoofing.SENT.rules[0] == "ether type != { ip, ip6, arp } drop" and rules[-1] == "drop"
    assert "ether saddr fa:16:3e:00:00:01 ip saddr { 10.5.0.9 } return" in rules
    assert "ether saddr fa:16:3e:00:00:02 ip saddr { 10.5.1.0/24 } return" in rules
    assert anti_spoofing.link_local("fa:16:3e:00:00:01") == "fe80::f816:3eff:fe00:1"


def test_numbers_are_kept_and_differ_between_networks():
    other = replace(NETWORK, id="22345678-9abc-4def-8000-000000000000", segment=8)
    state = HostState("h", 1, (NETWORK, other), (PORT,))
    desired = plan.make_plan(
        state, Settings(tunnel_address="1.2.3.4"), plan.NumberAllocator({other.id: 5}), plan.NumberAllocator({})
    )
    assert {id: segment.zone for id, segment in desired.segments.items()} == {NETWORK.id: 1, other.id: 5}
    tables = firewall.inet_table("t", desired.guarded, desired.segments.values(), {}, {})
    assert tables.sets["zones"].elements == {'"plb12345678-9a" : 1', '"plb22345678-9a" : 5'}
    assert vxlan_fdb.entries([Peer("x", "1.1.1.1", ("m",))]) == {("00:00:00:00:00:00", "1.1.1.1"), ("m", "1.1.1.1")}


def test_only_well_formed_input_of_users_reaches_dnsmasq():
    server = replace(PORT, id="d", device_owner=DHCP_OWNER, fixed_ips=(FixedIp("s", "10.5.0.2"),))
    bad = replace(
        PORT,
        hostname="evil,set:x\nfoo",
        dhcp_options=(
            DhcpOption("ntp-server", "1.1.1.1\noption:router,6.6.6.6"),
            DhcpOption("a\nb", "x"),
            DhcpOption("tftp-server", "10.0.0.1"),
        ),
    )
    files = dnsmasq.files(NETWORK, server, [server, bad])
    assert files.hosts == f"fa:16:3e:00:00:01,set:{ID},10.5.0.9,host-10-5-0-9\n"
    assert "6.6.6.6" not in files.options and f"tag:{ID},option:tftp-server,10.0.0.1\n" in files.options
    assert files.names == "10.5.0.9 host-10-5-0-9.example.org host-10-5-0-9\n"
    assert not any("evil" in text or "\nfoo" in text for text in (files.hosts, files.options, files.names))


def test_radvd_announces_how_addresses_are_assigned():
    subnet = Subnet("v6", "fd00::/64", 6, "fd00::1", True, dns=("fd00::53",), ra_mode="dhcpv6-stateful")
    text = radvd.configuration([radvd.AdvertisedInterface("i", 1450, (subnet,))])
    assert "AdvManagedFlag on" in text and "AdvAutonomous off" in text and "RDNSS fd00::53" in text
    assert "AdvAutonomous on" in radvd.configuration(
        [radvd.AdvertisedInterface("i", 1450, (replace(subnet, ra_mode="slaac"),))]
    )
    assert radvd.configuration([radvd.AdvertisedInterface("i", 1450, ())]) == ""


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ((), False),
        ((Rule("ingress", 4, 6, 20, 30),), True),
        ((Rule("ingress", 4, 6, 23, 30),), False),
        ((Rule("ingress", 4, 17),), False),
        ((Rule("ingress", 6),), False),
        ((Rule("ingress", 4, remote_prefix="10.5.0.0/28"),), True),
        ((Rule("ingress", 4, remote_group="r"),), True),
        ((Rule("ingress", 4, remote_group="none"),), False),
        ((Rule("egress", 4),), False),
    ],
)
def test_a_running_connection_is_checked_like_a_new_one(rules, allowed):
    guarded = firewall.GuardedPort(replace(PORT, security_groups=("g",)), "tap", 1)
    policy = conntrack.Policy(
        (guarded,), {ID: 3}, {"g": SecurityGroup("g", rules=rules)}, {"r": AddressSet("r", ("10.5.0.4",))}
    )
    checker = conntrack.PolicyChecker(policy)
    connection = Connection(3, "10.5.0.4", "10.5.0.9", "10.5.0.4", 6, 22, 0, 2, b"")
    assert checker.allows(connection) is allowed
    assert not checker.concerns(replace(connection, zone=4)), "another network's"
