"""Administrators and managers of one domain stay within it, and unknown ids look like foreign ones."""

import pytest

NOWHERE = "11111111-2222-3333-4444-555555555555"
BOTH = pytest.mark.parametrize("who", ["d:manager", "d:admin"])


def put_role(cloud, where, actor, role, who, suffix=""):
    return cloud.call("PUT", f"/v3/{where}/{actor}/roles/{cloud.id('roles', role)}{suffix}", who).status_code


@BOTH
def test_a_domain_administrator_does_not_become_one_of_the_cloud(cloud, worlds, who):
    mine, _, tokens = worlds
    me = cloud.get("/v3/auth/tokens", tokens[who], X_Subject_Token=tokens[who]).json["token"]["user"]["id"]
    assert put_role(cloud, "system/users", me, "admin", tokens[who]) == 403
    for kind, body in (
        ("services", {"type": "x"}),
        ("roles", {"name": "x"}),
        ("domains", {"name": "x"}),
        ("regions", {"id": "x"}),
    ):
        assert cloud.post(f"/v3/{kind}", {kind.removesuffix("s"): body}, tokens[who]).status_code == 403
    inherited = "/inherited_to_projects"
    helper = cloud.make("/v3/roles", "role", name="helper")["id"]  # brings another along
    cloud.call("PUT", f"/v3/roles/{helper}/implies/{cloud.id('roles', 'service')}")
    cloud.make("/v3/roles", "role", name="ADVSVC")
    for role in ("admin", "service", "helper", "ADVSVC", "ResellerAdmin"):
        assert put_role(cloud, f"projects/{mine.project}/users", me, role, tokens[who]) == 403
        assert put_role(cloud, f"projects/{mine.project}/groups", mine.group, role, tokens[who]) == 403
        assert put_role(cloud, f"OS-INHERIT/domains/{mine.domain}/users", me, role, tokens[who], inherited) == 403
        assert put_role(cloud, f"OS-INHERIT/projects/{mine.project}/users", me, role, tokens[who], inherited) == 403
    assert put_role(cloud, f"domains/{mine.domain}/users", mine.user, "service", tokens[who]) == 403


def test_a_domain_administrator_grants_roles_in_the_domain(cloud, worlds):
    mine, other, tokens = worlds
    on_project, on_domain = f"projects/{mine.project}/users", f"domains/{mine.domain}/users"
    for who in ("d:manager", "d:admin"):
        for role in ("manager", "member", "reader"):
            assert put_role(cloud, on_project, mine.user, role, tokens[who]) == 204
            assert put_role(cloud, on_domain, mine.user, role, tokens[who]) == 204
    assert put_role(cloud, on_domain, mine.user, "admin", tokens["d:admin"]) == 204
    assert put_role(cloud, on_domain, mine.user, "admin", tokens["d:manager"]) == 403
    for role, status in ((mine.role, 204), (other.role, 403)):
        assert cloud.call("PUT", f"/v3/{on_project}/{mine.user}/roles/{role}", tokens["d:admin"]).status_code == status


@BOTH
def test_a_domain_administrator_does_not_take_over_privileged_users_and_groups(cloud, worlds, who):
    mine, _, tokens = worlds
    chief, deputy = mine.person("chief"), mine.person("deputy")
    mine.give(chief, "admin", "system")
    mine.give(deputy, "admin", f"projects/{mine.project}")
    elders = cloud.make("/v3/groups", "group", name="elders", domain_id=mine.domain)["id"]
    cloud.call("PUT", f"/v3/system/groups/{elders}/roles/{cloud.id('roles', 'admin')}")
    for user in (chief, deputy):
        assert (
            cloud.call("PATCH", f"/v3/users/{user}", tokens[who], {"user": {"password": "mine now"}}).status_code == 403
        )
        assert cloud.call("DELETE", f"/v3/users/{user}", tokens[who]).status_code == 403
        assert cloud.get(f"/v3/users/{user}", tokens[who]).status_code == 200
    assert cloud.call("PUT", f"/v3/groups/{elders}/users/{mine.user}", tokens[who]).status_code == 403
    assert cloud.call("DELETE", f"/v3/groups/{elders}", tokens[who]).status_code == 403
    assert (
        cloud.call("PATCH", f"/v3/users/{mine.user}", tokens[who], {"user": {"password": "another"}}).status_code == 200
    )
    assert cloud.call("PUT", f"/v3/groups/{mine.group}/users/{mine.person('guest')}", tokens[who]).status_code == 204


