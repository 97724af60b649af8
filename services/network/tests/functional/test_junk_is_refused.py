"""Junk in every attribute and query is refused; it never causes a failure."""

from typing import Any

import pytest

from pileus_network.api import (
    address_scopes,
    floatingips,
    networks,
    ports,
    quotas,
    rbac_policies,
    routers,
    security_group_rules,
    security_groups,
    subnetpools,
    subnets,
)
from pileus_network.core import address_scopes as core_address_scopes
from pileus_network.core import floatingips as core_floatingips
from pileus_network.core import networks as core_networks
from pileus_network.core import port_lists
from pileus_network.core import rbac_policies as core_rbac_policies
from pileus_network.core import routers as core_routers
from pileus_network.core import security_group_rules as core_security_group_rules
from pileus_network.core import security_groups as core_security_groups
from pileus_network.core import subnetpools as core_subnetpools
from pileus_network.core import subnets as core_subnets
from pileus_network.testing import NetworkFixture

JUNK: list[Any] = [
    None, True, -1, 10**30, 1.5, "", "x" * 300, "10.0.0.0/8", "10.0.0.1", "fd00::/8", "\u2028é", [], [None], [[]],
    ["x"], [{}], {}, {"network_id": []}, [{"ip_address": {}}], [{"start": 1, "end": []}],
    "00000000-0000-0000-0000-00000000000a",
]  # fmt: skip
NOUNS = [address_scopes, floatingips, networks, ports, rbac_policies, routers, security_group_rules, security_groups,
         subnetpools, subnets]  # fmt: skip

LISTINGS = [
    core_address_scopes.LISTING,
    core_floatingips.LISTING,
    core_networks.LISTING,
    port_lists.LISTING,
    core_rbac_policies.LISTING,
    core_routers.LISTING,
    core_security_group_rules.LISTING,
    core_security_groups.LISTING,
    core_subnetpools.LISTING,
    core_subnets.LISTING,
]


def valid(network: NetworkFixture) -> dict[str, dict[str, Any]]:
    net = network.made("network", {}, network.book.admin)["id"]
    group = network.made("security_group", {"name": "g"}, network.book.admin)["id"]
    return {
        "address_scope": {"name": "a", "ip_version": 4},
        "floatingip": {"floating_network_id": network.public()["id"]},
        "network": {},
        "port": {"network_id": net},
        "rbac_policy": {
            "object_type": "network",
            "object_id": net,
            "action": "access_as_shared",
            "target_tenant": "p9",
        },
        "router": {},
        "security_group_rule": {"security_group_id": group, "direction": "ingress"},
        "security_group": {"name": "g"},
        "subnetpool": {"name": "p", "prefixes": ["10.0.0.0/8"]},
        "subnet": {"network_id": net, "ip_version": 4, "cidr": "10.1.0.0/16"},
    }


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.ATTRIBUTE_MAP.noun)
def test_attributes(network: NetworkFixture, noun: Any) -> None:
    attribute_map, client, admin = noun.ATTRIBUTE_MAP, network.client, network.book.admin
    base, url = valid(network)[attribute_map.noun], noun.resource.url_prefix
    client.put(
        "/v2.0/quotas/p1", json={"quota": dict.fromkeys(("network", "port", "router", "security_group"), -1)}, as_=admin
    )
    made = client.post(url, json={attribute_map.noun: base}, as_=admin).get_json()[attribute_map.noun]["id"]
    for name in [*attribute_map.attributes, "project_id", "tenant_id"]:
        for junk in JUNK:
            for method, path, body in (("POST", url, base | {name: junk}), ("PUT", f"{url}/{made}", {name: junk})):
                answer = client.request(method, path, json={attribute_map.noun: body}, as_=admin)
                assert answer.status_code < 500, f"{method} {name}={junk!r}: {answer.text}"


@pytest.mark.parametrize(
    ("noun", "listing"), zip(NOUNS, LISTINGS, strict=True), ids=[noun.ATTRIBUTE_MAP.noun for noun in NOUNS]
)
def test_queries(network: NetworkFixture, noun: Any, listing: Any) -> None:
    client, url = network.client, noun.resource.url_prefix
    names = [
        *listing.columns,
        *listing.flags,
        *listing.clauses,
        "tags",
        "not-tags-any",
        "limit",
        "marker",
        "sort_key",
        "sort_dir",
        "fields",
        "page_reverse",
        "changed_since",
        "nonsense",
    ]
    for name in names:
        for junk in ("", "x", "-1", "9" * 40, "%00", "a=b", "ip_address=", "é", "true", "1e9", "[]", "*"):
            answer = client.get(f"{url}?{name}={junk}", as_=network.book.member)
            assert answer.status_code < 500, f"{name}={junk}: {answer.text}"


def test_bodies_that_are_no_objects(network: NetworkFixture) -> None:
    client, admin = network.client, network.book.admin
    for noun in NOUNS:
        for body in (
            [],
            None,
            1,
            "x",
            {noun.ATTRIBUTE_MAP.noun: None},
            {noun.ATTRIBUTE_MAP.plural: {}},
            {noun.ATTRIBUTE_MAP.plural: [None]},
            {noun.ATTRIBUTE_MAP.noun: [1]},
        ):
            assert client.post(noun.resource.url_prefix, json=body, as_=admin).status_code == 400, (noun, body)
    for name in quotas.ATTRIBUTE_MAP.attributes:
        for junk in JUNK:
            assert client.put("/v2.0/quotas/p1", json={"quota": {name: junk}}, as_=admin).status_code < 500
    router = network.made("router", {})["id"]
    for action in ("add_router_interface", "remove_router_interface", "add_extraroutes", "remove_extraroutes"):
        for junk in JUNK:
            for body in (junk, {"subnet_id": junk}, {"port_id": junk}, {"router": junk}, {"router": {"routes": junk}}):
                answer = client.put(f"/v2.0/routers/{router}/{action}", json=body, as_=admin)
                assert answer.status_code < 500, f"{action} {body!r}: {answer.text}"
