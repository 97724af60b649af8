"""Bodies of requests: many resources at once, numbers as text, revisions."""

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


@pytest.mark.parametrize("wrapped", [True, False])
def test_many_resources_are_created_at_once(resources: Any, ask: Any, network: NetworkFixture, wrapped: bool) -> None:
    net, group = resources["network"]["id"], ask("GET", "security-groups?name=g")[1]["security_groups"][0]["id"]
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
        "floatingips": ("floatingip", [{"floating_network_id": resources["public"]["id"]}] * 2),
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


@pytest.mark.parametrize(
    ("condition", "status"),
    [("-1", 412), ("+1", 412), ("99999999999999999", 412), ("x", 400), ("", 400), ("1.5", 400)],
)
def test_an_update_of_another_revision_is_refused(
    network: NetworkFixture, ask: Any, condition: str, status: int
) -> None:
    made = network.made("network", {})["id"]
    network.client.put(f"/v2.0/networks/{made}", json={"network": {"name": "x"}}, as_=network.book.member)
    headers = {"If-Match": f"revision_number={condition}"}
    assert ask("PUT", f"networks/{made}", {"network": {"name": "y"}}, headers=headers)[0] == status


def test_changes_of_parts_count_revisions_of_the_whole(network: NetworkFixture, ask: Any) -> None:
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
