"""Address scopes: /v2.0/address-scopes."""

from typing import Any

from pileus_network.testing import NetworkFixture


def test_create_list_update_delete(network: NetworkFixture, ask: Any) -> None:
    made = ask("POST", "address-scopes", {"address_scope": {"name": "a", "ip_version": 4}})[1]["address_scope"]
    first = {"name": "p", "prefixes": ["10.0.0.0/16"], "address_scope_id": made["id"]}
    pool = network.made("subnetpool", first)
    twin = {"subnetpool": first | {"prefixes": ["10.0.1.0/24"]}}
    assert ask("POST", "subnetpools", twin) == (409, "AddressScopePrefixConflict")
    assert ask("POST", "subnetpools", {"subnetpool": first | {"prefixes": ["fd00::/48"]}}) == (
        400,
        "IllegalSubnetPoolIpVersionAssociationToAddressScope",
    )
    assert ask("DELETE", f"address-scopes/{made['id']}") == (409, "AddressScopeInUse")
    assert ask("GET", f"address-scopes/{made['id']}", as_=network.book.other) == (404, "AddressScopeNotFound")
    assert ask("PUT", f"address-scopes/{made['id']}", {"address_scope": {"shared": True}}) == (
        403,
        "PolicyNotAuthorized",
    )
    assert (
        ask("PUT", f"address-scopes/{made['id']}", {"address_scope": {"name": "b"}})[1]["address_scope"]["name"] == "b"
    )
    ask("DELETE", f"subnetpools/{pool['id']}")
    assert ask("DELETE", f"address-scopes/{made['id']}")[0] == 204


def test_prefixes_of_a_scope_are_unique_and_owned(network: NetworkFixture, ask: Any) -> None:
    book = network.book
    requested = {"address_scope": {"name": "s", "ip_version": 4, "shared": True}}
    scope = ask("POST", "address-scopes", requested, as_=book.admin)[1]["address_scope"]["id"]
    other = book.other
    pool = {"name": "p", "prefixes": ["10.0.0.0/16"], "address_scope_id": scope}
    mine = network.made("subnetpool", pool, other)["id"]
    twin = {"subnetpool": pool | {"prefixes": ["10.0.128.0/17"]}}
    assert ask("POST", "subnetpools", twin, as_=other) == (409, "AddressScopePrefixConflict")
    change = {"subnetpool": {"prefixes": ["10.0.0.0/15"]}}
    assert ask("PUT", f"subnetpools/{mine}", change, as_=other) == (400, "IllegalSubnetPoolUpdate")
    assert ask("PUT", f"subnetpools/{mine}", change, as_=book.admin)[0] == 200
    assert ask("PUT", f"subnetpools/{mine}", {"subnetpool": {"name": "q"}}, as_=other)[0] == 200