@BOTH
def test_a_domain_administrator_does_not_change_the_domain_as_a_project(cloud, worlds, who):
    mine, _, tokens = worlds
    assert (
        cloud.call("PATCH", f"/v3/projects/{mine.domain}", tokens[who], {"project": {"enabled": False}}).status_code
        == 403
    )
    assert cloud.call("DELETE", f"/v3/projects/{mine.domain}", tokens[who]).status_code == 403
    assert cloud.call("PUT", f"/v3/projects/{mine.domain}/tags", tokens[who], {"tags": ["x"]}).status_code == 403
    assert cloud.post("/v3/projects", {"project": {"name": "x", "is_domain": True}}, tokens[who]).status_code == 403


@BOTH
def test_foreign_and_unknown_domains_are_refused_alike(cloud, worlds, who):
    _, other, tokens = worlds
    for place in (other.domain, NOWHERE):
        for kind in ("user", "group", "project"):
            assert cloud.post(f"/v3/{kind}s", {kind: {"name": "x", "domain_id": place}}, tokens[who]).status_code == 403
    for parent in (other.project, NOWHERE):
        assert (
            cloud.post("/v3/projects", {"project": {"name": "x", "parent_id": parent}}, tokens[who]).status_code == 403
        )


def test_a_domain_manager_has_to_name_the_domain(cloud, worlds):
    mine, _, tokens = worlds
    for kind in ("user", "group", "project"):
        body = {"name": f"new-{kind}"}
        assert cloud.post(f"/v3/{kind}s", {kind: body}, tokens["d:manager"]).status_code == 403
        assert cloud.make(f"/v3/{kind}s", kind, tokens["d:admin"], **body)["domain_id"] == mine.domain
        named = body | {"name": f"named-{kind}", "domain_id": mine.domain}
        assert cloud.post(f"/v3/{kind}s", {kind: named}, tokens["d:manager"]).status_code == 201


UNKNOWN = [
    ("PATCH", f"/v3/domains/{NOWHERE}", {"domain": {}}, 404),
    ("DELETE", f"/v3/domains/{NOWHERE}", None, 404),
    ("DELETE", f"/v3/groups/{NOWHERE}", None, 404),
    ("PATCH", f"/v3/limits/{NOWHERE}", {"limit": {}}, 404),
    ("DELETE", f"/v3/limits/{NOWHERE}", None, 404),
    ("GET", f"/v3/OS-TRUST/trusts/{NOWHERE}", None, 404),
    ("GET", f"/v3/roles/{NOWHERE}/implies", None, 404),
    ("PUT", f"/v3/projects/{NOWHERE}/users/{NOWHERE}/roles/{NOWHERE}", None, 404),
    ("PUT", f"/v3/system/users/{NOWHERE}/roles/{NOWHERE}", None, 404),
    ("PATCH", f"/v3/users/{NOWHERE}", {"user": {}}, 403),
    ("GET", f"/v3/groups/{NOWHERE}", None, 403),
    ("PATCH", f"/v3/projects/{NOWHERE}", {"project": {}}, 403),
    ("GET", f"/v3/domains/{NOWHERE}", None, 403),
    ("DELETE", f"/v3/credentials/{NOWHERE}", None, 403),
    ("DELETE", f"/v3/roles/{NOWHERE}", None, 404),
    ("GET", f"/v3/roles/{NOWHERE}", None, 404),
    ("PATCH", f"/v3/roles/{NOWHERE}", {"role": {}}, 404),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), UNKNOWN)
def test_an_unknown_id_is_answered_as_openstack_does(cloud, method, path, body, status):
    """OpenStack looks some resources up before it asks its rule, and others not."""
    assert cloud.call(method, path, "demo", body).status_code == status


def test_secrets_of_others_are_refused_and_not_hidden(cloud, worlds):
    mine, other, tokens = worlds
    path = f"/v3/users/{mine.user}/application_credentials"
    assert cloud.get(f"{path}/{other.application_credential}", tokens["owner"]).status_code == 403
    assert cloud.call("DELETE", f"{path}/{other.application_credential}", tokens["owner"]).status_code == 403
    assert cloud.get(f"{path}/{NOWHERE}", tokens["owner"]).status_code == 404
    keys = f"/v3/users/{mine.user}/credentials/OS-EC2"
    assert cloud.get(f"{keys}/{other.access}", tokens["owner"]).status_code == 403
    assert cloud.get(f"{keys}/{NOWHERE}", tokens["owner"]).status_code == 404
