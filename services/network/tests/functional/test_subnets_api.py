"""Subnets: prefixes, gateways, pools, IPv6 modes."""

from typing import Any

import pytest

from pileus_network.testing import NetworkFixture


@pytest.fixture
def net(network: NetworkFixture) -> str:
    return str(network.made("network", {})["id"])


def make(ask: Any, net: str, **requested: Any) -> tuple[int, Any]:
    status, body = ask(
        "POST", "subnets", {"subnet": {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"} | requested}
    )
    return status, body["subnet"] if status == 201 else body


def test_all_attributes(ask: Any, net: str) -> None:
    requested = {
        "name": "s",
        "gateway_ip": "10.0.0.254",
        "allocation_pools": [{"start": "10.0.0.20", "end": "10.0.0.30"}, {"start": "10.0.0.2", "end": "10.0.0.3"}],
        "dns_nameservers": ["1.1.1.1", "8.8.8.8"],
        "host_routes": [{"destination": "192.168.0.0/16", "nexthop": "10.0.0.5"}],
        "enable_dhcp": False,
        "description": "d",
    }
    status, made = make(ask, net, **requested)
    assert status == 201
    pools = made.pop("allocation_pools")
    assert pools == [{"start": "10.0.0.2", "end": "10.0.0.3"}, {"start": "10.0.0.20", "end": "10.0.0.30"}]
    assert {name: made[name] for name in requested if name in made} == {
        k: v for k, v in requested.items() if k != "allocation_pools"
    }
    assert made["ip_version"] == 4 and made["cidr"] == "10.0.0.0/24" and made["subnetpool_id"] is None


def test_gateway_none_first_or_chosen(ask: Any, net: str) -> None:
    assert make(ask, net)[1]["gateway_ip"] == "10.0.0.1"
    none = make(ask, net, cidr="10.0.1.0/24", gateway_ip=None)[1]
    assert none["gateway_ip"] is None and none["allocation_pools"] == [{"start": "10.0.1.1", "end": "10.0.1.254"}]
    middle = make(ask, net, cidr="10.0.2.0/29", gateway_ip="10.0.2.3")[1]
    assert middle["allocation_pools"] == [
        {"start": "10.0.2.1", "end": "10.0.2.2"},
        {"start": "10.0.2.4", "end": "10.0.2.6"},
    ]


@pytest.mark.parametrize(
    ("requested", "status", "kind"),
    [
        ({"cidr": "10.0.0.0"}, 400, "HTTPBadRequest"),
        ({"cidr": "10.0.0.0/33"}, 400, "HTTPBadRequest"),
        ({"cidr": None}, 400, "InvalidInput"),
        ({"cidr": "fd00::/64"}, 400, "InvalidInput"),
        ({"cidr": "224.0.0.0/24"}, 400, "InvalidInput"),
        ({"cidr": "0.0.0.0/0"}, 400, "InvalidInput"),
        ({"ip_version": 5}, 400, "HTTPBadRequest"),
        ({"gateway_ip": "nonsense"}, 400, "HTTPBadRequest"),
        ({"gateway_ip": "10.0.0.0"}, 400, "InvalidInput"),
        ({"gateway_ip": "fd00::1"}, 400, "InvalidInput"),
        (
            {"gateway_ip": "10.0.0.5", "allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.9"}]},
            409,
            "GatewayConflictWithAllocationPools",
        ),
        ({"allocation_pools": [{"start": "10.0.0.9", "end": "10.0.0.2"}]}, 400, "InvalidAllocationPool"),
        ({"allocation_pools": [{"start": "10.0.1.2", "end": "10.0.1.9"}]}, 400, "OutOfBoundsAllocationPool"),
        (
            {"allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.9"}, {"start": "10.0.0.9", "end": "10.0.0.11"}]},
            409,
            "OverlappingAllocationPools",
        ),
        ({"allocation_pools": [{"start": "10.0.0.2"}]}, 400, "HTTPBadRequest"),
        ({"dns_nameservers": ["nonsense"]}, 400, "HTTPBadRequest"),
        ({"dns_nameservers": [f"1.1.1.{n}" for n in range(6)]}, 400, "InvalidInput"),
        ({"host_routes": [{"destination": "192.168.0.0/16"}]}, 400, "HTTPBadRequest"),
        ({"host_routes": [{"destination": "192.168.0.0/16", "nexthop": "fd00::1"}]}, 400, "InvalidInput"),
        ({"ipv6_ra_mode": "slaac"}, 400, "InvalidInput"),
        (
            {"ip_version": 6, "cidr": "fd00::/64", "ipv6_ra_mode": "slaac", "ipv6_address_mode": "dhcpv6-stateful"},
            400,
            "InvalidInput",
        ),
        ({"ip_version": 6, "cidr": "fd00::/64", "ipv6_ra_mode": "slaac", "enable_dhcp": False}, 400, "InvalidInput"),
        ({"ip_version": 6, "cidr": "fd00::/65", "ipv6_address_mode": "slaac"}, 400, "InvalidInput"),
        ({"ip_version": 6, "cidr": "fd00::/64", "ipv6_address_mode": "magic"}, 400, "HTTPBadRequest"),
        ({"prefixlen": 26}, 400, "InvalidInput"),
        ({"network_id": "00000000-0000-0000-0000-00000000000a"}, 404, "NetworkNotFound"),
        ({"colour": "red"}, 400, "HTTPBadRequest"),
    ],
)
def test_what_is_refused(ask: Any, net: str, requested: dict[str, Any], status: int, kind: str) -> None:
    assert make(ask, net, **requested) == (status, kind)
    assert ask("GET", "subnets")[1] == {"subnets": []} and ask("GET", "ports")[1] == {"ports": []}


