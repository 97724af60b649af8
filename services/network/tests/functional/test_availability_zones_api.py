"""Availability zones and service providers."""

from typing import Any

from pileus_network.testing import NetworkFixture


def test_the_zone_is_of_networks_and_routers(network: NetworkFixture, ask: Any) -> None:
    zones = ask("GET", "availability_zones")[1]["availability_zones"]
    assert {(zone["name"], zone["resource"], zone["state"]) for zone in zones} == {
        ("nova", "network", "available"),
        ("nova", "router", "available"),
    }


def test_hints_must_name_the_zone(network: NetworkFixture, ask: Any) -> None:
    assert ask("POST", "networks", {"network": {"availability_zone_hints": ["nova"]}})[0] == 201
    assert ask("POST", "networks", {"network": {"availability_zone_hints": ["mars"]}}) == (400, "HTTPBadRequest")
    net = network.made("network", {})["id"]
    assert ask("GET", f"networks/{net}")[1]["network"]["availability_zones"] == []
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})
    assert ask("GET", f"networks/{net}")[1]["network"]["availability_zones"] == ["nova"]
    assert [row["id"] for row in ask("GET", "networks?availability_zones=nova")[1]["networks"]] == [net]
    assert ask("GET", "networks?availability_zones=mars")[1]["networks"] == []
    assert ask("GET", "networks?status=DOWN")[1]["networks"] == []


def test_the_service_provider(network: NetworkFixture, ask: Any) -> None:
    assert ask("GET", "service-providers")[1]["service_providers"] == [
        {"service_type": "L3_ROUTER_NAT", "name": "pileus", "default": True}
    ]
    assert ask("GET", "service-providers?fields=name")[1]["service_providers"] == [{"name": "pileus"}]
