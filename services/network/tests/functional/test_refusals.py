"""Refusals that all resources share: unknown ids, other projects' resources, callers without rights, bad bodies."""

from typing import Any

import pytest

from pileus_network.testing import NetworkFixture

UNKNOWN = "00000000-0000-0000-0000-00000000dead"
NOT_FOUND = {
    "networks": "NetworkNotFound",
    "subnets": "SubnetNotFound",
    "ports": "PortNotFound",
    "routers": "RouterNotFound",
    "floatingips": "FloatingIPNotFound",
    "security-groups": "SecurityGroupNotFound",
    "security-group-rules": "SecurityGroupRuleNotFound",
    "subnetpools": "SubnetPoolNotFound",
    "address-scopes": "AddressScopeNotFound",
    "rbac-policies": "RbacPolicyNotFound",
}
NO_UPDATE = ("security-group-rules",)


def singular(path: str) -> str:
    name = path.replace("-", "_")
    return name[:-3] + "y" if name.endswith("ies") else name[:-1]


def minimal(path: str, resources: dict[str, Any], group: str) -> dict[str, Any]:
    """The smallest body that creates one more resource."""
    net = resources["network"]["id"]
    bodies: dict[str, dict[str, Any]] = {
        "networks": {},
        "subnets": {"network_id": net, "ip_version": 4, "cidr": "10.77.0.0/24"},
        "ports": {"network_id": net},
        "routers": {},
        "floatingips": {"floating_network_id": resources["public"]["id"]},
        "security-groups": {"name": "another"},
        "security-group-rules": {"security_group_id": group, "direction": "ingress"},
        "subnetpools": {"name": "another", "prefixes": ["10.88.0.0/16"]},
        "address-scopes": {"name": "another", "ip_version": 6},
        "rbac-policies": {
            "object_type": "network",
            "object_id": net,
            "action": "access_as_shared",
            "target_tenant": "p7",
        },
    }
    return bodies[path]


@pytest.mark.parametrize("path", NOT_FOUND)
def test_unknown_ids_and_other_projects(network: NetworkFixture, resources: Any, ask: Any, path: str) -> None:
    group = ask("GET", "security-groups?name=g")[1]["security_groups"][0]["id"]
    noun, body = singular(path), minimal(path, resources, group)
    made = ask("POST", path, {noun: body})[1][noun]["id"]
    for resource_id, who in ((UNKNOWN, network.book.member), (made, network.book.other)):
        missing = (404, NOT_FOUND[path])
        assert ask("GET", f"{path}/{resource_id}", as_=who) == missing
        assert ask("DELETE", f"{path}/{resource_id}", as_=who) == missing
        if path not in NO_UPDATE:
            assert ask("PUT", f"{path}/{resource_id}", {noun: {}}, as_=who) == missing
    assert ask("GET", f"{path}/{made}")[0] == 200


@pytest.mark.parametrize("path", NOT_FOUND)
def test_readers_see_and_change_nothing(network: NetworkFixture, resources: Any, ask: Any, path: str) -> None:
    group = ask("GET", "security-groups?name=g")[1]["security_groups"][0]["id"]
    noun, body, reader = singular(path), minimal(path, resources, group), network.book.reader
    made = ask("POST", path, {noun: body})[1][noun]["id"]
    assert ask("GET", f"{path}/{made}", as_=reader)[0] == 200
    assert ask("POST", path, {noun: body}, as_=reader)[0] == 403
    assert ask("DELETE", f"{path}/{made}", as_=reader)[0] == 403
    if path not in NO_UPDATE:
        assert ask("PUT", f"{path}/{made}", {noun: {}}, as_=reader)[0] == 403
    assert network.client.get(f"/v2.0/{path}/{made}").status_code == 401


@pytest.mark.parametrize("path", NOT_FOUND)
def test_bad_attributes(network: NetworkFixture, resources: Any, ask: Any, path: str) -> None:
    group = ask("GET", "security-groups?name=g")[1]["security_groups"][0]["id"]
    noun, body = singular(path), minimal(path, resources, group)
    refused = (400, "HTTPBadRequest")
    made = ask("POST", path, {noun: body})[1][noun]["id"]
    for required in body:
        assert ask("POST", path, {noun: {name: value for name, value in body.items() if name != required}})[0] == 400
    for bad in ({"nonsense": 1}, {"id": UNKNOWN}, {"project_id": "p2"}, {"project_id": 7}):
        assert ask("POST", path, {noun: body | bad}) == refused
        if path not in NO_UPDATE:
            assert ask("PUT", f"{path}/{made}", {noun: bad}) == refused
    assert ask("POST", path, {noun: body | {"project_id": "p1", "tenant_id": "p3"}}) == refused
    assert ask("POST", path, {"something": {}}) == refused
    assert ask("POST", path, {path.replace("-", "_"): []}) == refused
    assert ask("GET", f"{path}?marker={UNKNOWN}") == refused
    assert ask("GET", f"{path}?sort_key=nonsense") == refused
    assert ask("GET", f"{path}?sort_key=id&sort_dir=up") == refused
    assert ask("GET", f"{path}?limit=x") == refused
