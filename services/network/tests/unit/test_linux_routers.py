"""What the linux driver computes for routers: address translation, routes and announcements."""

import struct
from dataclasses import replace
from ipaddress import ip_address

import pytest

from pileus_network.drivers.base import Settings
from pileus_network.drivers.linux import gratuitous_arp, nat, plan, routers
from pileus_network.drivers.linux.conntrack import Policy, is_narrower
from pileus_network.drivers.linux.firewall import GuardedPort
from pileus_network.drivers.linux.ip_configuration import NamespaceRoute
from pileus_network.rpc import (
    GATEWAY_OWNER,
    INTERFACE_OWNER,
    AddressSet,
    FixedIp,
    FloatingIp,
    HostState,
    Network,
    Port,
    Route,
    Router,
    Rule,
    SecurityGroup,
    Subnet,
)

INSIDE = Network("n1", "vxlan", 7, None, 1450, "", (Subnet("s1", "10.5.0.0/24", 4, "10.5.0.1", True),))
OUTSIDE = Network("n2", "flat", None, "public", 1500, "", (Subnet("s2", "203.0.113.0/24", 4, "203.0.113.1", False),))
INTERFACE = Port(
    "p1", "n1", "p", "fa:16:3e:00:00:01", INTERFACE_OWNER, "r", True, fixed_ips=(FixedIp("s1", "10.5.0.1"),)
)
GATEWAY = Port(
    "p2", "n2", "p", "fa:16:3e:00:00:02", GATEWAY_OWNER, "r", True, fixed_ips=(FixedIp("s2", "203.0.113.9"),)
)
FLOATING = FloatingIp("f", "203.0.113.21", "10.5.0.7")
ROUTER = Router(
    "r", "p", interfaces=("p1",), gateway="p2", floating_ips=(FLOATING,), routes=(Route("10.9.0.0/16", "10.5.0.9"),)
)
STATE = HostState("h", 1, (INSIDE, OUTSIDE), (INTERFACE, GATEWAY), routers=(ROUTER,))


def planned(state: HostState = STATE) -> routers.RouterNamespace:
    settings = Settings(bridges={"public": "plx-ext"})
    return plan.make_plan(state, settings, plan.NumberAllocator({}), plan.NumberAllocator({})).routers["r"]


def test_a_router_has_its_interfaces_and_the_way_out() -> None:
    router = planned()
    assert router.namespace == "pl-router-r" and [port.interface for port in router.ports] == ["plnp1"]
    assert router.gateway is not None and router.gateway.addresses() == ["203.0.113.9/24"]
    assert routers.routes(router) == [
        NamespaceRoute("0.0.0.0/0", "203.0.113.1", "plnp2"),
        NamespaceRoute("10.9.0.0/16", "10.5.0.9", "plnp1"),
    ]


def test_a_gateway_outside_of_its_subnet_is_directly_connected() -> None:
    odd = replace(OUTSIDE, subnets=(replace(OUTSIDE.subnets[0], gateway="198.51.100.1"),))
    assert routers.routes(planned(replace(STATE, networks=(INSIDE, odd))))[:2] == [
        NamespaceRoute("198.51.100.1/32", "", "plnp2"),
        NamespaceRoute("0.0.0.0/0", "198.51.100.1", "plnp2"),
    ]


def test_a_disabled_router_keeps_its_interfaces_without_addresses() -> None:
    router = planned(replace(STATE, routers=(replace(ROUTER, admin_up=False),)))
    assert [port.addresses() for port in router.ports] == [[]] and routers.routes(router) == []
    assert routers.translation(router).floating == ()


def test_floating_ips_are_translated_both_ways() -> None:
    table = nat.table(routers.translation(planned()))
    assert table.sets["to-fixed"].elements == {"203.0.113.21 : 10.5.0.7"}
    assert table.sets["to-floating"].elements == {"10.5.0.7 : 203.0.113.21"}
    assert table.chains["depart"].rules[:2] == (
        'oifname "plnp2" snat to ip saddr map @to-floating',
        'oifname "plnp2" snat to 203.0.113.9',
    )
    assert any("ct status ! dnat drop" in rule for rule in table.chains["pass"].rules)


def test_without_snat_private_addresses_are_not_translated_nor_hidden() -> None:
    table = nat.table(replace(routers.translation(planned()), snat=False))
    assert 'oifname "plnp2" snat to 203.0.113.9' not in table.chains["depart"].rules
    assert not any("ct status ! dnat drop" in rule for rule in table.chains["pass"].rules)


def test_without_a_gateway_nothing_is_translated() -> None:
    router = planned(replace(STATE, routers=(replace(ROUTER, gateway=None),)))
    assert routers.translation(router) == nat.Translation()
    assert nat.table(nat.Translation()).chains["depart"].rules == ()


def test_only_ipv4_is_translated() -> None:
    assert nat.is_usable(FLOATING) and not nat.is_usable(replace(FLOATING, fixed="fd00::1"))


def test_an_ipv4_address_is_announced_by_a_gratuitous_arp_request() -> None:
    mac, address = bytes.fromhex("fa163e000002"), ip_address("203.0.113.21").packed
    frame = gratuitous_arp._arp(mac, address)
    assert frame[:14] == b"\xff" * 6 + mac + b"\x08\x06"
    assert struct.unpack("!HHBBH6s4s6s4s", frame[14:]) == (1, 0x0800, 6, 4, 1, mac, address, bytes(6), address)


def test_an_ipv6_address_is_announced_by_an_unsolicited_advertisement() -> None:
    mac, address = bytes.fromhex("fa163e000002"), ip_address("2001:db8::21").packed
    frame = gratuitous_arp._advert(mac, address)
    source, target, body = frame[22:38], frame[38:54], frame[54:]
    assert frame[:14] == bytes.fromhex("333300000001") + mac + b"\x86\xdd" and source == address
    assert target == ip_address("ff02::1").packed and body[:2] == b"\x88\x00" and body[8:24] == address
    pseudo = source + target + struct.pack("!II", len(body), 58) + body
    total = sum(struct.unpack(f"!{len(pseudo) // 2}H", pseudo))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF, "the checksum is right"


GUARDED = GuardedPort(replace(INTERFACE, security_groups=("g",)), "tap", 1)
POLICY = Policy(
    (GUARDED,),
    {"n1": 3},
    {"g": SecurityGroup("g", rules=(Rule("ingress", 4, 6, 22, 22), Rule("egress", 4)))},
    {"r": AddressSet("r", ("10.5.0.4", "10.5.0.5"))},
)


@pytest.mark.parametrize(
    ("new", "narrower"),
    [
        (POLICY, False),
        (
            replace(POLICY, groups={"g": SecurityGroup("g", rules=(*POLICY.groups["g"].rules, Rule("ingress", 6)))}),
            False,
        ),
        (replace(POLICY, groups={"g": SecurityGroup("g", rules=(Rule("egress", 4),))}), True),
        (replace(POLICY, groups={}), True),
        (replace(POLICY, remotes={"r": AddressSet("r", ("10.5.0.4", "10.5.0.5", "10.5.0.6"))}), False),
        (replace(POLICY, remotes={"r": AddressSet("r", ("10.5.0.4",))}), True),
        (replace(POLICY, guarded=(replace(GUARDED, port=INTERFACE),)), True),
        (replace(POLICY, guarded=()), False),
    ],
)
def test_only_a_policy_that_takes_something_away_is_narrower(new: Policy, narrower: bool) -> None:
    assert is_narrower(POLICY, new) is narrower
