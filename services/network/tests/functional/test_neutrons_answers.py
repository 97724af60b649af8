"""Answers that clients of OpenStack Networking rely on, found by suites and users that no one here wrote."""

from typing import Any

import pytest

from pileus_network.testing import NetworkFixture

LISTS = (
    "networks",
    "subnets",
    "ports",
    "routers",
    "floatingips",
    "security-groups",
    "security-group-rules",
    "subnetpools",
    "address-scopes",
    "rbac-policies",
)


def plural(path: str) -> str:
    return path.replace("-", "_")


@pytest.fixture
def some(network: NetworkFixture) -> dict[str, Any]:
    """One of everything, and its network."""
    public, member = network.public(), network.book.member
    net = network.made("network", {"name": "n"})
    subnet = network.made("subnet", {"network_id": net["id"], "ip_version": 4, "cidr": "10.0.0.0/24"})
    network.made("port", {"network_id": net["id"]})
    network.made("router", {})
    network.made("floatingip", {"floating_network_id": public["id"]})
    network.made("security_group", {"name": "g"})
    network.made("subnetpool", {"name": "p", "prefixes": ["10.9.0.0/16"]})
    scope = {"address_scope": {"name": "s", "ip_version": 4}}
    assert network.client.post("/v2.0/address-scopes", json=scope, as_=member).status_code == 201
    share = {"object_type": "network", "object_id": net["id"], "action": "access_as_shared", "target_tenant": "p9"}
    assert network.client.post("/v2.0/rbac-policies", json={"rbac_policy": share}, as_=member).status_code == 201
    return {"network": net, "subnet": subnet, "public": public}


# -- queries -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["networks", "subnets", "security-groups", "subnetpools", "address-scopes"])
def test_shared_filters_everywhere(some: Any, ask: Any, path: str) -> None:
    everything = {row["id"] for row in ask("GET", path)[1][plural(path)]}
    found = [{row["id"] for row in ask("GET", f"{path}?shared={value}")[1][plural(path)]} for value in ("false", "1")]
    assert found[0] | found[1] == everything and not found[0] & found[1] and found[0]
    assert ask("GET", f"{path}?shared=maybe") == (400, "HTTPBadRequest")


def test_subnets_of_external_networks(some: Any, ask: Any, network: NetworkFixture) -> None:
    admin = network.book.admin
    outside = ask("GET", "subnets?router:external=True", as_=admin)[1]["subnets"]
    assert [row["network_id"] for row in outside] == [some["public"]["id"]]
    inside = ask("GET", "subnets?router:external=false", as_=admin)[1]["subnets"]
    assert [row["id"] for row in inside] == [some["subnet"]["id"]]


def test_every_shown_attribute_filters(some: Any, ask: Any) -> None:
    """With the very text that was shown; what can't be asked for is refused, and never ignored."""
    for path in LISTS:
        for row in ask("GET", path)[1][plural(path)]:
            for name, value in row.items():
                if isinstance(value, str | int | bool) and value != "":
                    status, body = ask("GET", path, query_string={name: str(value)})
                    assert (path, name, status) == (path, name, 200)
                    assert (path, name, row["id"] in {one["id"] for one in body[plural(path)]}) == (path, name, True)
        assert ask("GET", f"{path}?nonsense=1") == (400, "HTTPBadRequest")


def test_a_full_page_has_a_next_one(network: NetworkFixture, ask: Any) -> None:
    ids = sorted(network.made("network", {})["id"] for _ in range(4))
    first = ask("GET", "networks?limit=2")[1]
    assert [link["rel"] for link in first["networks_links"]] == ["next", "previous"]
    second = ask("GET", f"networks?limit=2&marker={first['networks'][-1]['id']}")[1]
    assert [row["id"] for row in first["networks"] + second["networks"]] == ids
    assert "next" in {link["rel"] for link in second["networks_links"]}, "the last page is full: nobody knows yet"
    third = ask("GET", f"networks?limit=2&marker={ids[-1]}")[1]
    assert third["networks"] == [] and {link["rel"] for link in third["networks_links"]} == {"previous"}
    short = ask("GET", f"networks?limit=3&marker={ids[1]}")[1]
    assert [link["rel"] for link in short["networks_links"]] == ["previous"]
    back = ask("GET", f"networks?limit=2&marker={ids[2]}&page_reverse=True")[1]
    assert [row["id"] for row in back["networks"]] == ids[:2]
    assert [link["rel"] for link in back["networks_links"]] == ["next", "previous"]


