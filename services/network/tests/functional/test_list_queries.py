"""Filters and pages of lists, as clients of OpenStack Networking use them."""

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


@pytest.mark.parametrize("path", ["networks", "subnets", "security-groups", "subnetpools", "address-scopes"])
def test_lists_are_filtered_by_shared(resources: Any, ask: Any, path: str) -> None:
    everything = {row["id"] for row in ask("GET", path)[1][plural(path)]}
    found = [{row["id"] for row in ask("GET", f"{path}?shared={value}")[1][plural(path)]} for value in ("false", "1")]
    assert found[0] | found[1] == everything and not found[0] & found[1] and found[0]
    assert ask("GET", f"{path}?shared=maybe") == (400, "HTTPBadRequest")


def test_subnets_are_filtered_by_external_network(resources: Any, ask: Any, network: NetworkFixture) -> None:
    admin = network.book.admin
    outside = ask("GET", "subnets?router:external=True", as_=admin)[1]["subnets"]
    assert [row["network_id"] for row in outside] == [resources["public"]["id"]]
    inside = ask("GET", "subnets?router:external=false", as_=admin)[1]["subnets"]
    assert [row["id"] for row in inside] == [resources["subnet"]["id"]]


def test_lists_are_filtered_by_every_shown_attribute(resources: Any, ask: Any) -> None:
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


def test_lists_are_filtered_by_shown_times(resources: Any, ask: Any) -> None:
    net = ask("GET", f"networks/{resources['network']['id']}")[1]["network"]
    for query in ("created_at", "updated_at"):
        assert net["id"] in {n["id"] for n in ask("GET", f"networks?{query}={net[query]}")[1]["networks"]}
    assert net["id"] in {n["id"] for n in ask("GET", f"networks?changed_since={net['updated_at']}")[1]["networks"]}


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
def test_lists_in_memory_are_filtered(network: NetworkFixture, ask: Any, path: str, query: str, number: int) -> None:
    assert len(ask("GET", f"{path}?{query}", as_=network.book.admin)[1][plural(path)]) == number


@pytest.mark.parametrize("path", ["service-providers?x=1", "availability_zones?zone=nova", "agents?x=1"])
def test_lists_in_memory_refuse_unknown_filters(network: NetworkFixture, ask: Any, path: str) -> None:
    assert ask("GET", path, as_=network.book.admin) == (400, "HTTPBadRequest")
