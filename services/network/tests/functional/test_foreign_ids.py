"""Every id in every body is replaced by that of another project's resource: the answer is as if it didn't exist."""

from typing import Any

import pytest

from pileus_network.api import (
    address_scopes,
    floatingips,
    networks,
    ports,
    rbac_policies,
    routers,
    security_group_rules,
    security_groups,
    subnetpools,
    subnets,
)
from pileus_network.testing import NetworkFixture

SUBNET = {"ip_version": 4, "cidr": "10.0.7.0/24"}
CASES: dict[tuple[str, str], tuple[str, dict[str, Any], int, str]] = {
    # noun, attribute: body of a POST, in which {thing} is the other project's and [thing] the caller's own
    ("subnet", "network_id"): ("subnets", SUBNET | {"network_id": "{network}"}, 404, "NetworkNotFound"),
    ("subnet", "subnetpool_id"): (
        "subnets",
        {"ip_version": 4, "network_id": "[network]", "subnetpool_id": "{subnetpool}"},
        404,
        "SubnetPoolNotFound",
    ),
    ("port", "network_id"): ("ports", {"network_id": "{network}"}, 404, "NetworkNotFound"),
    ("port", "fixed_ips"): (
        "ports",
        {"network_id": "[network]", "fixed_ips": [{"subnet_id": "{subnet}"}]},
        400,
        "InvalidInput",
    ),
    ("port", "security_groups"): (
        "ports",
        {"network_id": "[network]", "security_groups": ["{security_group}"]},
        404,
        "SecurityGroupNotFound",
    ),
    ("port", "device_id"): (
        "ports",
        {"network_id": "[network]", "device_owner": "network:router_interface", "device_id": "{router}"},
        409,
        "DeviceIDNotOwnedByTenant",
    ),
    ("router", "external_gateway_info"): (
        "routers",
        {"external_gateway_info": {"network_id": "{network}"}},
        404,
        "NetworkNotFound",
    ),
    ("floatingip", "floating_network_id"): (
        "floatingips",
        {"floating_network_id": "{network}"},
        404,
        "NetworkNotFound",
    ),
    ("floatingip", "subnet_id"): (
        "floatingips",
        {"floating_network_id": "[public]", "subnet_id": "{subnet}"},
        404,
        "SubnetNotFound",
    ),
    ("floatingip", "port_id"): (
        "floatingips",
        {"floating_network_id": "[public]", "port_id": "{port}"},
        404,
        "PortNotFound",
    ),
    ("security_group_rule", "security_group_id"): (
        "security-group-rules",
        {"security_group_id": "{security_group}", "direction": "ingress"},
        404,
        "SecurityGroupNotFound",
    ),
    ("security_group_rule", "remote_group_id"): (
        "security-group-rules",
        {"security_group_id": "[security_group]", "direction": "ingress", "remote_group_id": "{security_group}"},
        404,
        "SecurityGroupNotFound",
    ),
    ("subnetpool", "address_scope_id"): (
        "subnetpools",
        {"name": "x", "prefixes": ["10.0.0.0/8"], "address_scope_id": "{address_scope}"},
        404,
        "AddressScopeNotFound",
    ),
    ("rbac_policy", "object_id"): (
        "rbac-policies",
        {"object_type": "network", "object_id": "{network}", "action": "access_as_shared", "target_tenant": "p1"},
        404,
        "NetworkNotFound",
    ),
}
LISTS_OF_IDS = {"fixed_ips", "security_groups", "external_gateway_info"}
NO_REFERENCE = {("port", "binding:host_id"), ("network", "provider:segmentation_id")}
"""Names of hosts and segmentation ids, which only administrators and services may set."""