@pytest.mark.parametrize(
    ("path", "query", "number"),
    [
        ("service-providers", "service_type=VPN", 0),
        ("service-providers", "service_type=L3_ROUTER_NAT", 1),
        ("service-providers", "default=true&name=pileus", 1),
        ("service-providers", "default=0", 0),
        ("availability_zones", "name=x", 0),
        ("availability_zones", "name=nova&resource=router", 1),
        ("availability_zones", "state=available", 2),
        ("availability_zones", "state=available&limit=1", 1),
        ("availability_zones", "sort_key=resource&sort_dir=desc&limit=1", 1),
        ("agents", "alive=true", 3),
        ("agents", "alive=False", 0),
        ("agents", "agent_type=L3 agent&host=host1", 1),
        ("agents", "limit=2", 2),
    ],
)
def test_fixed_lists_are_filtered(network: NetworkFixture, ask: Any, path: str, query: str, number: int) -> None:
    assert len(ask("GET", f"{path}?{query}", as_=network.book.admin)[1][plural(path)]) == number


@pytest.mark.parametrize("path", ["service-providers?x=1", "availability_zones?zone=nova", "agents?x=1"])
def test_fixed_lists_know_their_filters(network: NetworkFixture, ask: Any, path: str) -> None:
    assert ask("GET", path, as_=network.book.admin) == (400, "HTTPBadRequest")


def test_a_shown_time_finds_what_it_was_shown_of(some: Any, ask: Any) -> None:
    net = ask("GET", f"networks/{some['network']['id']}")[1]["network"]
    for query in ("created_at", "updated_at"):
        assert net["id"] in {n["id"] for n in ask("GET", f"networks?{query}={net[query]}")[1]["networks"]}
    assert net["id"] in {n["id"] for n in ask("GET", f"networks?changed_since={net['updated_at']}")[1]["networks"]}


# -- bodies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapped", [True, False])
def test_many_at_once_wrapped_or_not(some: Any, ask: Any, network: NetworkFixture, wrapped: bool) -> None:
    net, group = some["network"]["id"], ask("GET", "security-groups?name=g")[1]["security_groups"][0]["id"]
    requests: dict[str, tuple[str, list[dict[str, Any]]]] = {
        "networks": ("network", [{}, {"name": "b"}]),
        "subnets": ("subnet", [{"network_id": net, "ip_version": "4", "cidr": f"10.1.{n}.0/24"} for n in (1, 2)]),
        "ports": ("port", [{"network_id": net}, {"network_id": net}]),
        "routers": ("router", [{}, {}]),
        "security-groups": ("security_group", [{"name": "x"}, {"name": "y"}]),
        "security-group-rules": (
            "security_group_rule",
            [{"security_group_id": group, "direction": "ingress", "protocol": p} for p in ("tcp", "udp")],
        ),
        "subnetpools": ("subnetpool", [{"name": f"p{n}", "prefixes": [f"10.{n}.0.0/16"]} for n in (20, 21)]),
        "address-scopes": ("address_scope", [{"name": "a", "ip_version": "6"}, {"name": "b", "ip_version": 6}]),
        "floatingips": ("floatingip", [{"floating_network_id": some["public"]["id"]}] * 2),
        "rbac-policies": (
            "rbac_policy",
            [
                {"object_type": "network", "object_id": net, "action": "access_as_shared", "target_tenant": p}
                for p in ("p7", "p8")
            ],
        ),
    }
    assert set(requests) == set(LISTS)
    for path, (noun, bodies) in requests.items():
        body = {plural(path): [{noun: one} for one in bodies] if wrapped else bodies}
        status, answer = ask("POST", path, body)
        assert (path, status, answer) == (path, 201, answer) and len(answer[plural(path)]) == 2


