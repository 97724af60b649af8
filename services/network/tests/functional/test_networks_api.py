"""Networks: bodies, rights, sharing, lists."""

from typing import Any

import pytest

from pileus_network.testing import NetworkFixture

MINE = {
    "name",
    "id",
    "admin_state_up",
    "status",
    "shared",
    "router:external",
    "mtu",
    "subnets",
    "project_id",
    "tenant_id",
    "tags",
    "description",
    "port_security_enabled",
    "availability_zones",
    "availability_zone_hints",
    "created_at",
    "updated_at",
    "revision_number",
    "ipv4_address_scope",
    "ipv6_address_scope",
}
PROVIDER = {"provider:network_type", "provider:physical_network", "provider:segmentation_id"}


def test_a_new_network_has_the_defaults_and_hides_the_provider(network: NetworkFixture, ask: Any) -> None:
    made = network.made("network", {})
    assert set(made) == MINE
    assert (made["name"], made["admin_state_up"], made["shared"], made["project_id"]) == ("", True, False, "p1")
    _, body = ask("GET", f"networks/{made['id']}", as_=network.book.admin)
    assert set(body["network"]) == MINE | PROVIDER
    assert body["network"]["provider:network_type"] == "vxlan" and body["network"]["provider:segmentation_id"] >= 4097


def test_networks_never_share_a_segment(network: NetworkFixture) -> None:
    book = network.book
    made = [network.made("network", {}, book.admin)["provider:segmentation_id"] for _ in range(20)]
    assert len(set(made)) == 20


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"network": {"nme": "x"}}, "HTTPBadRequest"),
        ({"network": {"name": "x" * 256}}, "HTTPBadRequest"),
        ({"network": {"name": None}}, "HTTPBadRequest"),
        ({"network": {"admin_state_up": "perhaps"}}, "HTTPBadRequest"),
        ({"network": {"id": "00000000-0000-0000-0000-000000000000"}}, "HTTPBadRequest"),
        ({"network": {"mtu": 9000}}, "InvalidInput"),
        ({"network": {"availability_zone_hints": ["mars"]}}, "HTTPBadRequest"),
        ({"network": []}, "HTTPBadRequest"),
        ({"networks": []}, "HTTPBadRequest"),
        ({"networks": [{"name": "a"}, {"nme": "b"}]}, "HTTPBadRequest"),
        ({}, "HTTPBadRequest"),
        ([], "HTTPBadRequest"),
    ],
)
def test_bad_bodies_are_refused_and_leave_nothing(ask: Any, body: Any, kind: str) -> None:
    assert ask("POST", "networks", body) == (400, kind)
    assert ask("GET", "networks")[1] == {"networks": []}


def test_an_unknown_attribute_is_named(network: NetworkFixture) -> None:
    answer = network.client.post("/v2.0/networks", json={"network": {"colour": 1}}, as_=network.book.member)
    assert answer.get_json()["NeutronError"]["message"] == "Unrecognized attribute(s) 'colour'"


@pytest.mark.parametrize(
    "requested",
    [
        {"shared": True},
        {"router:external": True},
        {"provider:network_type": "vxlan"},
        {"provider:physical_network": "public"},
        {"provider:segmentation_id": 5},
        {"is_default": True},
    ],
)
def test_what_only_an_administrator_may_set(ask: Any, requested: dict[str, Any]) -> None:
    assert ask("POST", "networks", {"network": requested}) == (403, "PolicyNotAuthorized")


def test_every_caller_may_give_defaults(ask: Any) -> None:
    assert ask("POST", "networks", {"network": {"shared": False, "router:external": False}})[0] == 201


def test_readers_change_nothing(network: NetworkFixture, ask: Any) -> None:
    made = network.made("network", {})
    reader = network.book.reader
    assert ask("POST", "networks", {"network": {}}, as_=reader)[0] == 403
    assert ask("PUT", f"networks/{made['id']}", {"network": {"name": "x"}}, as_=reader)[0] == 403
    assert ask("DELETE", f"networks/{made['id']}", as_=reader)[0] == 403
    assert ask("GET", f"networks/{made['id']}", as_=reader)[0] == 200


def test_other_projects_see_nothing(network: NetworkFixture, ask: Any) -> None:
    made, other = network.made("network", {}), network.book.other
    assert ask("GET", f"networks/{made['id']}", as_=other) == (404, "NetworkNotFound")
    assert ask("PUT", f"networks/{made['id']}", {"network": {"name": "x"}}, as_=other) == (404, "NetworkNotFound")
    assert ask("DELETE", f"networks/{made['id']}", as_=other) == (404, "NetworkNotFound")
    assert ask("GET", "networks", as_=other)[1] == {"networks": []}
    assert ask("POST", "ports", {"port": {"network_id": made["id"]}}, as_=other) == (404, "NetworkNotFound")
    assert (
        ask(
            "POST", "subnets", {"subnet": {"network_id": made["id"], "ip_version": 4, "cidr": "10.0.0.0/24"}}, as_=other
        )[0]
        == 404
    )


