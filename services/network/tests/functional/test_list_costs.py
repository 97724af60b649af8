"""Statements of calls: lists need as many for 10 rows as for 100, writes keep within their budgets."""

from collections.abc import Callable
from typing import Any

import pytest

from pileus_kit.db import count_statements
from pileus_network.rpc import ReportChange
from pileus_network.testing import NetworkFixture

PORT_CREATE = 23
"""Statements that the creation of a port may need: a tenth of OpenStack's."""


def fill(network: NetworkFixture, what: str) -> Callable[[int], None]:
    net = network.made("network", {})["id"]
    public = network.public()["id"]
    group = network.made("security_group", {"name": "g"})["id"]
    rule = {"security_group_id": group, "direction": "ingress", "protocol": "tcp"}

    def requested(number: int) -> dict[str, Any]:
        return {
            "networks": {},
            "subnets": {"network_id": net, "ip_version": 4, "cidr": f"10.0.{number}.0/24"},
            "ports": {"network_id": net, "name": str(number)},
            "routers": {"external_gateway_info": {"network_id": public}},
            "floatingips": {"floating_network_id": public},
            "security-groups": {"name": str(number)},
            "security-group-rules": rule | {"port_range_min": number + 1, "port_range_max": number + 1},
            "subnetpools": {"name": str(number), "prefixes": [f"10.{number}.0.0/16"]},
        }[what]

    def add(numbers: int) -> None:
        key = {"security-groups": "security_group", "security-group-rules": "security_group_rule"}.get(what, what[:-1])
        for number in range(fill.made, fill.made + numbers):  # type: ignore[attr-defined]
            answer = network.client.post(f"/v2.0/{what}", json={key: requested(number)}, as_=network.book.admin)
            assert answer.status_code == 201, answer.text
        fill.made += numbers  # type: ignore[attr-defined]

    fill.made = 0  # type: ignore[attr-defined]
    return add


@pytest.mark.parametrize(
    "what",
    [
        "networks",
        "subnets",
        "ports",
        "routers",
        "floatingips",
        "security-groups",
        "security-group-rules",
        "subnetpools",
    ],
)
def test_lists_cost_the_same_whatever_their_length(network: NetworkFixture, what: str) -> None:
    client, book = network.client, network.book
    quotas = dict.fromkeys(
        ("network", "subnet", "port", "router", "floatingip", "security_group", "security_group_rule"), -1
    )
    client.put("/v2.0/quotas/p1", json={"quota": quotas}, as_=book.admin)
    add = fill(network, what)
    add(10)
    with count_statements(network.sessions) as few:
        client.get(f"/v2.0/{what}", as_=book.member)
    add(90)
    with count_statements(network.sessions) as many:
        assert len(client.get(f"/v2.0/{what}", as_=book.member).get_json()[what.replace("-", "_")]) >= 100
    assert len(few) == len(many) <= 6


def test_statements_of_a_port(network: NetworkFixture) -> None:
    client, book = network.client, network.book
    net = network.made("network", {})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})
    network.made("port", {"network_id": net})
    requested = {
        "network_id": net,
        "project_id": "p1",
        "device_id": "vm",
        "device_owner": "compute:nova",
        "binding:host_id": "host1",
    }
    with count_statements(network.sessions) as one:
        assert client.post("/v2.0/ports", json={"port": requested}, as_=book.service).status_code == 201
    assert len(one) <= PORT_CREATE // 2 + 1, "one of them notes for the host what changed (decision 0016)"
    with count_statements(network.sessions) as ten:
        assert client.post("/v2.0/ports", json={"ports": [requested] * 10}, as_=book.service).status_code == 201
    assert len(ten) == len(one), "ten at once cost what one costs"
    with count_statements(network.sessions) as shown:
        client.get("/v2.0/ports?limit=1", as_=book.member)
    assert len(shown) <= 3


def test_the_host_state_costs_the_same_whatever_its_size(network: NetworkFixture) -> None:
    client, book = network.client, network.book
    net = network.made("network", {})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/16"})
    requested = {"network_id": net, "binding:host_id": "host1", "device_owner": "compute:nova"}

    def cost() -> int:
        client.post("/v2.0/ports", json={"ports": [requested] * 20}, as_=book.admin)
        with count_statements(network.sessions) as seen:
            network.control.get_host_state("host1", -1)
        return len(seen)

    assert cost() == cost() <= 16


def test_statements_of_an_unbound_port(network: NetworkFixture) -> None:
    """No host is notified of it, no sync is recorded for it, and its host reads all such changes at once."""
    net = network.made("network", {})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})
    network.made("port", {"network_id": net})
    network.drain()
    state = network.control.get_host_state("host1", -1)
    assert state
    with count_statements(network.sessions) as created:
        for _ in range(5):
            network.made("port", {"network_id": net})
    assert network.notifications.hosts == {} and len(created) <= 5 * 10
    with count_statements(network.sessions) as read:
        change = network.control.get_changes("host1", state.generation)
    assert change and len(change.ports) == 5 and len(read) <= 9
    with count_statements(network.sessions) as reported:
        network.control.report_changes("host1", change.generation, ReportChange())
    assert len(reported) <= 6