def test_numbers_may_be_text(network: NetworkFixture, ask: Any) -> None:
    """Every attribute that is a number, in every body, as text and with blanks."""
    admin = network.book.admin
    net = network.made("network", {"mtu": " 1400 ", "provider:network_type": "vxlan", "provider:segmentation_id": "77"},
                       admin)  # fmt: skip
    assert (net["mtu"], net["provider:segmentation_id"]) == (1400, 77)
    pool = {"name": "p", "prefixes": ["10.0.0.0/8"], "min_prefixlen": "16", "max_prefixlen": "28"}
    pool |= {"default_prefixlen": "24", "default_quota": "100000"}
    made = network.made("subnetpool", pool)
    assert (made["min_prefixlen"], made["default_quota"]) == ("16", 100000)
    mine = network.made("network", {})["id"]
    requested = {"network_id": mine, "ip_version": "4", "subnetpool_id": made["id"], "prefixlen": "25"}
    assert network.made("subnet", requested)["ip_version"] == 4
    assert (
        ask("POST", "address-scopes", {"address_scope": {"name": "s", "ip_version": "6"}})[1]["address_scope"][
            "ip_version"
        ]
        == 6
    )
    option = {"opt_name": "mtu", "opt_value": "1400", "ip_version": "4"}
    assert (
        network.made("port", {"network_id": mine, "extra_dhcp_opts": [option]})["extra_dhcp_opts"][0]["ip_version"] == 4
    )
    group = network.made("security_group", {"name": "g"})["id"]
    rule = {"security_group_id": group, "direction": "ingress", "protocol": "tcp"}
    assert (
        network.made("security_group_rule", rule | {"port_range_min": "80", "port_range_max": " 90"})["port_range_max"]
        == 90
    )
    assert ask("PUT", "quotas/p1", {"quota": {"port": "400"}}, as_=admin)[1]["quota"]["port"] == 400
    for wrong in ("4.5", "four", "", True, [4], {"a": 4}, "0x4", "²"):
        assert ask("POST", "address-scopes", {"address_scope": {"name": "s", "ip_version": wrong}})[0] == 400


@pytest.mark.parametrize("mac", ["11:22:33:44:55:66", "FA-16-3E-00-00-01", "fa163e000002", "fa16.3e00.0003"])
def test_macs_that_are_taken(some: Any, ask: Any, network: NetworkFixture, mac: str) -> None:
    made = network.made("port", {"network_id": some["network"]["id"], "mac_address": mac})
    assert made["mac_address"].replace(":", "") == mac.lower().replace(":", "").replace("-", "").replace(".", "")
    pair = {"allowed_address_pairs": [{"ip_address": "10.0.0.9", "mac_address": mac}]}
    assert ask("PUT", f"ports/{made['id']}", {"port": pair})[0] == 200


@pytest.mark.parametrize("mac", ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "11:22:33:44:55", "zz:22:33:44:55:66", 5])
def test_macs_that_are_none(some: Any, ask: Any, mac: Any) -> None:
    requested = {"network_id": some["network"]["id"], "mac_address": mac}
    assert ask("POST", "ports", {"port": requested}) == (400, "HTTPBadRequest")


@pytest.mark.parametrize(
    ("condition", "status"),
    [("-1", 412), ("+1", 412), ("99999999999999999", 412), ("x", 400), ("", 400), ("1.5", 400)],
)
def test_revisions_that_are_not_there(network: NetworkFixture, ask: Any, condition: str, status: int) -> None:
    made = network.made("network", {})["id"]
    network.client.put(f"/v2.0/networks/{made}", json={"network": {"name": "x"}}, as_=network.book.member)
    headers = {"If-Match": f"revision_number={condition}"}
    assert ask("PUT", f"networks/{made}", {"network": {"name": "y"}}, headers=headers)[0] == status


def test_revisions_begin_above_zero_and_follow_what_belongs_to_a_thing(network: NetworkFixture, ask: Any) -> None:
    net = network.made("network", {})
    numbers = [net["revision_number"]]

    def note() -> None:
        numbers.append(ask("GET", f"networks/{net['id']}")[1]["network"]["revision_number"])

    subnet = network.made("subnet", {"network_id": net["id"], "ip_version": 4, "cidr": "10.0.0.0/24"})
    note()
    ask("PUT", f"subnets/{subnet['id']}", {"subnet": {"name": "x"}})
    note()
    share = {"object_type": "network", "object_id": net["id"], "action": "access_as_shared", "target_tenant": "p2"}
    policy = ask("POST", "rbac-policies", {"rbac_policy": share})[1]["rbac_policy"]["id"]
    note()
    ask("PUT", f"rbac-policies/{policy}", {"rbac_policy": {"target_tenant": "p3"}})
    note()
    ask("DELETE", f"rbac-policies/{policy}")
    note()
    ask("DELETE", f"subnets/{subnet['id']}")
    note()
    assert numbers[0] > 0 and numbers == sorted(set(numbers))
    for noun, requested in (("router", {}), ("security_group", {"name": "g"}), ("port", {"network_id": net["id"]})):
        assert network.made(noun, requested)["revision_number"] > 0


# -- networks and subnets ------------------------------------------------------------------------------------------


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