def test_only_an_administrator_acts_for_another_project(network: NetworkFixture, ask: Any) -> None:
    assert ask("POST", "networks", {"network": {"project_id": "p2"}}) == (400, "HTTPBadRequest")
    assert (
        ask("POST", "networks", {"network": {"project_id": "p2", "tenant_id": "p3"}}, as_=network.book.admin)[0] == 400
    )
    made = network.made("network", {"tenant_id": "p2"}, network.book.admin)
    assert made["project_id"] == made["tenant_id"] == "p2"
    assert ask("POST", "networks", {"network": {}}, as_=network.book.system_admin)[0] == 403


def test_a_shared_network_is_seen_but_not_changed_by_others(network: NetworkFixture, ask: Any) -> None:
    book = network.book
    made = network.made("network", {"shared": True}, book.admin)
    status, body = ask("GET", f"networks/{made['id']}", as_=book.other)
    assert status == 200 and body["network"]["shared"] is True
    assert ask("DELETE", f"networks/{made['id']}", as_=book.other) == (403, "PolicyNotAuthorized")
    subnet = network.made("subnet", {"network_id": made["id"], "ip_version": 4, "cidr": "10.0.0.0/24"}, book.admin)
    assert [s["id"] for s in ask("GET", "subnets", as_=book.other)[1]["subnets"]] == [subnet["id"]]
    port = network.made("port", {"network_id": made["id"], "fixed_ips": [{"subnet_id": subnet["id"]}]}, book.other)
    requested = {"port": {"network_id": made["id"], "fixed_ips": [{"ip_address": "10.0.0.77"}]}}
    assert ask("POST", "ports", requested, as_=book.other) == (403, "PolicyNotAuthorized")
    assert ask("PUT", f"networks/{made['id']}", {"network": {"shared": False}}, as_=book.admin) == (
        409,
        "InvalidSharedSetting",
    )
    assert ask("DELETE", f"ports/{port['id']}", as_=book.other)[0] == 204
    assert ask("PUT", f"networks/{made['id']}", {"network": {"shared": False}}, as_=book.admin)[0] == 200
    assert ask("GET", f"networks/{made['id']}", as_=book.other)[0] == 404


def test_an_external_network_is_seen_by_all_its_subnets_are_not(network: NetworkFixture, ask: Any) -> None:
    public, book = network.public(), network.book
    assert [n["id"] for n in ask("GET", "networks?router:external=True")[1]["networks"]] == [public["id"]]
    assert ask("GET", "networks?router:external=False")[1] == {"networks": []}
    subnet = ask("GET", "subnets", as_=book.admin)[1]["subnets"][0]["id"]
    assert ask("GET", f"networks/{public['id']}", as_=book.other)[1]["network"]["subnets"] == [subnet]
    assert ask("GET", f"subnets/{subnet}", as_=book.other) == (404, "SubnetNotFound")
    assert ask("GET", "subnets", as_=book.other)[1] == {"subnets": []}
    requested = {
        "network": {"router:external": True, "provider:network_type": "flat", "provider:physical_network": "public"}
    }
    assert ask("POST", "networks", requested, as_=book.admin) == (409, "FlatNetworkInUse")


@pytest.mark.parametrize(
    ("requested", "status"),
    [
        ({"provider:network_type": "flat"}, 400),
        ({"provider:network_type": "token-ring", "provider:physical_network": "x"}, 400),
        ({"provider:network_type": "vlan", "provider:physical_network": "x"}, 400),
        ({"provider:network_type": "vlan", "provider:physical_network": "x", "provider:segmentation_id": 4095}, 400),
        ({"provider:network_type": "vlan", "provider:physical_network": "x", "provider:segmentation_id": 7}, 201),
        ({"provider:network_type": "vxlan", "provider:segmentation_id": 7}, 201),
        ({"provider:segmentation_id": 7}, 400),
    ],
)
def test_provider_attributes_fit_each_other(
    network: NetworkFixture, ask: Any, requested: dict[str, Any], status: int
) -> None:
    assert ask("POST", "networks", {"network": requested}, as_=network.book.admin)[0] == status
    if status == 201:
        assert ask("POST", "networks", {"network": requested}, as_=network.book.admin)[0] == 409


def test_update_changes_what_it_names_and_counts_revisions(network: NetworkFixture, ask: Any) -> None:
    made = network.made("network", {"name": "a", "description": "d"})
    status, body = ask(
        "PUT", f"networks/{made['id']}", {"network": {"name": "b", "admin_state_up": False, "mtu": 1300}}
    )
    assert status == 200
    changed = body["network"]
    assert (changed["name"], changed["description"], changed["admin_state_up"], changed["mtu"]) == (
        "b",
        "d",
        False,
        1300,
    )
    assert changed["revision_number"] == made["revision_number"] + 1
    assert ask("PUT", f"networks/{made['id']}", {"network": {"id": "x"}}) == (400, "HTTPBadRequest")
    assert ask("PUT", f"networks/{made['id']}", {"network": {"project_id": "p2"}}) == (400, "HTTPBadRequest")
    stale = {"If-Match": f"revision_number={made['revision_number']}"}
    assert ask("PUT", f"networks/{made['id']}", {"network": {"name": "c"}}, headers=stale) == (
        412,
        "RevisionNumberConstraintFailed",
    )


