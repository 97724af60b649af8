"""Security groups and rules."""

from typing import Any

import pytest

from pileus_network.testing import NetworkFixture


def rule(ask: Any, group: str, as_: Any = None, **requested: Any) -> tuple[int, Any]:
    body = {"security_group_rule": {"security_group_id": group, "direction": "ingress"} | requested}
    status, answer = ask("POST", "security-group-rules", body, as_=as_)
    return status, answer["security_group_rule"] if status == 201 else answer


@pytest.fixture
def group(network: NetworkFixture) -> str:
    return str(network.made("security_group", {"name": "g"})["id"])


def test_every_project_has_a_default_group(network: NetworkFixture, ask: Any) -> None:
    for who in (network.book.member, network.book.other):
        groups = ask("GET", "security-groups", as_=who)[1]["security_groups"]
        assert [g["name"] for g in groups] == ["default"]
        found = {
            (r["direction"], r["ethertype"], r["remote_group_id"] == groups[0]["id"])
            for r in groups[0]["security_group_rules"]
        }
        assert found == {
            ("egress", "IPv4", False),
            ("egress", "IPv6", False),
            ("ingress", "IPv4", True),
            ("ingress", "IPv6", True),
        }
    mine = ask("GET", "security-groups")[1]["security_groups"][0]["id"]
    assert ask("POST", "security-groups", {"security_group": {"name": "default"}}) == (
        409,
        "SecurityGroupDefaultAlreadyExists",
    )
    assert ask("PUT", f"security-groups/{mine}", {"security_group": {"name": "x"}}) == (
        409,
        "SecurityGroupCannotUpdateDefault",
    )
    assert ask("DELETE", f"security-groups/{mine}") == (409, "SecurityGroupCannotRemoveDefault")


def test_create_show_update_delete(network: NetworkFixture, ask: Any, group: str) -> None:
    made = ask("GET", f"security-groups/{group}")[1]["security_group"]
    assert {r["direction"] for r in made["security_group_rules"]} == {"egress"} and made["stateful"] is True
    assert (
        ask("PUT", f"security-groups/{group}", {"security_group": {"name": "h", "description": "d"}})[1][
            "security_group"
        ]["name"]
        == "h"
    )
    other = network.book.other
    assert ask("GET", f"security-groups/{group}", as_=other) == (404, "SecurityGroupNotFound")
    assert ask("DELETE", f"security-groups/{group}", as_=other) == (404, "SecurityGroupNotFound")
    assert rule(ask, group, as_=other) == (404, "SecurityGroupNotFound")
    assert ask("POST", "security-groups", {"security_group": {}}) == (400, "HTTPBadRequest")
    assert ask("DELETE", f"security-groups/{group}")[0] == 204
    assert ask("GET", f"security-groups/{group}") == (404, "SecurityGroupNotFound")


def test_a_used_group_stays(network: NetworkFixture, ask: Any, group: str) -> None:
    net = network.made("network", {})["id"]
    port = network.made("port", {"network_id": net, "security_groups": [group]})["id"]
    assert ask("DELETE", f"security-groups/{group}") == (409, "SecurityGroupInUse")
    ask("DELETE", f"ports/{port}")
    second = network.made("security_group", {"name": "h"})["id"]
    named = rule(ask, second, remote_group_id=group)[1]
    assert rule(ask, group, remote_group_id=group)[0] == 201
    assert ask("DELETE", f"security-groups/{group}")[0] == 204, "rules that name a group don't hold it"
    assert ask("GET", f"security-group-rules/{named['id']}")[0] == 404, "a rule goes with the group that it names"


@pytest.mark.parametrize(
    "requested",
    [
        {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22},
        {"protocol": "TCP", "port_range_min": 1, "port_range_max": 65535},
        {"protocol": 17, "port_range_min": 53, "port_range_max": 53},
        {"protocol": "17"},
        {"protocol": "icmp", "port_range_min": 8, "port_range_max": 0},
        {"protocol": "icmp", "port_range_min": 8},
        {"protocol": "ipv6-icmp", "ethertype": "IPv6"},
        {"protocol": None, "ethertype": "IPv6"},
        {"protocol": "sctp", "port_range_min": 5, "port_range_max": 6},
        {"protocol": "vrrp"},
        {"remote_ip_prefix": "10.0.0.0/8"},
        {"remote_ip_prefix": "fd00::/8", "ethertype": "IPv6"},
        {"remote_ip_prefix": "10.0.0.7"},
    ],
)
def test_valid_rules(ask: Any, group: str, requested: dict[str, Any]) -> None:
    status, made = rule(ask, group, **requested)
    assert status == 201, made
    assert ask("GET", f"security-group-rules/{made['id']}")[1]["security_group_rule"] == made
    assert rule(ask, group, **requested) == (409, "SecurityGroupRuleExists")


