"""Trusts: /v3/OS-TRUST/trusts."""

import pytest


@pytest.fixture
def me(cloud):
    return cloud.id("users", "demo")


def test_a_trust_delegates_roles_until_it_is_used_up_or_deleted(cloud, me):
    other, project = cloud.id("users", "other"), cloud.id("projects", "demo")
    body = {
        "trustor_user_id": me,
        "trustee_user_id": other,
        "project_id": project,
        "impersonation": True,
        "roles": [{"name": "member"}],
        "remaining_uses": 2,
    }
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": body}, "other").status_code == 403
    assert (
        cloud.post("/v3/OS-TRUST/trusts", {"trust": body | {"roles": [{"name": "admin"}]}}, "demo").status_code == 403
    )
    trust = cloud.make("/v3/OS-TRUST/trusts", "trust", "demo", **body)
    scope = {"OS-TRUST:trust": {"id": trust["id"]}}
    first = cloud.login("other", "other", scope)
    assert first.status_code == 201, first.json
    view = first.json["token"]
    assert view["user"]["id"] == me and view["OS-TRUST:trust"]["trustee_user"]["id"] == other
    assert [role["name"] for role in view["roles"]] == ["member", "reader"]
    assert cloud.login("demo", "demo", scope).status_code == 401
    assert cloud.login("other", "other", scope).status_code == 201
    assert cloud.login("other", "other", scope).status_code == 401  # used up
    path = f"/v3/OS-TRUST/trusts/{trust['id']}"
    assert cloud.get(path, "other").json["trust"]["remaining_uses"] == 0
    assert cloud.get(path, "reader").status_code == 403
    assert [r["name"] for r in cloud.get(f"{path}/roles", "demo").json["roles"]] == ["member"]
    assert cloud.get("/v3/OS-TRUST/trusts", "demo").status_code == 403
    assert len(cloud.get(f"/v3/OS-TRUST/trusts?trustee_user_id={other}", "other").json["trusts"]) == 1
    token = first.headers["X-Subject-Token"]
    assert cloud.check(token).status_code == 200
    assert cloud.call("DELETE", path, "other").status_code == 403
    assert cloud.call("DELETE", path, "demo").status_code == 204
    assert cloud.check(token).status_code == 404 and cloud.get(path, "demo").status_code == 404


def test_a_trust_is_redelegated_within_its_bounds(cloud, me):
    other, reader = cloud.id("users", "other"), cloud.id("users", "reader")
    project, second = cloud.id("projects", "demo"), cloud.make("/v3/projects", "project", name="second")["id"]
    member = cloud.id("roles", "member")
    cloud.call("PUT", f"/v3/projects/{second}/users/{me}/roles/{member}")
    body = {
        "trustor_user_id": me,
        "trustee_user_id": other,
        "project_id": project,
        "impersonation": True,
        "roles": [{"name": "member"}],
    }

    def through(trust):
        return cloud.login("other", "other", {"OS-TRUST:trust": {"id": trust["id"]}}).headers["X-Subject-Token"]

    closed = through(cloud.make("/v3/OS-TRUST/trusts", "trust", "demo", **body))
    onward = body | {"trustee_user_id": reader}
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": onward}, closed).status_code == 403
    first = cloud.make("/v3/OS-TRUST/trusts", "trust", "demo", **body, allow_redelegation=True, redelegation_count=1)
    opened = through(first)
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": onward | {"project_id": second}}, opened).status_code == 403
    passed = cloud.post("/v3/OS-TRUST/trusts", {"trust": onward}, opened)
    assert passed.status_code == 201 and passed.json["trust"]["redelegated_trust_id"] == first["id"]
    scope = {"OS-TRUST:trust": {"id": passed.json["trust"]["id"]}}
    token = cloud.login("reader", "reader", scope).headers["X-Subject-Token"]
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": onward}, token).status_code == 403  # no further
    cloud.call("DELETE", f"/v3/OS-TRUST/trusts/{first['id']}", "demo")
    assert cloud.check(token).status_code == 404


def log_in_with_credential(cloud, me, **body):
    made = cloud.make(f"/v3/users/{me}/application_credentials", "application_credential", "demo", **body)
    given = {"id": made["id"], "secret": made["secret"]}
    auth = {"identity": {"methods": ["application_credential"], "application_credential": given}}
    return made["id"], cloud.post("/v3/auth/tokens", {"auth": auth}, None).headers["X-Subject-Token"]