def test_bulk_is_all_or_nothing(ask: Any) -> None:
    status, body = ask("POST", "networks", {"networks": [{"name": "a"}, {"name": "b"}]})
    assert status == 201 and [n["name"] for n in body["networks"]] == ["a", "b"]
    assert ask("POST", "networks", {"networks": [{"name": "c"}, {"name": "d", "mtu": 9000}]})[0] == 400
    assert len(ask("GET", "networks")[1]["networks"]) == 2


def test_filters_fields_and_sorting(network: NetworkFixture, ask: Any) -> None:
    ids = {name: network.made("network", {"name": name, "admin_state_up": name != "b"})["id"] for name in "abc"}

    def names(query: str) -> list[str]:
        return [n["name"] for n in ask("GET", f"networks?{query}&fields=name")[1]["networks"]]

    assert sorted(names("name=a&name=c")) == ["a", "c"]
    assert names(f"id={ids['b']}") == ["b"]
    assert names("admin_state_up=False") == ["b"]
    assert names("sort_key=name&sort_dir=desc") == ["c", "b", "a"]
    assert names("sort_key=admin_state_up&sort_key=name&sort_dir=asc&sort_dir=desc") == ["b", "c", "a"]
    assert names("status=DOWN") == [] and len(names("status=ACTIVE")) == 3
    assert names("shared=true") == [] and len(names("shared=false")) == 3
    assert ask("GET", "networks?fields=id&fields=name&name=a")[1] == {"networks": [{"id": ids["a"], "name": "a"}]}
    for bad in (
        "colour=red",
        "sort_key=colour",
        "sort_key=name&sort_dir=up",
        "limit=-1",
        "limit=x",
        "marker=nowhere",
        "admin_state_up=perhaps",
        "sort_key=name&sort_dir=asc&sort_dir=asc",
    ):
        assert ask("GET", f"networks?{bad}") == (400, "HTTPBadRequest"), bad


def test_pages_join_up_in_both_directions(network: NetworkFixture, ask: Any) -> None:
    for number in range(7):
        network.made("network", {"name": f"n{number}"})
    pages, url = [], "networks?limit=3&sort_key=name"
    while url:
        body = ask("GET", url)[1]
        pages.append([n["name"] for n in body["networks"]])
        links = {link["rel"]: link["href"].split("/v2.0/")[1] for link in body.get("networks_links", [])}
        url = links.get("next", "")
    assert pages == [["n0", "n1", "n2"], ["n3", "n4", "n5"], ["n6"]]
    back = ask("GET", links["previous"])[1]
    assert [n["name"] for n in back["networks"]] == ["n3", "n4", "n5"]
    rels = {link["rel"]: link["href"].split("/v2.0/")[1] for link in back["networks_links"]}
    assert [n["name"] for n in ask("GET", rels["previous"])[1]["networks"]] == ["n0", "n1", "n2"]
    assert "networks_links" not in ask("GET", "networks")[1]


def test_deleting_takes_subnets_and_dhcp_along_but_no_ports(network: NetworkFixture, ask: Any) -> None:
    made = network.made("network", {})
    network.made("subnet", {"network_id": made["id"], "ip_version": 4, "cidr": "10.0.0.0/24"})
    port = network.made("port", {"network_id": made["id"]})
    assert ask("DELETE", f"networks/{made['id']}") == (409, "NetworkInUse")
    assert ask("DELETE", f"ports/{port['id']}")[0] == 204
    assert ask("DELETE", f"networks/{made['id']}")[0] == 204
    assert ask("GET", "subnets")[1] == {"subnets": []} and ask("GET", "ports")[1] == {"ports": []}
    assert ask("DELETE", f"networks/{made['id']}") == (404, "NetworkNotFound")


def test_a_free_vlan_is_chosen(network: NetworkFixture, ask: Any) -> None:
    admin = network.book.admin
    requested = {"provider:network_type": "vlan", "provider:physical_network": "public"}
    made = [network.made("network", requested, admin)["provider:segmentation_id"] for _ in range(3)]
    assert made == [1, 2, 3]
    anywhere = network.made("network", {"provider:network_type": "vlan"}, admin)
    assert (anywhere["provider:physical_network"], anywhere["provider:segmentation_id"]) == ("public", 4)
    unknown = {"network": requested | {"provider:physical_network": "nowhere"}}
    assert ask("POST", "networks", unknown, as_=admin) == (400, "InvalidInput")


def test_vlans_are_chosen_from_the_configured_ranges(tmp_path: Any) -> None:
    with NetworkFixture(tmp_path, vlan_ranges=("public:100:101",)) as network:
        admin = network.book.admin
        requested = {"provider:network_type": "vlan", "provider:physical_network": "public"}
        assert [network.made("network", requested, admin)["provider:segmentation_id"] for _ in range(2)] == [100, 101]
        full = network.client.post("/v2.0/networks", json={"network": requested}, as_=admin)
        assert (full.status_code, full.get_json()["NeutronError"]["type"]) == (503, "NoNetworkAvailable")