def test_pools_of_an_address_scope(network: NetworkFixture, ask: Any) -> None:
    book = network.book
    requested = {"address_scope": {"name": "s", "ip_version": 4, "shared": True}}
    scope = ask("POST", "address-scopes", requested, as_=book.admin)[1]["address_scope"]["id"]
    other = book.other
    pool = {"name": "p", "prefixes": ["10.0.0.0/16"], "address_scope_id": scope}
    mine = network.made("subnetpool", pool, other)["id"]
    twin = {"subnetpool": pool | {"prefixes": ["10.0.128.0/17"]}}
    assert ask("POST", "subnetpools", twin, as_=other) == (409, "AddressScopePrefixConflict")
    change = {"subnetpool": {"prefixes": ["10.0.0.0/15"]}}
    assert ask("PUT", f"subnetpools/{mine}", change, as_=other) == (400, "IllegalSubnetPoolUpdate")
    assert ask("PUT", f"subnetpools/{mine}", change, as_=book.admin)[0] == 200
    assert ask("PUT", f"subnetpools/{mine}", {"subnetpool": {"name": "q"}}, as_=other)[0] == 200


def test_a_vlan_is_found_for_who_names_none(network: NetworkFixture, ask: Any) -> None:
    admin = network.book.admin
    requested = {"provider:network_type": "vlan", "provider:physical_network": "public"}
    made = [network.made("network", requested, admin)["provider:segmentation_id"] for _ in range(3)]
    assert made == [1, 2, 3]
    anywhere = network.made("network", {"provider:network_type": "vlan"}, admin)
    assert (anywhere["provider:physical_network"], anywhere["provider:segmentation_id"]) == ("public", 4)
    unknown = {"network": requested | {"provider:physical_network": "nowhere"}}
    assert ask("POST", "networks", unknown, as_=admin) == (400, "InvalidInput")


def test_vlans_are_taken_from_the_operators_ranges(tmp_path: Any) -> None:
    with NetworkFixture(tmp_path, vlan_ranges=("public:100:101",)) as network:
        admin = network.book.admin
        requested = {"provider:network_type": "vlan", "provider:physical_network": "public"}
        assert [network.made("network", requested, admin)["provider:segmentation_id"] for _ in range(2)] == [100, 101]
        full = network.client.post("/v2.0/networks", json={"network": requested}, as_=admin)
        assert (full.status_code, full.get_json()["NeutronError"]["type"]) == (503, "NoNetworkAvailable")


# -- sharing -------------------------------------------------------------------------------------------------------


def test_a_network_of_others_isnt_shared_on(network: NetworkFixture, ask: Any) -> None:
    shared = network.made("network", {"shared": True}, network.book.admin)["id"]
    requested = {"object_type": "network", "object_id": shared, "action": "access_as_shared", "target_tenant": "p9"}
    assert ask("POST", "rbac-policies", {"rbac_policy": requested}, as_=network.book.other) == (400, "InvalidInput")


def test_the_wildcard_goes_when_every_user_has_a_policy_of_their_own(network: NetworkFixture, ask: Any) -> None:
    admin, public = network.operator, network.public(as_=network.operator)["id"]
    network.made("router", {"external_gateway_info": {"network_id": public}})
    network.made("floatingip", {"floating_network_id": public}, network.book.other)
    wildcard = ask("GET", f"rbac-policies?object_id={public}&target_tenant=*", as_=admin)[1]["rbac_policies"][0]["id"]
    for project, status in (("p1", 409), ("p2", 409), ("", 204)):
        assert ask("DELETE", f"rbac-policies/{wildcard}", as_=admin)[0] == status
        if project:
            requested = {"object_type": "network", "object_id": public, "action": "access_as_external"}
            body = {"rbac_policy": requested | {"target_tenant": project}}
            assert ask("POST", "rbac-policies", body, as_=admin)[0] == 201
    assert ask("GET", f"networks/{public}")[1]["network"]["router:external"] is True


def test_the_wildcard_becomes_the_policy_of_the_only_user(network: NetworkFixture, ask: Any) -> None:
    admin, public = network.operator, network.public(as_=network.operator)["id"]
    network.made("router", {"external_gateway_info": {"network_id": public}}, network.book.other)
    policy = ask("GET", f"rbac-policies?object_id={public}&target_tenant=*", as_=admin)[1]["rbac_policies"][0]["id"]
    for project, status in (("p1", 409), ("p2", 200), ("p1", 409), ("*", 200)):
        change = {"rbac_policy": {"target_tenant": project}}
        assert ask("PUT", f"rbac-policies/{policy}", change, as_=admin)[0] == status