def test_icmp_is_that_of_its_version(ask: Any, group: str) -> None:
    assert rule(ask, group, protocol="icmp", ethertype="IPv6")[0] == rule(ask, group, protocol="icmp")[0] == 201
    for same in ("ipv6-icmp", "icmpv6", "58", "1"):
        assert rule(ask, group, protocol=same, ethertype="IPv6") == (409, "SecurityGroupRuleExists")


@pytest.mark.parametrize(
    ("requested", "kind"),
    [
        ({"direction": "sideways"}, "HTTPBadRequest"),
        ({"ethertype": "IPv5"}, "HTTPBadRequest"),
        ({"protocol": "bad"}, "SecurityGroupRuleInvalidProtocol"),
        ({"protocol": 256}, "SecurityGroupRuleInvalidProtocol"),
        ({"remote_ip_prefix": "bad/24"}, "HTTPBadRequest"),
        ({"remote_ip_prefix": "fd00::/8"}, "SecurityGroupRuleParameterConflict"),
        ({"protocol": "ipv6-icmp"}, "SecurityGroupEthertypeConflictWithProtocol"),
        ({"port_range_min": 1, "port_range_max": 2}, "SecurityGroupProtocolRequiredWithPorts"),
        ({"protocol": "tcp", "port_range_min": 80, "port_range_max": 79}, "SecurityGroupInvalidPortRange"),
        ({"protocol": "tcp", "port_range_min": 80}, "SecurityGroupInvalidPortRange"),
        ({"protocol": "tcp", "port_range_min": 0, "port_range_max": 65536}, "SecurityGroupInvalidPortValue"),
        ({"protocol": "icmp", "port_range_min": 256}, "SecurityGroupInvalidIcmpValue"),
        ({"protocol": "icmp", "port_range_max": 3}, "SecurityGroupMissingIcmpType"),
        ({"protocol": "gre", "port_range_min": 1, "port_range_max": 2}, "SecurityGroupInvalidProtocolForPort"),
        ({"colour": "red"}, "HTTPBadRequest"),
    ],
)
def test_rules_that_are_refused(ask: Any, group: str, requested: dict[str, Any], kind: str) -> None:
    assert rule(ask, group, **requested) == (400, kind)
    assert len(ask("GET", f"security-groups/{group}")[1]["security_group"]["security_group_rules"]) == 2


def test_remotes_exclude_each_other_and_must_exist(network: NetworkFixture, ask: Any, group: str) -> None:
    assert rule(ask, group, remote_group_id=group, remote_ip_prefix="10.0.0.0/8") == (
        400,
        "SecurityGroupRemoteGroupAndRemoteIpPrefix",
    )
    assert rule(ask, group, remote_group_id="00000000-0000-0000-0000-00000000000a") == (404, "SecurityGroupNotFound")
    theirs = network.made("security_group", {"name": "t"}, network.book.other)["id"]
    assert rule(ask, group, remote_group_id=theirs) == (404, "SecurityGroupNotFound")


def test_rules_can_be_deleted_but_not_updated(network: NetworkFixture, ask: Any, group: str) -> None:
    made = rule(ask, group)[1]
    assert ask("DELETE", f"security-group-rules/{made['id']}", as_=network.book.other) == (
        404,
        "SecurityGroupRuleNotFound",
    )
    assert ask("DELETE", f"security-group-rules/{made['id']}")[0] == 204
    assert ask("GET", f"security-group-rules/{made['id']}") == (404, "SecurityGroupRuleNotFound")
    assert [
        r["id"]
        for r in ask("GET", f"security-group-rules?security_group_id={group}&direction=ingress")[1][
            "security_group_rules"
        ]
    ] == []


def test_bulk_rules(ask: Any, group: str) -> None:
    requested = [
        {
            "security_group_id": group,
            "direction": "ingress",
            "protocol": "tcp",
            "port_range_min": p,
            "port_range_max": p,
        }
        for p in (1, 2)
    ]
    status, body = ask("POST", "security-group-rules", {"security_group_rules": requested})
    assert status == 201 and len(body["security_group_rules"]) == 2
    assert (
        ask(
            "POST",
            "security-group-rules",
            {"security_group_rules": [requested[0] | {"port_range_max": 9}, requested[1]]},
        )[0]
        == 409
    )


def test_stateless_groups(network: NetworkFixture, ask: Any) -> None:
    group = network.made("security_group", {"name": "s", "stateful": False})
    assert group["stateful"] is False
    url = f"security-groups/{group['id']}"
    assert ask("PUT", url, {"security_group": {"stateful": True}})[1]["security_group"]["stateful"] is True
    network.made("port", {"network_id": network.made("network", {})["id"], "security_groups": [group["id"]]})
    assert ask("PUT", url, {"security_group": {"stateful": False}}) == (409, "SecurityGroupInUse")
    assert ask("PUT", url, {"security_group": {"stateful": True, "name": "t"}})[0] == 200