def test_overlap_within_a_network_only(network: NetworkFixture, ask: Any, net: str) -> None:
    assert make(ask, net)[0] == 201
    assert make(ask, net, cidr="10.0.0.128/25") == (400, "InvalidInput")
    assert make(ask, network.made("network", {})["id"])[0] == 201


def test_a_dhcp_port_exists_while_a_subnet_wants_it(network: NetworkFixture, ask: Any, net: str) -> None:
    def served() -> list[int]:
        return [
            len(p["fixed_ips"]) for p in ask("GET", f"ports?network_id={net}&device_owner=network:dhcp")[1]["ports"]
        ]

    first = make(ask, net)[1]
    assert served() == [1]
    second = make(ask, net, cidr="10.0.1.0/24")[1]
    assert served() == [2]
    assert ask("PUT", f"subnets/{first['id']}", {"subnet": {"enable_dhcp": False}})[0] == 200
    assert served() == [1]
    assert ask("DELETE", f"subnets/{second['id']}")[0] == 204
    assert served() == []
    assert ask("PUT", f"subnets/{first['id']}", {"subnet": {"enable_dhcp": True}})[0] == 200
    assert served() == [1]


def test_update(network: NetworkFixture, ask: Any, net: str) -> None:
    made = make(ask, net)[1]
    url = f"subnets/{made['id']}"
    status, body = ask(
        "PUT", url, {"subnet": {"name": "x", "dns_nameservers": ["9.9.9.9"], "host_routes": [], "gateway_ip": None}}
    )
    assert status == 200 and body["subnet"]["dns_nameservers"] == ["9.9.9.9"] and body["subnet"]["gateway_ip"] is None
    assert ask("PUT", url, {"subnet": {"gateway_ip": "10.0.0.50"}}) == (409, "GatewayConflictWithAllocationPools")
    pools = [{"start": "10.0.0.60", "end": "10.0.0.70"}]
    body = ask("PUT", url, {"subnet": {"gateway_ip": "10.0.0.50", "allocation_pools": pools}})[1]
    assert body["subnet"]["allocation_pools"] == pools and body["subnet"]["gateway_ip"] == "10.0.0.50"
    for fixed in ("cidr", "network_id", "ip_version"):
        assert ask("PUT", url, {"subnet": {fixed: made[fixed]}}) == (400, "HTTPBadRequest")
    router = network.made("router", {})
    assert ask("PUT", f"routers/{router['id']}/add_router_interface", {"subnet_id": made["id"]})[0] == 200
    assert ask("PUT", url, {"subnet": {"gateway_ip": "10.0.0.51"}}) == (409, "GatewayIpInUse")


def test_a_used_subnet_stays(network: NetworkFixture, ask: Any, net: str) -> None:
    made = make(ask, net)[1]
    port = network.made("port", {"network_id": net})
    assert ask("DELETE", f"subnets/{made['id']}") == (409, "SubnetInUse")
    assert ask("DELETE", f"ports/{port['id']}")[0] == 204
    assert ask("DELETE", f"subnets/{made['id']}")[0] == 204
    assert ask("GET", f"subnets/{made['id']}") == (404, "SubnetNotFound")


def test_slaac_addresses_come_from_the_mac_and_go_with_the_subnet(network: NetworkFixture, ask: Any, net: str) -> None:
    make(ask, net)
    early = network.made("port", {"network_id": net})
    six = make(ask, net, ip_version=6, cidr="fd00:1::/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac")[1]
    assert six["gateway_ip"] == "fd00:1::1"
    late = network.made("port", {"network_id": net, "mac_address": "fa:16:3e:01:02:03"})
    assert {"subnet_id": six["id"], "ip_address": "fd00:1::f816:3eff:fe01:203"} in late["fixed_ips"]
    assert len(ask("GET", f"ports/{early['id']}")[1]["port"]["fixed_ips"]) == 2
    requested = {"port": {"network_id": net, "fixed_ips": [{"subnet_id": six["id"], "ip_address": "fd00:1::5"}]}}
    assert ask("POST", "ports", requested) == (400, "InvalidInput")
    assert ask("DELETE", f"subnets/{six['id']}")[0] == 204
    assert len(ask("GET", f"ports/{late['id']}")[1]["port"]["fixed_ips"]) == 1