class Projects:
    """The same things twice: one set is the member's, the other another project's."""

    def __init__(self, network: NetworkFixture) -> None:
        self.network = network
        self.public = network.public()["id"]
        self.ids = {
            project: self._things(who) for project, who in (("p1", network.book.member), ("p2", network.book.other))
        }

    def _things(self, who: Any) -> dict[str, str]:
        made = self.network.made
        net = made("network", {}, who)["id"]
        subnet = made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"}, who)["id"]
        router = made("router", {"external_gateway_info": {"network_id": self.public}}, who)["id"]
        add = self.network.client.put(
            f"/v2.0/routers/{router}/add_router_interface", json={"subnet_id": subnet}, as_=who
        )
        assert add.status_code == 200
        return {
            "public": self.public,
            "network": net,
            "subnet": subnet,
            "router": router,
            "interface": add.get_json()["port_id"],
            "port": made("port", {"network_id": net}, who)["id"],
            "security_group": made("security_group", {"name": "g"}, who)["id"],
            "subnetpool": made("subnetpool", {"name": "p", "prefixes": ["10.9.0.0/16"]}, who)["id"],
            "address_scope": self._scope(who),
            "floatingip": made("floatingip", {"floating_network_id": self.public}, who)["id"],
        }

    def _scope(self, who: Any) -> str:
        requested = {"address_scope": {"name": "s", "ip_version": 4}}
        made = self.network.client.post("/v2.0/address-scopes", json=requested, as_=who)
        return str(made.get_json()["address_scope"]["id"])

    def body(self, requested: Any, theirs: str) -> Any:
        """`requested` with ids filled in; {…} are those of the project `theirs`."""
        if isinstance(requested, dict):
            return {name: self.body(value, theirs) for name, value in requested.items()}
        if isinstance(requested, list):
            return [self.body(value, theirs) for value in requested]
        if isinstance(requested, str) and requested[:1] in "{[" and requested:
            return self.ids[theirs if requested[0] == "{" else "p1"][requested[1:-1]]
        return requested


@pytest.fixture
def projects(network: NetworkFixture) -> Projects:
    return Projects(network)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_another_projects_id_is_refused(projects: Projects, ask: Any, case: tuple[str, str]) -> None:
    path, requested, status, kind = CASES[case]
    assert ask("POST", path, {case[0]: projects.body(requested, "p2")}) == (status, kind)
    if case in CHANGEABLE:
        noun, name = case
        value = projects.body(requested, "p2")
        change = {key: value[key] for key in value if key in (name, "device_owner", "external_gateway_info")}
        assert ask("PUT", f"{path}/{projects.ids['p1'][noun]}", {noun: change}) == (status, kind)


CHANGEABLE = {
    ("port", "fixed_ips"),
    ("port", "security_groups"),
    ("port", "device_id"),
    ("router", "external_gateway_info"),
    ("floatingip", "port_id"),
    ("subnetpool", "address_scope_id"),
}


def test_every_id_of_every_body_is_tried() -> None:
    resources = (
        address_scopes,
        floatingips,
        networks,
        ports,
        rbac_policies,
        routers,
        security_group_rules,
        security_groups,
        subnetpools,
        subnets,
    )
    named = {
        (shape.noun, name): attribute
        for shape in (resource.ATTRIBUTE_MAP for resource in resources)
        for name, attribute in shape.attributes.items()
        if name.endswith("_id") or name in LISTS_OF_IDS
    }
    assert {key for key, attribute in named.items() if attribute.allow_post} - NO_REFERENCE == set(CASES)
    assert {key for key, attribute in named.items() if attribute.allow_put} - NO_REFERENCE == CHANGEABLE


