"""Subnet pools."""

from typing import Any

import pytest

from pileus_network.testing import NetworkFixture


def test_create_list_show_update_delete(network: NetworkFixture, ask: Any) -> None:
    made = network.made(
        "subnetpool", {"name": "p", "prefixes": ["10.11.12.0/24", "10.11.13.0/24"], "min_prefixlen": 29}
    )
    assert made["prefixes"] == ["10.11.12.0/23"] and (
        made["min_prefixlen"],
        made["max_prefixlen"],
        made["default_prefixlen"],
    ) == ("29", "32", "29")
    assert [p["id"] for p in ask("GET", "subnetpools?name=p")[1]["subnetpools"]] == [made["id"]]
    assert ask("PUT", f"subnetpools/{made['id']}", {"subnetpool": {"name": "q"}})[1]["subnetpool"]["name"] == "q"
    assert ask("PUT", f"subnetpools/{made['id']}", {"subnetpool": {"prefixes": ["10.0.0.0/24"]}}) == (
        400,
        "IllegalSubnetPoolPrefixUpdate",
    )
    assert ask("GET", f"subnetpools/{made['id']}", as_=network.book.other) == (404, "SubnetPoolNotFound")
    assert ask("DELETE", f"subnetpools/{made['id']}")[0] == 204


@pytest.mark.parametrize(
    "requested",
    [
        {"prefixes": []},
        {"prefixes": ["10.0.0.0/8", "fd00::/48"]},
        {"prefixes": ["x"]},
        {"prefixes": ["10.0.0.0/8"], "min_prefixlen": 33},
        {"prefixes": ["10.0.0.0/8"], "min_prefixlen": 26, "max_prefixlen": 25},
        {"prefixes": ["10.0.0.0/8"], "default_prefixlen": 7},
    ],
)
def test_bad_pools(ask: Any, requested: dict[str, Any]) -> None:
    assert ask("POST", "subnetpools", {"subnetpool": {"name": "p"} | requested})[0] == 400


def test_the_lowest_free_prefix_is_allocated(network: NetworkFixture, ask: Any) -> None:
    pool = network.made(
        "subnetpool", {"name": "p", "prefixes": ["10.0.0.0/24"], "default_prefixlen": 26, "min_prefixlen": 26}
    )["id"]
    net = network.made("network", {})["id"]

    def carve(**requested: Any) -> tuple[int, Any]:
        status, body = ask(
            "POST", "subnets", {"subnet": {"network_id": net, "ip_version": 4, "subnetpool_id": pool} | requested}
        )
        return status, body["subnet"]["cidr"] if status == 201 else body

    assert carve() == (201, "10.0.0.0/26")
    assert carve(cidr="10.0.0.128/26") == (201, "10.0.0.128/26")
    assert carve() == (201, "10.0.0.64/26")
    assert carve(cidr="10.0.0.128/26") == (409, "SubnetAllocationError")
    assert carve(prefixlen=25) == (400, "InvalidInput")
    assert carve(cidr="192.0.2.0/24") == (400, "InvalidInput")  # the length is judged before the place
    assert carve() == (201, "10.0.0.192/26")
    assert carve() == (409, "SubnetAllocationError")
    assert carve(ip_version=6) == (400, "InvalidInput")
    assert ask("DELETE", f"subnetpools/{pool}") == (409, "SubnetPoolInUse")


def test_the_default_pool_and_quotas(network: NetworkFixture, ask: Any) -> None:
    net = network.made("network", {})["id"]
    requested = {"subnet": {"network_id": net, "ip_version": 4, "use_default_subnetpool": True}}
    assert ask("POST", "subnets", requested) == (404, "SubnetPoolNotFound")
    pool = {
        "name": "p",
        "prefixes": ["10.0.0.0/16"],
        "default_prefixlen": 24,
        "is_default": True,
        "shared": True,
        "default_quota": 256,
    }
    assert ask("POST", "subnetpools", {"subnetpool": pool}) == (403, "PolicyNotAuthorized")
    network.made("subnetpool", pool, network.book.admin)
    assert ask("POST", "subnetpools", {"subnetpool": pool | {"name": "q"}}, as_=network.book.admin) == (
        400,
        "InvalidInput",
    )
    assert ask("POST", "subnets", requested)[1]["subnet"]["cidr"] == "10.0.0.0/24"
    assert ask("POST", "subnets", requested) == (409, "SubnetPoolQuotaExceeded")