def test_stateful_dhcpv6_takes_from_the_pool(network: NetworkFixture, ask: Any, net: str) -> None:
    six = make(
        ask,
        net,
        ip_version=6,
        cidr="fd00:2::/64",
        ipv6_ra_mode="dhcpv6-stateful",
        ipv6_address_mode="dhcpv6-stateful",
        allocation_pools=[{"start": "fd00:2::10", "end": "fd00:2::20"}],
    )[1]
    port = network.made("port", {"network_id": net})
    tail = int(port["fixed_ips"][0]["ip_address"].rpartition(":")[2], 16)
    assert port["fixed_ips"][0]["subnet_id"] == six["id"] and 0x10 <= tail <= 0x20


@pytest.mark.parametrize("mode", ["slaac", "dhcpv6-stateless", "dhcpv6-stateful"])
def test_a_network_of_ipv6_alone(network: NetworkFixture, ask: Any, net: str, mode: str) -> None:
    requested = {"ip_version": 6, "cidr": "fd00:3::/64", "ipv6_ra_mode": mode, "ipv6_address_mode": mode}
    assert make(ask, net, **requested)[0] == 201
    assert len(network.made("port", {"network_id": net})["fixed_ips"]) == 1


def test_the_dhcp_port_has_the_lowest_address(network: NetworkFixture, ask: Any, net: str) -> None:
    make(ask, net)
    port = ask("GET", "ports?device_owner=network:dhcp")[1]["ports"][0]
    assert port["fixed_ips"][0]["ip_address"] == "10.0.0.2"


def test_a_deleted_dhcp_port_is_created_again(network: NetworkFixture, ask: Any, net: str) -> None:
    make(ask, net)
    first = ask("GET", "ports?device_owner=network:dhcp")[1]["ports"][0]
    assert ask("DELETE", f"ports/{first['id']}")[0] == 204
    second = ask("GET", "ports?device_owner=network:dhcp")[1]["ports"][0]
    assert second["id"] != first["id"] and second["fixed_ips"] == first["fixed_ips"]


def test_the_owner_of_a_network_sees_and_removes_what_others_made_on_it(
    network: NetworkFixture, ask: Any, net: str
) -> None:
    requested = {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24", "project_id": "p2"}
    theirs = network.made("subnet", requested, network.book.admin)["id"]
    assert ask("GET", f"subnets/{theirs}")[0] == 200
    assert ask("PUT", f"subnets/{theirs}", {"subnet": {"name": "x"}})[0] == 200
    assert ask("DELETE", f"subnets/{theirs}")[0] == 204


@pytest.mark.parametrize(("version", "cidr", "least"), [(4, "10.0.0.0/24", 68), (6, "fd00::/64", 1280)])
def test_subnets_need_an_mtu(network: NetworkFixture, ask: Any, version: int, cidr: str, least: int) -> None:
    small = network.made("network", {"mtu": least - 1})["id"]
    requested = {"network_id": small, "ip_version": version, "cidr": cidr}
    assert ask("POST", "subnets", {"subnet": requested}) == (409, "NetworkMTUSubnetConflict")
    assert ask("PUT", f"networks/{small}", {"network": {"mtu": least}})[0] == 200
    assert ask("POST", "subnets", {"subnet": requested})[0] == 201
    assert ask("PUT", f"networks/{small}", {"network": {"mtu": least - 1}}) == (409, "NetworkMTUSubnetConflict")
    assert ask("PUT", f"networks/{small}", {"network": {"mtu": least + 1}})[0] == 200


def test_subnets_of_a_network_are_of_one_pool(network: NetworkFixture, ask: Any) -> None:
    pools = [
        network.made(
            "subnetpool", {"name": "p", "prefixes": [prefix], "default_prefixlen": 64 if ":" in prefix else 24}
        )
        for prefix in ("10.1.0.0/16", "10.2.0.0/16", "fd00::/48")
    ]
    net = network.made("network", {})["id"]

    def add(version: int, **more: Any) -> Any:
        return ask("POST", "subnets", {"subnet": {"network_id": net, "ip_version": version} | more})

    assert add(4, subnetpool_id=pools[0]["id"])[0] == 201
    assert add(4, subnetpool_id=pools[0]["id"])[0] == 201
    assert add(4, subnetpool_id=pools[1]["id"]) == (400, "NetworkSubnetPoolAffinityError")
    assert add(4, cidr="10.7.0.0/24") == (400, "NetworkSubnetPoolAffinityError")
    assert add(6, cidr="fd01::/64")[0] == 201
    assert add(6, subnetpool_id=pools[2]["id"]) == (400, "NetworkSubnetPoolAffinityError")