@pytest.mark.parametrize(
    "owner", ["network:router_interface", "network:router_gateway", "network:ha_router", "network:"]
)
def test_no_network_device_is_plugged_into_anothers_router(projects: Projects, ask: Any, owner: str) -> None:
    """Neither at once nor step by step, and a port of one's own that only claims to be an interface can go again."""
    theirs, mine = projects.ids["p2"]["router"], projects.ids["p1"]
    requested = {"network_id": mine["network"], "device_owner": owner}
    assert ask("POST", "ports", {"port": requested | {"device_id": theirs}}) == (409, "DeviceIDNotOwnedByTenant")
    made = ask("POST", "ports", {"port": requested})[1]["port"]["id"]
    assert ask("PUT", f"ports/{made}", {"port": {"device_id": theirs}}) == (409, "DeviceIDNotOwnedByTenant")
    plain = ask("POST", "ports", {"port": {"network_id": mine["network"], "device_id": theirs}})[1]["port"]["id"]
    assert ask("PUT", f"ports/{plain}", {"port": {"device_owner": owner}}) == (409, "DeviceIDNotOwnedByTenant")
    bulk = {"ports": [requested, requested | {"device_id": theirs}]}
    assert ask("POST", "ports", bulk) == (409, "DeviceIDNotOwnedByTenant")
    for port in (made, plain):
        assert ask("DELETE", f"ports/{port}")[0] == 204


def test_a_routers_ports_are_its_own(projects: Projects, ask: Any, network: NetworkFixture) -> None:
    """An administrator may write any device_id: still no interface comes of it, at none of the hosts."""
    theirs, mine = projects.ids["p2"]["router"], projects.ids["p1"]
    requested = {
        "network_id": mine["network"],
        "project_id": "p1",
        "device_owner": "network:router_interface",
        "device_id": theirs,
        "binding:host_id": "host1",
    }
    fake = network.made("port", requested, network.book.admin)["id"]
    state = network.control.get_host_state("host1", -1)
    assert state is not None
    router = next(one for one in state.routers if one.id == theirs)
    assert router.interfaces == (projects.ids["p2"]["interface"],)
    assert theirs not in {port.device_id for port in state.ports if port.id == fake}
    other = network.book.other
    assert ask("PUT", f"routers/{theirs}/remove_router_interface", {"port_id": fake}, as_=other)[0] == 404
    subnet = {"subnet_id": projects.ids["p2"]["subnet"]}
    assert ask("PUT", f"routers/{theirs}/remove_router_interface", subnet, as_=other)[0] == 200
    assert ask("DELETE", f"routers/{theirs}", as_=other)[0] == 204
    assert ask("DELETE", f"ports/{fake}")[0] == 204


@pytest.mark.parametrize(
    ("requested", "status", "kind"),
    [
        ({"subnet_id": "{subnet}"}, 404, "SubnetNotFound"),
        ({"port_id": "{port}"}, 404, "PortNotFound"),
    ],
)
def test_another_projects_interface(projects: Projects, ask: Any, requested: Any, status: int, kind: str) -> None:
    router = projects.ids["p1"]["router"]
    assert ask("PUT", f"routers/{router}/add_router_interface", projects.body(requested, "p2")) == (status, kind)


def test_another_projects_port_on_ones_own_network(projects: Projects, ask: Any, network: NetworkFixture) -> None:
    """The owner of a network sees all ports on it, and still may not use what is another's."""
    mine, admin = projects.ids["p1"], network.book.admin
    port = network.made("port", {"network_id": mine["network"], "project_id": "p2"}, admin)["id"]
    assert ask("GET", f"ports/{port}")[0] == 200
    second = network.made("router", {})["id"]
    add = ask("PUT", f"routers/{second}/add_router_interface", {"port_id": port})
    assert add == (404, "PortNotFound")
    floating = mine["floatingip"]
    assert ask("PUT", f"floatingips/{floating}", {"floatingip": {"port_id": port}}) == (400, "BadRequest")


@pytest.mark.parametrize("noun", ["network", "subnet", "router", "port", "security_group", "subnetpool", "floatingip"])
def test_another_project_s_resource_is_404(projects: Projects, ask: Any, noun: str) -> None:
    path = {"security_group": "security-groups"}.get(noun, noun + "s")
    foreign = projects.ids["p2"][noun]
    for method, body in (("GET", None), ("PUT", {noun: {"description": "x"}}), ("DELETE", None)):
        assert ask(method, f"{path}/{foreign}", body)[0] == 404
    assert ask("GET", f"{path}?id={foreign}")[1][path.replace("-", "_")] == []
