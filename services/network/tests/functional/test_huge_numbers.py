"""Numbers that no database and no int() takes are answered like other wrong ones, or count as very large."""

import pytest

from pileus_network.testing import NetworkFixture

HUGE = ("9" * 30, "9" * 5000)


@pytest.mark.parametrize(
    "query",
    [
        "networks?limit={}",
        "network-ip-availabilities?ip_version={}",
        "networks?mtu={}",
        "subnets?ip_version={}",
        "security-group-rules?port_range_min={}",
    ],
)
def test_in_queries(network: NetworkFixture, query: str) -> None:
    for number in HUGE:
        answer = network.client.get(f"/v2.0/{query.format(number)}", as_=network.book.admin)
        assert answer.status_code in (200, 400), answer.text


def test_in_conditions_and_rules(network: NetworkFixture) -> None:
    made = network.made("network", {"name": "n"})["id"]
    group = network.made("security_group", {"name": "g"})["id"]
    for number in HUGE:
        changed = network.client.put(
            f"/v2.0/networks/{made}",
            json={"network": {"name": "x"}},
            as_=network.book.member,
            headers={"If-Match": f"revision_number={number}"},
        )
        assert changed.status_code == 412
        rule = {"security_group_id": group, "direction": "ingress", "protocol": number}
        answer = network.client.post(
            "/v2.0/security-group-rules", json={"security_group_rule": rule}, as_=network.book.member
        )
        assert answer.status_code == 400