# -- ports and routers ---------------------------------------------------------------------------------------------


def test_groups_of_one_kind_on_a_port(some: Any, ask: Any, network: NetworkFixture) -> None:
    stateless = network.made("security_group", {"name": "s", "stateful": "false"})["id"]
    stateful = network.made("security_group", {"name": "t"})["id"]
    requested = {"network_id": some["network"]["id"]}
    both = requested | {"security_groups": [stateful, stateless]}
    assert ask("POST", "ports", {"port": both}) == (409, "SecurityGroupConflict")
    port = network.made("port", requested | {"security_groups": [stateless]})["id"]
    assert ask("PUT", f"ports/{port}", {"port": {"security_groups": [stateful, stateless]}}) == (
        409,
        "SecurityGroupConflict",
    )
    assert ask("PUT", f"ports/{port}", {"port": {"security_groups": [stateful]}})[0] == 200
    twice = {"security_groups": [stateful, stateful]}
    assert ask("PUT", f"ports/{port}", {"port": twice}) == (400, "HTTPBadRequest")
    assert ask("POST", "ports", {"port": requested | twice}) == (400, "HTTPBadRequest")


@pytest.mark.parametrize("name", ["tag:x,3", "a b", "option6:x", "a=b", "", "é", "x" * 41, "3,4"])
def test_names_that_no_dhcp_option_has(some: Any, ask: Any, name: str) -> None:
    requested = {"network_id": some["network"]["id"], "extra_dhcp_opts": [{"opt_name": name, "opt_value": "v"}]}
    assert ask("POST", "ports", {"port": requested}) == (400, "HTTPBadRequest")


@pytest.mark.parametrize("character", ["\n", "\r", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"])
def test_values_that_no_dhcp_option_has(some: Any, ask: Any, network: NetworkFixture, character: str) -> None:
    option = {"opt_name": "server-ip-address", "opt_value": f"10.0.0.1{character}x"}
    requested = {"network_id": some["network"]["id"], "extra_dhcp_opts": [option]}
    assert ask("POST", "ports", {"port": requested}) == (400, "HTTPBadRequest")
    port = network.made("port", {"network_id": some["network"]["id"]})["id"]
    assert ask("PUT", f"ports/{port}", {"port": {"extra_dhcp_opts": [option]}}) == (400, "HTTPBadRequest")


def test_a_wish_for_nothing_lets_a_floating_ip_go(network: NetworkFixture, ask: Any) -> None:
    public, net = network.public()["id"], network.made("network", {})["id"]
    subnet = network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})["id"]
    router = network.made("router", {"external_gateway_info": {"network_id": public}})["id"]
    ask("PUT", f"routers/{router}/add_router_interface", {"subnet_id": subnet})
    port = network.made("port", {"network_id": net})["id"]
    floating = network.made("floatingip", {"floating_network_id": public, "port_id": port})["id"]
    kept = ask("PUT", f"floatingips/{floating}", {"floatingip": {"description": "d"}})
    assert kept[1]["floatingip"]["port_id"] == port
    alone = {"floatingip": {"fixed_ip_address": "10.0.0.7"}}
    assert ask("PUT", f"floatingips/{floating}", alone) == (400, "BadRequest")
    assert ask("PUT", f"floatingips/{floating}", {"floatingip": {}})[1]["floatingip"]["port_id"] is None


def test_a_gateway_on_a_network_without_subnets(network: NetworkFixture, ask: Any) -> None:
    requested = {"router:external": True, "provider:network_type": "flat", "provider:physical_network": "public"}
    bare = network.made("network", requested, network.book.admin)["id"]
    router = network.made("router", {"external_gateway_info": {"network_id": bare}})
    assert router["external_gateway_info"]["external_fixed_ips"] == []