def test_a_token_of_a_trust_does_not_manage_application_credentials(cloud, me):
    other, project = cloud.id("users", "other"), cloud.id("projects", "demo")
    credential, _ = log_in_with_credential(
        cloud, me, name="ci", access_rules=[{"service": "compute", "method": "GET", "path": "/v2.1"}]
    )
    trust = cloud.make(
        "/v3/OS-TRUST/trusts",
        "trust",
        "demo",
        trustor_user_id=me,
        trustee_user_id=other,
        project_id=project,
        impersonation=True,
        roles=[{"name": "member"}],
    )
    token = cloud.login("other", "other", {"OS-TRUST:trust": {"id": trust["id"]}}).headers["X-Subject-Token"]
    path = f"/v3/users/{me}/application_credentials"
    for method, where in (
        ("GET", path),
        ("GET", f"{path}/{credential}"),
        ("DELETE", f"{path}/{credential}"),
        ("GET", f"/v3/users/{me}/access_rules"),
    ):
        assert cloud.call(method, where, token).status_code == 403
    assert cloud.post(path, {"application_credential": {"name": "x"}}, token).status_code == 403


def trust_body(cloud, me, **more):
    return {
        "trustor_user_id": me,
        "trustee_user_id": cloud.id("users", "other"),
        "project_id": cloud.id("projects", "demo"),
        "impersonation": False,
        "roles": [{"name": "member"}],
    } | more


def test_a_trust_without_impersonation_acts_as_the_trustee(cloud, me):
    trust = cloud.make("/v3/OS-TRUST/trusts", "trust", "demo", **trust_body(cloud, me))
    view = cloud.login("other", "other", {"OS-TRUST:trust": {"id": trust["id"]}}).json["token"]
    assert view["user"]["name"] == "other" and view["project"]["name"] == "demo"
    role = trust["roles"][0]
    path = f"/v3/OS-TRUST/trusts/{trust['id']}/roles"
    assert cloud.get(f"{path}/{role['id']}", "demo").json["role"] == role
    assert cloud.get(f"{path}/{cloud.id('roles', 'admin')}", "demo").status_code == 404


def test_an_impossible_trust_is_refused(cloud, me):
    def status(**more):
        return cloud.post("/v3/OS-TRUST/trusts", {"trust": trust_body(cloud, me, **more)}, "demo").status_code

    assert status(roles=[]) == 403
    assert status(roles=[{"id": "unknown"}]) == 404 and status(roles=[{"name": "unknown"}]) == 403
    assert status(trustee_user_id="unknown") == 404 and status(project_id="unknown") == 404
    assert status(allow_redelegation=True, remaining_uses=1) == 400
    assert status(allow_redelegation=True, redelegation_count=4) == 403
    assert status(expires_at="2020-01-01T00:00:00Z") == 400 and status(remaining_uses=0) == 400


def test_the_trusts_of_a_trustor_are_limited(cloud_with):
    cloud = cloud_with(user_limit=1)
    me = cloud.id("users", "demo")
    cloud.make("/v3/OS-TRUST/trusts", "trust", "demo", **trust_body(cloud, me))
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": trust_body(cloud, me)}, "demo").status_code == 403


def test_a_redelegated_trust_ends_no_later_and_impersonates_no_more(cloud, me):
    body = trust_body(cloud, me, allow_redelegation=True, expires_at="2098-01-01T00:00:00Z")
    source = cloud.make("/v3/OS-TRUST/trusts", "trust", "demo", **body)
    token = cloud.login("other", "other", {"OS-TRUST:trust": {"id": source["id"]}}).headers["X-Subject-Token"]
    other = cloud.id("users", "other")
    onward = trust_body(cloud, other, trustee_user_id=cloud.id("users", "reader"), expires_at="2097-01-01T00:00:00Z")

    def status(**more):
        return cloud.post("/v3/OS-TRUST/trusts", {"trust": onward | more}, token).status_code

    assert status(expires_at=None) == 403 and status(expires_at="2099-01-01T00:00:00Z") == 403
    assert status(impersonation=True) == 403
