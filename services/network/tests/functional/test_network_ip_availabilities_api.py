"""IP availabilities of networks."""

from typing import Any

from pileus_network.testing import NetworkFixture


def test_total_and_used_addresses(network: NetworkFixture, ask: Any) -> None:
    net = network.made("network", {"name": "n"})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})
    network.made("port", {"network_id": net})
    admin = network.book.admin
    found = ask("GET", f"network-ip-availabilities/{net}", as_=admin)[1]["network_ip_availability"]
    assert (found["total_ips"], found["used_ips"]) == (253, 2), "the DHCP port has the other one"
    assert [subnet["cidr"] for subnet in found["subnet_ip_availability"]] == ["10.0.0.0/24"]
    empty = network.made("network", {})["id"]
    found = ask("GET", f"network-ip-availabilities/{empty}", as_=admin)[1]["network_ip_availability"]
    assert (found["total_ips"], found["used_ips"], found["subnet_ip_availability"]) == (0, 0, [])


def test_filters(network: NetworkFixture, ask: Any) -> None:
    net = network.made("network", {"name": "n"})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})
    other = network.made("network", {"name": "o"}, network.book.other)["id"]
    admin = network.book.admin

    def found(query: str) -> set[str]:
        rows = ask("GET", f"network-ip-availabilities?{query}", as_=admin)[1]["network_ip_availabilities"]
        return {row["network_id"] for row in rows}

    assert found("") == {net, other}
    assert found("ip_version=4") == found("network_name=n") == found("project_id=p1") == {net}
    assert found("ip_version=6") == found("network_id=x") == found("ip_version=x") == set()
    assert found("tenant_id=p2") == {other}
    assert ask("GET", "network-ip-availabilities?x=1", as_=admin) == (400, "HTTPBadRequest")


def test_refusals(network: NetworkFixture, ask: Any) -> None:
    net = network.made("network", {})["id"]
    assert ask("GET", "network-ip-availabilities")[0] == 403
    assert ask("GET", f"network-ip-availabilities/{net}")[0] == 403
    assert ask("GET", "network-ip-availabilities/x", as_=network.book.admin) == (404, "NetworkNotFound")
