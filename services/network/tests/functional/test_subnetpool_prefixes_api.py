"""Prefixes that are added to a subnet pool and removed from it (extension subnetpool-prefix-ops)."""

from typing import Any

import pytest

from pileus_network.testing import NetworkFixture

OPERATIONS = ("add_prefixes", "remove_prefixes")


@pytest.fixture
def pool(network: NetworkFixture) -> str:
    asked = {"name": "p", "prefixes": ["10.0.0.0/24"], "default_prefixlen": 26, "min_prefixlen": 25}
    return str(network.made("subnetpool", asked)["id"])


def test_added_prefixes_are_merged_and_allocated(network: NetworkFixture, ask: Any, pool: str) -> None:
    url = f"subnetpools/{pool}"
    revision = ask("GET", url)[1]["subnetpool"]["revision_number"]
    added = {"prefixes": ["10.0.1.0/24", "192.0.2.9/25"]}
    assert ask("PUT", f"{url}/add_prefixes", added) == (200, {"prefixes": ["10.0.0.0/23", "192.0.2.0/25"]})
    shown = ask("GET", url)[1]["subnetpool"]
    assert shown["prefixes"] == ["10.0.0.0/23", "192.0.2.0/25"] and shown["revision_number"] == revision + 1
    subnet = {
        "network_id": network.made("network", {})["id"],
        "ip_version": 4,
        "subnetpool_id": pool,
        "cidr": "192.0.2.0/25",
    }
    assert ask("POST", "subnets", {"subnet": subnet})[0] == 201


def test_what_remains_of_a_prefix_stays_in_the_pool(ask: Any, pool: str) -> None:
    url = f"subnetpools/{pool}"

    def remove(*prefixes: str) -> Any:
        return ask("PUT", f"{url}/remove_prefixes", {"prefixes": prefixes})

    assert remove("10.0.0.64/26") == (200, {"prefixes": ["10.0.0.0/26", "10.0.0.128/25"]})
    revision = ask("GET", url)[1]["subnetpool"]["revision_number"]
    for absent in ("10.0.0.64/26", "192.0.2.0/24", "fd00::/64"):
        assert remove(absent) == (200, {"prefixes": ["10.0.0.0/26", "10.0.0.128/25"]})
    assert ask("GET", url)[1]["subnetpool"]["revision_number"] == revision
    assert remove("10.0.0.0/24") == (200, {"prefixes": []})
    assert ask("PUT", f"{url}/add_prefixes", {"prefixes": ["10.0.0.0/25"]}) == (200, {"prefixes": ["10.0.0.0/25"]})


def test_prefixes_of_subnets_are_not_removed(network: NetworkFixture, ask: Any, pool: str) -> None:
    url = f"subnetpools/{pool}"
    asked = {"network_id": network.made("network", {})["id"], "ip_version": 4, "subnetpool_id": pool}
    subnet = ask("POST", "subnets", {"subnet": asked})[1]["subnet"]
    assert subnet["cidr"] == "10.0.0.0/26"
    for removed in ("10.0.0.0/26", "10.0.0.0/8", "10.0.0.7/32"):
        refused = ask("PUT", f"{url}/remove_prefixes", {"prefixes": ["10.0.0.128/25", removed]})
        assert refused == (400, "IllegalSubnetPoolPrefixUpdate")
    assert ask("PUT", f"{url}/remove_prefixes", {"prefixes": ["10.0.0.128/25"]})[1] == {"prefixes": ["10.0.0.0/25"]}
    assert ask("DELETE", f"subnets/{subnet['id']}")[0] == 204
    assert ask("PUT", f"{url}/remove_prefixes", {"prefixes": ["10.0.0.0/26"]})[1] == {"prefixes": ["10.0.0.64/26"]}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"prefixes": []},
        {"prefixes": None},
        {"prefixes": "10.0.0.0/24"},
        {"prefixes": {"10.0.0.0/24": 1}},
        {"prefixes": ["x"]},
        {"prefixes": ["10.0.0.0"]},
        {"prefixes": ["10.1.0.0/24", "10.1.0.0/24"]},
        {"prefixes": [f"10.{number}.0.0/16" for number in range(101)]},
    ],
)
def test_bodies_without_a_list_of_prefixes_are_refused(ask: Any, pool: str, operation: str, body: Any) -> None:
    assert ask("PUT", f"subnetpools/{pool}/{operation}", body)[0] == 400


def test_prefixes_of_another_ip_version_are_not_added(ask: Any, pool: str) -> None:
    added = ask("PUT", f"subnetpools/{pool}/add_prefixes", {"prefixes": ["fd00::/64"]})
    assert added == (400, "InvalidInput")


def test_a_pool_has_at_most_100_prefixes(ask: Any, pool: str) -> None:
    url = f"subnetpools/{pool}"
    added = [f"172.16.0.{2 * number}/32" for number in range(100)]
    assert ask("PUT", f"{url}/add_prefixes", {"prefixes": added}) == (400, "InvalidInput")
    assert ask("PUT", f"{url}/add_prefixes", {"prefixes": added[:99]})[0] == 200
    assert ask("PUT", f"{url}/remove_prefixes", {"prefixes": ["10.0.0.7/32"]}) == (400, "InvalidInput")
    assert ask("PUT", f"{url}/remove_prefixes", {"prefixes": [*added[:50], "10.0.0.7/32"]})[0] == 200


def test_prefixes_that_the_address_scope_has_already_are_not_added(network: NetworkFixture, ask: Any) -> None:
    scope = ask("POST", "address-scopes", {"address_scope": {"name": "s", "ip_version": 4}})[1]["address_scope"]["id"]
    for name, prefix in (("first", "10.0.0.0/24"), ("second", "10.0.1.0/24")):
        made = network.made("subnetpool", {"name": name, "prefixes": [prefix], "address_scope_id": scope})
    conflict = ask("PUT", f"subnetpools/{made['id']}/add_prefixes", {"prefixes": ["10.0.0.128/25"]})
    assert conflict == (409, "AddressScopePrefixConflict")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_only_members_of_the_owning_project_change_prefixes(
    network: NetworkFixture, ask: Any, pool: str, operation: str
) -> None:
    book, body = network.book, {"prefixes": ["10.0.1.0/24"]}
    url = f"subnetpools/{pool}/{operation}"
    assert ask("PUT", url, body, as_=book.other) == (404, "SubnetPoolNotFound")
    assert ask("PUT", url, body, as_=book.reader) == (403, "PolicyNotAuthorized")
    assert ask("PUT", url, body, as_=book.admin)[0] == 200
    shared = network.made("subnetpool", {"name": "s", "prefixes": ["10.3.0.0/16"], "shared": True}, book.admin)["id"]
    assert ask("PUT", f"subnetpools/{shared}/{operation}", body, as_=book.other) == (403, "PolicyNotAuthorized")


def test_clients_find_the_extension(ask: Any) -> None:
    assert ask("GET", "extensions/subnetpool-prefix-ops")[0] == 200