def test_addresses_that_hosts_give_themselves_belong_to_every_port(network: NetworkFixture, ask: Any) -> None:
    net = network.made("network", {})["id"]
    v4 = network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})["id"]
    modes = ("slaac", "dhcpv6-stateless", "dhcpv6-stateful")
    subnets = {
        mode: network.made(
            "subnet",
            {
                "network_id": net,
                "ip_version": 6,
                "cidr": f"fd00:{number}::/64",
                "ipv6_ra_mode": mode,
                "ipv6_address_mode": mode,
            },
        )["id"]
        for number, mode in enumerate(modes, 1)
    }
    own = {subnets["slaac"], subnets["dhcpv6-stateless"]}

    def of(port: dict[str, Any]) -> set[str]:
        return {one["subnet_id"] for one in port["fixed_ips"]}

    asked: list[Any] = [[{"subnet_id": v4}], [{"ip_address": "10.0.0.77"}], [{"subnet_id": subnets["slaac"]}], []]
    for fixed_ips in asked:
        made = network.made("port", {"network_id": net, "fixed_ips": fixed_ips})
        assert own <= of(made) and len(made["fixed_ips"]) == len(of(made))
    port = network.made("port", {"network_id": net})
    assert of(port) == own | {v4, subnets["dhcpv6-stateful"]}
    change = {"port": {"fixed_ips": [{"subnet_id": v4, "ip_address": "10.0.0.50"}]}}
    assert of(ask("PUT", f"ports/{port['id']}", change)[1]["port"]) == own | {v4}


# -- security groups -----------------------------------------------------------------------------------------------


@pytest.fixture
def group(network: NetworkFixture) -> str:
    return str(network.made("security_group", {"name": "g"})["id"])


def add(ask: Any, group: str, **requested: Any) -> Any:
    body = {"security_group_rule": {"security_group_id": group, "direction": "ingress"} | requested}
    status, answer = ask("POST", "security-group-rules", body)
    return status, answer["security_group_rule"] if status == 201 else answer


@pytest.mark.parametrize("protocol", ["tcp", "udp", "sctp", "dccp", "udplite", "6", 17])
@pytest.mark.parametrize(("low", "high"), [(0, 0), (0, 80), ("0", "2")])
def test_no_port_is_called_zero(ask: Any, group: str, protocol: Any, low: Any, high: Any) -> None:
    requested = {"protocol": protocol, "port_range_min": low, "port_range_max": high}
    assert add(ask, group, **requested) == (400, "SecurityGroupInvalidPortValue")


def test_types_of_icmp_may_be_zero(ask: Any, group: str) -> None:
    assert add(ask, group, protocol="icmp", port_range_min=0, port_range_max=0)[0] == 201


@pytest.mark.parametrize("protocol", ["tcp", "udp", "sctp"])
def test_all_ports_are_no_ports(ask: Any, group: str, protocol: str) -> None:
    status, rule = add(ask, group, protocol=protocol, port_range_min=1, port_range_max="65535")
    assert (status, rule["port_range_min"], rule["port_range_max"]) == (201, None, None)
    assert add(ask, group, protocol=protocol) == (409, "SecurityGroupRuleExists")


@pytest.mark.parametrize(("ethertype", "prefix"), [("IPv4", "0.0.0.0/0"), ("IPv6", "::/0")])
def test_everywhere_is_anywhere(ask: Any, group: str, ethertype: str, prefix: str) -> None:
    egress = {"direction": "egress", "ethertype": ethertype, "remote_ip_prefix": prefix}
    assert add(ask, group, **egress) == (409, "SecurityGroupRuleExists"), "a new group has it already"
    requested = {"ethertype": ethertype, "protocol": "tcp", "remote_ip_prefix": prefix}
    assert add(ask, group, **requested)[0] == 201
    assert add(ask, group, ethertype=ethertype, protocol="tcp") == (409, "SecurityGroupRuleExists")
    assert add(ask, group, **requested) == (409, "SecurityGroupRuleExists")


def test_a_groups_owner_has_all_of_its_rules(ask: Any, group: str, network: NetworkFixture) -> None:
    rule = {"security_group_id": group, "direction": "ingress", "protocol": "tcp", "project_id": "p9"}
    made = network.made("security_group_rule", rule, network.book.admin)["id"]
    assert ask("GET", f"security-group-rules/{made}")[0] == 200
    assert made in {one["id"] for one in ask("GET", "security-group-rules")[1]["security_group_rules"]}
    assert ask("GET", f"security-group-rules/{made}", as_=network.book.other)[0] == 404
    assert ask("DELETE", f"security-group-rules/{made}")[0] == 204


@pytest.mark.parametrize("path", ["security-groups", "security-group-rules"])
def test_an_administrator_looks_at_a_new_project(ask: Any, network: NetworkFixture, path: str) -> None:
    for name in ("project_id", "tenant_id"):
        rows = ask("GET", f"{path}?{name}=new-{name}", as_=network.book.admin)[1][plural(path)]
        assert rows and {row["project_id"] for row in rows} == {f"new-{name}"}
    assert ask("GET", f"{path}?project_id=p2")[1][plural(path)] == [], "nobody else's are made by a member's query"
