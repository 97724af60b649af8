"""Auto-allocated topologies ("get me a network")."""

from typing import Any

from pileus_network.testing import NetworkFixture

OURS = ("networks", "subnets", "routers")


def prepare(network: NetworkFixture) -> None:
    admin = network.operator
    public = network.public(as_=admin)["id"]
    network.client.put(f"/v2.0/networks/{public}", json={"network": {"is_default": True}}, as_=admin)
    pool = {
        "name": "default",
        "prefixes": ["10.200.0.0/16"],
        "default_prefixlen": 26,
        "is_default": True,
        "shared": True,
    }
    network.made("subnetpool", pool, admin)


def test_the_topology_is_created_once_and_deleted(network: NetworkFixture, ask: Any) -> None:
    prepare(network)
    assert (
        ask("GET", "auto-allocated-topology/None?fields=dry-run")[1]["auto_allocated_topology"]["id"] == "dry-run=pass"
    )
    first = ask("GET", "auto-allocated-topology/None")[1]["auto_allocated_topology"]["id"]
    assert ask("GET", "auto-allocated-topology/p1")[1]["auto_allocated_topology"]["id"] == first
    port = network.made("port", {"network_id": first})
    floating = ask("GET", "networks?router:external=true")[1]["networks"][0]["id"]
    network.made("floatingip", {"floating_network_id": floating, "port_id": port["id"]})
    assert ask("DELETE", "auto-allocated-topology/None")[0] == 409
    ask("DELETE", f"ports/{port['id']}")
    assert ask("DELETE", "auto-allocated-topology/None")[0] == 204
    assert [ask("GET", f"{noun}?project_id=p1")[1][noun] for noun in OURS] == [[], [], []]
    assert ask("DELETE", "auto-allocated-topology/None") == (404, "AutoAllocatedTopologyNotFound")


def test_a_missing_prerequisite_is_named_and_nothing_is_created(network: NetworkFixture, ask: Any) -> None:
    assert ask("GET", "auto-allocated-topology/None") == (409, "AutoAllocationFailure")
    assert ask("GET", "auto-allocated-topology/None?fields=dry-run") == (409, "AutoAllocationFailure")
    assert ask("GET", "auto-allocated-topology/p2") == (403, "PolicyNotAuthorized")
    assert ask("GET", "networks")[1] == {"networks": []}


def test_readers_can_not_create(network: NetworkFixture, ask: Any) -> None:
    prepare(network)
    assert ask("GET", "auto-allocated-topology/None", as_=network.book.reader)[0] == 403
    assert ask("GET", "auto-allocated-topology/None?fields=dry-run", as_=network.book.reader)[0] == 200
