"""Access rules are bounded when they are made, and what was lent manages no loans."""

import pytest

from pileus_identity.core import password_hashing

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


def wish(path):
    return {
        "application_credential": {"name": "x", "access_rules": [{"service": "compute", "method": "GET", "path": path}]}
    }


@pytest.mark.parametrize("path", BAD)
def test_paths_that_are_slow_to_compare_are_refused(cloud, me, path):
    answer = cloud.post(f"/v3/users/{me}/application_credentials", wish(path), "demo")
    assert answer.status_code == 400 and "path of an access rule" in answer.json["error"]["message"]
    assert cloud.get(f"/v3/users/{me}/access_rules", "demo").json["access_rules"] == []


@pytest.mark.parametrize("path", GOOD)
def test_other_paths_are_taken(cloud, me, path):
    assert cloud.post(f"/v3/users/{me}/application_credentials", wish(path), "demo").status_code == 201


def lent(cloud, me, **body):
    made = cloud.make(f"/v3/users/{me}/application_credentials", "application_credential", "demo", **body)
    given = {"id": made["id"], "secret": made["secret"]}
    auth = {"identity": {"methods": ["application_credential"], "application_credential": given}}
    return made["id"], cloud.post("/v3/auth/tokens", {"auth": auth}, None).headers["X-Subject-Token"]


@pytest.mark.parametrize("unrestricted", [False, True])
def test_an_application_credential_manages_no_trusts(cloud, me, unrestricted):
    other = cloud.id("users", "other")
    wish = {"trustor_user_id": me, "trustee_user_id": other, "impersonation": False}
    trust = cloud.make("/v3/OS-TRUST/trusts", "trust", "demo", **wish)["id"]
    _, token = lent(cloud, me, name="ci", unrestricted=unrestricted)
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": wish}, token).status_code == 403
    for method, path in (("DELETE", ""), ("GET", ""), ("GET", "/roles")):
        assert cloud.call(method, f"/v3/OS-TRUST/trusts/{trust}{path}", token).status_code == 403
    assert cloud.get(f"/v3/OS-TRUST/trusts?trustor_user_id={me}", token).status_code == 403
    assert cloud.get(f"/v3/OS-TRUST/trusts/{trust}", "demo").status_code == 200


def test_only_an_unrestricted_application_credential_manages_others(cloud, me):
    path = f"/v3/users/{me}/application_credentials"
    victim, _ = lent(cloud, me, name="victim")
    _, narrow = lent(cloud, me, name="narrow")
    _, wide = lent(cloud, me, name="wide", unrestricted=True)
    assert cloud.get(f"{path}/{victim}", narrow).status_code == 200
    assert cloud.call("DELETE", f"{path}/{victim}", narrow).status_code == 403
    assert cloud.post(path, {"application_credential": {"name": "more"}}, narrow).status_code == 403
    assert cloud.call("DELETE", f"{path}/{victim}", wide).status_code == 204
    assert cloud.post(path, {"application_credential": {"name": "more"}}, wide).status_code == 201


def test_a_trust_shows_and_manages_no_application_credentials(cloud, me):
    other, project = cloud.id("users", "other"), cloud.id("projects", "demo")
    credential, _ = lent(cloud, me, name="ci", access_rules=[{"service": "compute", "method": "GET", "path": "/v2.1"}])
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


def test_tokens_with_a_scope_are_exchanged_unless_the_operator_forbids_it(cloud_with):
    def exchange(cloud, token):
        auth = {
            "identity": {"methods": ["token"], "token": {"id": token}},
            "scope": {"project": {"name": "demo", "domain": {"id": "default"}}},
        }
        return cloud.post("/v3/auth/tokens", {"auth": auth}, None).status_code

    strict = cloud_with(allow_rescope_scoped_token=False)
    assert exchange(strict, strict.token("demo")) == 403
    assert exchange(strict, strict.login("demo", "demo", "unscoped").headers["X-Subject-Token"]) == 201
    usual = cloud_with()
    assert exchange(usual, usual.token("demo")) == 201


def test_time_does_not_tell_which_application_credentials_there_are(cloud, me, monkeypatch):
    """Whether the slow hash is computed depends on what the caller sends, and on nothing that is stored."""
    generated, _ = lent(cloud, me, name="generated")
    chosen, _ = lent(cloud, me, name="chosen", secret="chosen by a user")
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
