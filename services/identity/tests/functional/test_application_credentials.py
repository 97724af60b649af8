"""Application credentials: /v3/users/{user_id}/application_credentials."""

import pytest

from pileus_identity.core import password_hashing
from pileus_identity.db.models import ApplicationCredential
from pileus_kit.db import now

DEMO = {"project": {"name": "demo", "domain": {"id": "default"}}}


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


def test_an_application_credential_logs_in_with_its_roles(cloud, me):
    made = make_credential(cloud, me, name="ci", roles=[{"name": "reader"}], expires_at="2099-01-01T00:00:00")
    assert made["roles"][0]["name"] == "reader" and made["unrestricted"] is False and len(made["secret"]) > 60
    path = f"/v3/users/{me}/application_credentials"
    assert "secret" not in cloud.get(f"{path}/{made['id']}", "demo").json["application_credential"]
    assert len(cloud.get(f"{path}?name=ci", "demo").json["application_credentials"]) == 1
    token = by_credential(cloud, made)
    view = token.json["token"]
    assert [role["name"] for role in view["roles"]] == ["reader"]
    assert view["application_credential"] == {"id": made["id"], "name": "ci", "restricted": True}
    assert view["project"]["name"] == "demo" and view["methods"] == ["application_credential"]
    named = {"name": "ci", "user": {"id": me}, "secret": made["secret"]}
    auth = {"identity": {"methods": ["application_credential"], "application_credential": named}}
    assert cloud.post("/v3/auth/tokens", {"auth": auth}, None).status_code == 201
    assert cloud.post("/v3/auth/tokens", {"auth": auth | {"scope": DEMO}}, None).status_code == 401
    assert by_credential(cloud, made, "wrong").status_code == 401
    text = token.headers["X-Subject-Token"]
    assert cloud.call("DELETE", f"{path}/{made['id']}", "demo").status_code == 204
    assert cloud.check(text).status_code == 404
    assert by_credential(cloud, made).status_code == 401


def test_an_application_credential_grants_no_more_than_its_user_has(cloud, me):
    assert (
        cloud.post(
            f"/v3/users/{me}/application_credentials",
            {"application_credential": {"name": "x", "roles": [{"name": "admin"}]}},
            "demo",
        ).status_code
        == 400
    )
    assert (
        cloud.post(
            f"/v3/users/{me}/application_credentials", {"application_credential": {"name": "x"}}, "other"
        ).status_code
        == 403
    )
    made = make_credential(cloud, me, name="mine", secret="chosen secret")
    token = by_credential(cloud, made, "chosen secret").headers["X-Subject-Token"]
    again = {"application_credential": {"name": "child"}}
    assert cloud.post(f"/v3/users/{me}/application_credentials", again, token).status_code == 403
    rescope = {"auth": {"identity": {"methods": ["token"], "token": {"id": token}}, "scope": DEMO}}
    assert cloud.post("/v3/auth/tokens", rescope, None).status_code == 403
    assert cloud.get("/v3/credentials", token).status_code == 403
    free = make_credential(cloud, me, name="free", unrestricted=True)
    wide = by_credential(cloud, free).headers["X-Subject-Token"]
    assert cloud.post(f"/v3/users/{me}/application_credentials", again, wide).status_code == 201
    project, member = cloud.id("projects", "demo"), cloud.id("roles", "member")
    cloud.call("DELETE", f"/v3/projects/{project}/users/{me}/roles/{member}")
    assert cloud.check(wide).status_code == 404
    cloud.call("PUT", f"/v3/projects/{project}/users/{me}/roles/{member}")
    assert by_credential(cloud, free).status_code == 401  # it went with the role, and doesn't come back with it


def log_in_with_credential(cloud, me, **body):
    made = cloud.make(f"/v3/users/{me}/application_credentials", "application_credential", "demo", **body)
    given = {"id": made["id"], "secret": made["secret"]}
    auth = {"identity": {"methods": ["application_credential"], "application_credential": given}}
    return made["id"], cloud.post("/v3/auth/tokens", {"auth": auth}, None).headers["X-Subject-Token"]


