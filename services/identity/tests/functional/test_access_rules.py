"""Access rules of application credentials: /v3/users/{user_id}/access_rules."""

import pytest

BAD = [
    "/**/x",
    "/v2.1/**/**",
    "/a**",
    "/**b/c",
    "/a/***",
    "/" + "**/" * 12 + "x",
    "/" + "/".join("*" * 11),
    "/" + "/".join(["{id}"] * 11),
    "/" + "*" * 40,
]


GOOD = ["/v2.1/servers/*", "/v2.1/servers/{id}/action", "/v3/**", "/**", "/*/*/**", "/v2.1/servers"]


@pytest.fixture
def me(cloud):
    return cloud.id("users", "demo")


def by_credential(cloud, made, secret=None, **more):
    given = {"id": made["id"], "secret": secret or made["secret"]} | more
    return cloud.post(
        "/v3/auth/tokens",
        {"auth": {"identity": {"methods": ["application_credential"], "application_credential": given}}},
        None,
    )


def make_credential(cloud, me, who="demo", **body):
    return cloud.make(f"/v3/users/{me}/application_credentials", "application_credential", who, **body)


def credential_with_rule(path):
    return {
        "application_credential": {"name": "x", "access_rules": [{"service": "compute", "method": "GET", "path": path}]}
    }


@pytest.mark.parametrize("path", BAD)
def test_a_path_that_is_slow_to_compare_is_refused(cloud, me, path):
    answer = cloud.post(f"/v3/users/{me}/application_credentials", credential_with_rule(path), "demo")
    assert answer.status_code == 400 and "path of an access rule" in answer.json["error"]["message"]
    assert cloud.get(f"/v3/users/{me}/access_rules", "demo").json["access_rules"] == []


@pytest.mark.parametrize("path", GOOD)
def test_other_paths_are_accepted(cloud, me, path):
    assert cloud.post(f"/v3/users/{me}/application_credentials", credential_with_rule(path), "demo").status_code == 201


def test_an_incomplete_access_rule_is_refused(cloud):
    path = f"/v3/users/{cloud.id('users', 'demo')}/application_credentials"
    for rule, status in (({"service": "compute"}, 400), ({"id": "nothing"}, 404)):
        body = {"name": "c", "access_rules": [rule]}
        assert cloud.post(path, {"application_credential": body}, "demo").status_code == status


def test_access_rules_are_enforced_here_and_by_services_that_know_them(cloud, me):
    rules = [
        {"service": "identity", "method": "GET", "path": "/v3/auth/projects"},
        {"service": "compute", "method": "GET", "path": "/v2.1/servers/*"},
    ]
    made = make_credential(cloud, me, name="narrow", access_rules=rules)
    token = by_credential(cloud, made).headers["X-Subject-Token"]
    assert cloud.get("/v3/auth/projects", token).status_code == 200
    assert cloud.get("/v3/auth/domains", token).status_code == 401
    assert cloud.check(token).status_code == 404
    headers = {"X_Subject_Token": token, "OpenStack_Identity_Access_Rules": "1"}
    view = cloud.get("/v3/auth/tokens", "compute", **headers).json["token"]["application_credential"]
    assert {rule["path"] for rule in view["access_rules"]} == {"/v3/auth/projects", "/v2.1/servers/*"}
    path = f"/v3/users/{me}/access_rules"
    rule = cloud.get(f"{path}?service=compute", "demo").json["access_rules"][0]
    assert cloud.get(f"{path}/{rule['id']}", "demo").status_code == 200
    assert cloud.call("DELETE", f"{path}/{rule['id']}", "demo").status_code == 403
    cloud.call("DELETE", f"/v3/users/{me}/application_credentials/{made['id']}", "demo")
    assert cloud.call("DELETE", f"{path}/{rule['id']}", "demo").status_code == 204
    assert cloud.get(f"{path}/{rule['id']}", "demo").status_code == 404
