"""Rules of security groups: /v2.0/security-group-rules."""

from typing import Any

import pytest

from pileus_network.testing import NetworkFixture


def plural(path: str) -> str:
    return path.replace("-", "_")


@pytest.fixture
def group(network: NetworkFixture) -> str:
    return str(network.made("security_group", {"name": "g"})["id"])


def add(ask: Any, group: str, **requested: Any) -> Any:
    body = {"security_group_rule": {"security_group_id": group, "direction": "ingress"} | requested}
    status, answer = ask("POST", "security-group-rules", body)
    return status, answer["security_group_rule"] if status == 201 else answer


@pytest.mark.parametrize("protocol", ["tcp", "udp", "sctp", "dccp", "udplite", "6", 17])
@pytest.mark.parametrize(("low", "high"), [(0, 0), (0, 80), ("0", "2")])
def test_port_zero_is_refused(ask: Any, group: str, protocol: Any, low: Any, high: Any) -> None:
    requested = {"protocol": protocol, "port_range_min": low, "port_range_max": high}
    assert add(ask, group, **requested) == (400, "SecurityGroupInvalidPortValue")


def test_icmp_type_zero_is_accepted(ask: Any, group: str) -> None:
    assert add(ask, group, protocol="icmp", port_range_min=0, port_range_max=0)[0] == 201


@pytest.mark.parametrize("protocol", ["tcp", "udp", "sctp"])
def test_all_ports_mean_no_ports(ask: Any, group: str, protocol: str) -> None:
    status, rule = add(ask, group, protocol=protocol, port_range_min=1, port_range_max="65535")
    assert (status, rule["port_range_min"], rule["port_range_max"]) == (201, None, None)
    assert add(ask, group, protocol=protocol) == (409, "SecurityGroupRuleExists")


@pytest.mark.parametrize(("ethertype", "prefix"), [("IPv4", "0.0.0.0/0"), ("IPv6", "::/0")])
def test_a_prefix_of_length_zero_means_no_prefix(ask: Any, group: str, ethertype: str, prefix: str) -> None:
    egress = {"direction": "egress", "ethertype": ethertype, "remote_ip_prefix": prefix}
    assert add(ask, group, **egress) == (409, "SecurityGroupRuleExists"), "a new group has it already"
    requested = {"ethertype": ethertype, "protocol": "tcp", "remote_ip_prefix": prefix}
    assert add(ask, group, **requested)[0] == 201
    assert add(ask, group, ethertype=ethertype, protocol="tcp") == (409, "SecurityGroupRuleExists")
    assert add(ask, group, **requested) == (409, "SecurityGroupRuleExists")


def test_a_group_s_owner_sees_and_deletes_all_of_its_rules(ask: Any, group: str, network: NetworkFixture) -> None:
    rule = {"security_group_id": group, "direction": "ingress", "protocol": "tcp", "project_id": "p9"}
    made = network.made("security_group_rule", rule, network.book.admin)["id"]
    assert ask("GET", f"security-group-rules/{made}")[0] == 200
    assert made in {one["id"] for one in ask("GET", "security-group-rules")[1]["security_group_rules"]}
    assert ask("GET", f"security-group-rules/{made}", as_=network.book.other)[0] == 404
    assert ask("DELETE", f"security-group-rules/{made}")[0] == 204


@pytest.mark.parametrize("path", ["security-groups", "security-group-rules"])
def test_an_administrator_s_query_creates_default_groups(ask: Any, network: NetworkFixture, path: str) -> None:
    for name in ("project_id", "tenant_id"):
        rows = ask("GET", f"{path}?{name}=new-{name}", as_=network.book.admin)[1][plural(path)]
        assert rows and {row["project_id"] for row in rows} == {f"new-{name}"}
    assert ask("GET", f"{path}?project_id=p2")[1][plural(path)] == [], "nobody else's are made by a member's query"