@pytest.mark.parametrize("unrestricted", [False, True])
def test_an_application_credential_does_not_manage_trusts(cloud, me, unrestricted):
    other = cloud.id("users", "other")
    body = {"trustor_user_id": me, "trustee_user_id": other, "impersonation": False}
    trust = cloud.make("/v3/OS-TRUST/trusts", "trust", "demo", **body)["id"]
    _, token = log_in_with_credential(cloud, me, name="ci", unrestricted=unrestricted)
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": body}, token).status_code == 403
    for method, path in (("DELETE", ""), ("GET", ""), ("GET", "/roles")):
        assert cloud.call(method, f"/v3/OS-TRUST/trusts/{trust}{path}", token).status_code == 403
    assert cloud.get(f"/v3/OS-TRUST/trusts?trustor_user_id={me}", token).status_code == 403
    assert cloud.get(f"/v3/OS-TRUST/trusts/{trust}", "demo").status_code == 200


def test_only_an_unrestricted_application_credential_manages_others(cloud, me):
    path = f"/v3/users/{me}/application_credentials"
    victim, _ = log_in_with_credential(cloud, me, name="victim")
    _, narrow = log_in_with_credential(cloud, me, name="narrow")
    _, wide = log_in_with_credential(cloud, me, name="wide", unrestricted=True)
    assert cloud.get(f"{path}/{victim}", narrow).status_code == 200
    assert cloud.call("DELETE", f"{path}/{victim}", narrow).status_code == 403
    assert cloud.post(path, {"application_credential": {"name": "more"}}, narrow).status_code == 403
    assert cloud.call("DELETE", f"{path}/{victim}", wide).status_code == 204
    assert cloud.post(path, {"application_credential": {"name": "more"}}, wide).status_code == 201


def test_time_does_not_tell_which_application_credentials_exist(cloud, me, monkeypatch):
    """Whether the slow hash is computed depends only on what the caller sends."""
    generated, _ = log_in_with_credential(cloud, me, name="generated")
    chosen, _ = log_in_with_credential(cloud, me, name="chosen", secret="chosen by a user")
    work, hash_with = [], password_hashing.HashingPool.run
    monkeypatch.setattr(password_hashing.HashingPool, "run", lambda self, job: work.append(job) or hash_with(self, job))

    def cost(given):
        work.clear()
        auth = {"identity": {"methods": ["application_credential"], "application_credential": given}}
        assert cloud.post("/v3/auth/tokens", {"auth": auth}, None).status_code == 401
        return len(work)

    password_hashing.unmatchable_hash()
    user, nobody = {"name": "demo", "domain": {"id": "default"}}, {"name": "nobody", "domain": {"id": "default"}}
    for secret, expected in ((password_hashing.generate_secret(), 0), ("a guess", 1)):
        for one in (
            {"id": generated},
            {"id": chosen},
            {"id": "unknown"},
            {"name": "generated", "user": user},
            {"name": "unknown", "user": user},
            {"name": "generated", "user": nobody},
        ):
            assert cost(one | {"secret": secret}) == expected, one


def test_the_application_credentials_of_a_user_are_limited(cloud_with):
    cloud = cloud_with(user_limit=1)
    path = f"/v3/users/{cloud.id('users', 'demo')}/application_credentials"
    cloud.make(path, "application_credential", "demo", name="one")
    assert cloud.post(path, {"application_credential": {"name": "two"}}, "demo").status_code == 403


def test_an_application_credential_needs_a_project_a_new_name_and_a_future_end(cloud, me):
    path = f"/v3/users/{me}/application_credentials"
    cloud.make(path, "application_credential", "demo", name="one")
    assert cloud.post(path, {"application_credential": {"name": "one"}}, "demo").status_code == 409
    unscoped = cloud.login("demo", "demo", "unscoped").headers["X-Subject-Token"]
    assert cloud.post(path, {"application_credential": {"name": "two"}}, unscoped).status_code == 403
    for when in ("2020-01-01T00:00:00Z", "soon"):
        body = {"application_credential": {"name": "two", "expires_at": when}}
        assert cloud.post(path, body, "demo").status_code == 400
    assert cloud.get(f"{path}/unknown").status_code == 404


def test_an_expired_application_credential_does_not_log_in(cloud, me, identity):
    made = make_credential(cloud, me, name="ci", expires_at="2099-01-01T00:00:00")
    with identity.sessions.begin() as session:
        session.get_one(ApplicationCredential, made["id"]).expires_at = now()
    assert by_credential(cloud, made).status_code == 401
    auth = {"identity": {"methods": ["application_credential"], "application_credential": {"secret": "s"}}}
    assert cloud.post("/v3/auth/tokens", {"auth": auth}, None).status_code == 400  # it names no credential
