"""RBAC policies: a network shared with one project."""

from typing import Any

from pileus_network.testing import NetworkFixture


def test_sharing_with_one_project(network: NetworkFixture, ask: Any) -> None:
    book, net = network.book, network.made("network", {})["id"]
    requested = {"object_type": "network", "object_id": net, "action": "access_as_shared", "target_tenant": "p2"}
    status, body = ask("POST", "rbac-policies", {"rbac_policy": requested})
    assert status == 201 and {name: body["rbac_policy"][name] for name in requested} == requested
    policy = body["rbac_policy"]["id"]
    assert ask("POST", "rbac-policies", {"rbac_policy": requested}) == (409, "DuplicateRbacPolicy")
    assert ask("GET", f"networks/{net}", as_=book.other)[1]["network"]["shared"] is True
    assert ask("GET", f"networks/{net}")[1]["network"]["shared"] is False
    port = network.made("port", {"network_id": net}, book.other)["id"]
    assert ask("DELETE", f"rbac-policies/{policy}") == (409, "RbacPolicyInUse")
    assert ask("GET", f"rbac-policies/{policy}", as_=book.other) == (404, "RbacPolicyNotFound")
    ask("DELETE", f"ports/{port}", as_=book.other)
    assert ask("DELETE", f"rbac-policies/{policy}")[0] == 204
    assert ask("GET", f"networks/{net}", as_=book.other)[0] == 404


def test_what_is_refused(network: NetworkFixture, ask: Any) -> None:
    net = network.made("network", {})["id"]
    requested = {"object_type": "network", "object_id": net, "action": "access_as_shared", "target_tenant": "*"}
    assert ask("POST", "rbac-policies", {"rbac_policy": requested}) == (403, "PolicyNotAuthorized")
    assert ask("POST", "rbac-policies", {"rbac_policy": requested | {"object_type": "router"}}) == (
        400,
        "HTTPBadRequest",
    )
    assert ask("POST", "rbac-policies", {"rbac_policy": requested | {"action": "steal"}}) == (400, "HTTPBadRequest")
    mine = requested | {"target_tenant": "p2"}
    assert ask("POST", "rbac-policies", {"rbac_policy": mine}, as_=network.book.other) == (404, "NetworkNotFound")
    shared = network.made("network", {"shared": True}, network.operator)["id"]
    assert ask("POST", "rbac-policies", {"rbac_policy": mine | {"object_id": shared}}) == (400, "InvalidInput")
    policies = ask("GET", "rbac-policies", as_=network.book.admin)[1]["rbac_policies"]
    assert [(p["object_id"], p["target_tenant"]) for p in policies] == [(shared, "*")]


def test_a_network_of_another_project_is_not_shared_on(network: NetworkFixture, ask: Any) -> None:
    shared = network.made("network", {"shared": True}, network.book.admin)["id"]
    requested = {"object_type": "network", "object_id": shared, "action": "access_as_shared", "target_tenant": "p9"}
    assert ask("POST", "rbac-policies", {"rbac_policy": requested}, as_=network.book.other) == (400, "InvalidInput")


def test_the_wildcard_is_deleted_once_every_user_has_an_own_policy(network: NetworkFixture, ask: Any) -> None:
    admin, public = network.operator, network.public(as_=network.operator)["id"]
    network.made("router", {"external_gateway_info": {"network_id": public}})
    network.made("floatingip", {"floating_network_id": public}, network.book.other)
    wildcard = ask("GET", f"rbac-policies?object_id={public}&target_tenant=*", as_=admin)[1]["rbac_policies"][0]["id"]
    for project, status in (("p1", 409), ("p2", 409), ("", 204)):
        assert ask("DELETE", f"rbac-policies/{wildcard}", as_=admin)[0] == status
        if project:
            requested = {"object_type": "network", "object_id": public, "action": "access_as_external"}
            body = {"rbac_policy": requested | {"target_tenant": project}}
            assert ask("POST", "rbac-policies", body, as_=admin)[0] == 201
    assert ask("GET", f"networks/{public}")[1]["network"]["router:external"] is True


def test_the_wildcard_becomes_the_policy_of_the_only_user(network: NetworkFixture, ask: Any) -> None:
    admin, public = network.operator, network.public(as_=network.operator)["id"]
    network.made("router", {"external_gateway_info": {"network_id": public}}, network.book.other)
    policy = ask("GET", f"rbac-policies?object_id={public}&target_tenant=*", as_=admin)[1]["rbac_policies"][0]["id"]
    for project, status in (("p1", 409), ("p2", 200), ("p1", 409), ("*", 200)):
        change = {"rbac_policy": {"target_tenant": project}}
        assert ask("PUT", f"rbac-policies/{policy}", change, as_=admin)[0] == status
