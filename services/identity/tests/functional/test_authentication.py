"""Logins: POST /v3/auth/tokens."""

import time

import pytest
from argon2 import PasswordHasher

from pileus_identity.core.totp import code_at
from pileus_identity.db.models import User

DEMO = {"project": {"name": "demo", "domain": {"id": "default"}}}


def test_password_gives_a_token_for_each_scope(cloud):
    project = cloud.login("demo", "demo", DEMO)
    assert project.status_code == 201
    token = project.json["token"]
    assert token["project"]["name"] == "demo"
    assert token["user"]["domain"] == {"id": "default", "name": "Default"}
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    assert token["methods"] == ["password"]
    assert {entry["type"] for entry in token["catalog"]} >= {"compute", "identity", "volumev3"}
    unscoped = cloud.login("demo", "demo").json["token"]
    assert "project" not in unscoped and "catalog" not in unscoped and "roles" not in unscoped
    system = cloud.login("admin", "admin", {"system": {"all": True}}).json["token"]
    assert system["system"] == {"all": True}
    assert cloud.login("demo", "demo", {"system": {"all": True}}).status_code == 401


def test_domain_scope_needs_a_role_on_the_domain(cloud):
    body = {"domain": {"name": "Default"}}
    assert cloud.login("demo", "demo", body).status_code == 401
    role, user = cloud.id("roles", "reader"), cloud.id("users", "demo")
    assert cloud.call("PUT", f"/v3/domains/default/users/{user}/roles/{role}").status_code == 204
    token = cloud.login("demo", "demo", body).json["token"]
    assert token["domain"] == {"id": "default", "name": "Default"}


def test_placeholders_in_the_urls_of_the_catalog_are_filled_in(cloud):
    token = cloud.login("demo", "demo", DEMO).json["token"]
    urls = {entry["type"]: entry["endpoints"][0]["url"] for entry in token["catalog"]}
    assert urls["object-store"].endswith(f"AUTH_{token['project']['id']}")
    system = cloud.login("admin", "admin", {"system": {"all": True}}).json["token"]
    assert next(entry for entry in system["catalog"] if entry["type"] == "object-store")["endpoints"] == []


@pytest.mark.parametrize(
    ("name", "password", "scope"),
    [
        ("demo", "wrong", None),
        ("nobody", "demo", None),
        ("demo", "demo", {"project": {"id": "nothing"}}),
        ("demo", "demo", {"project": {"name": "other", "domain": {"id": "default"}}}),
        ("demo", "x" * 5000, None),
    ],
)
def test_all_failures_read_the_same(cloud, name, password, scope):
    answer = cloud.login(name, password, scope)
    assert answer.status_code == 401
    assert answer.json == {
        "error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}
    }
    assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")


@pytest.mark.parametrize(
    "auth",
    [
        {},
        {"identity": {}},
        {"identity": {"methods": []}},
        {"identity": {"methods": ["password"]}},
        {"identity": {"methods": ["nonsense"]}},
        {"identity": {"methods": ["password"], "password": {"user": {"name": "demo"}}}},
        {"identity": {"methods": ["password"], "password": {"user": {"name": "demo", "password": "demo"}}}},
        {"identity": {"methods": ["token"], "token": {}}},
    ],
)
def test_a_malformed_login_is_a_bad_request(cloud, auth):
    assert cloud.post("/v3/auth/tokens", {"auth": auth}, None).status_code == 400


def test_a_disabled_user_or_domain_cannot_log_in(cloud):
    cloud.call("PATCH", f"/v3/users/{cloud.id('users', 'demo')}", json={"user": {"enabled": False}})
    assert cloud.login("demo", "demo").status_code == 401
    domain = cloud.make("/v3/domains", "domain", name="away")
    cloud.make("/v3/users", "user", name="u", password="p", domain_id=domain["id"])
    assert cloud.login("u", "p", domain=domain["id"]).status_code == 201
    cloud.call("PATCH", f"/v3/domains/{domain['id']}", json={"domain": {"enabled": False}})
    assert cloud.login("u", "p", domain=domain["id"]).status_code == 401


def test_a_token_makes_another_with_its_chain_and_end(cloud):
    first = cloud.login("demo", "demo")
    body = {
        "auth": {"identity": {"methods": ["token"], "token": {"id": first.headers["X-Subject-Token"]}}, "scope": DEMO}
    }
    second = cloud.post("/v3/auth/tokens", body, None)
    assert second.status_code == 201
    old, new = first.json["token"], second.json["token"]
    assert new["expires_at"] == old["expires_at"]
    assert new["audit_ids"][1] == old["audit_ids"][0]
    assert set(new["methods"]) == {"token", "password"}


def test_the_default_project_is_the_scope_when_none_is_asked_for(cloud):
    project = cloud.id("projects", "demo")
    user = cloud.id("users", "demo")
    cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"default_project_id": project}})
    assert cloud.login("demo", "demo").json["token"]["project"]["id"] == project
    assert "project" not in cloud.login("demo", "demo", "unscoped").json["token"]
    cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"default_project_id": cloud.id("projects", "other")}})
    assert "project" not in cloud.login("demo", "demo").json["token"]


def test_wrong_passwords_lock_a_user_for_a_while(cloud_with):
    cloud = cloud_with(lockout_failure_attempts=3)
    for _ in range(3):
        assert cloud.login("demo", "wrong").status_code == 401
    assert cloud.login("demo", "demo").status_code == 401
    cloud.call("PATCH", f"/v3/users/{cloud.id('users', 'demo')}", json={"user": {"enabled": True}})
    assert cloud.login("demo", "demo").status_code == 201


SEED = "JBSWY3DPEHPK3PXP"


def test_a_second_factor_and_its_receipt(cloud):
    user = cloud.id("users", "demo")
    cloud.make("/v3/credentials", "credential", "demo", type="totp", blob=SEED)
    options = {"multi_factor_auth_rules": [["password", "totp"]]}
    cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"options": options}})
    first = cloud.login("demo", "demo", DEMO)
    assert first.status_code == 401 and first.json["required_auth_methods"] == [["password", "totp"]]
    assert first.json["receipt"]["methods"] == ["password"] and "token" not in first.json
    receipt = first.headers["Openstack-Auth-Receipt"]
    assert cloud.check(receipt).status_code == 404  # it is no token

    def second(code, **headers):
        auth = {"identity": {"methods": ["totp"], "totp": {"user": {"id": user, "passcode": code}}}, "scope": DEMO}
        return cloud.call("POST", "/v3/auth/tokens", None, {"auth": auth}, **headers)

    code = code_at(SEED, int(time.time()) // 30).decode()
    assert second("000000" if code != "000000" else "111111", OpenStack_Auth_Receipt=receipt).status_code == 401
    done = second(code, OpenStack_Auth_Receipt=receipt)
    assert done.status_code == 201 and set(done.json["token"]["methods"]) == {"password", "totp"}
    assert second(code, OpenStack_Auth_Receipt=receipt).status_code == 401  # used up
    assert second(code, OpenStack_Auth_Receipt=done.headers["X-Subject-Token"]).status_code == 401
    both = {
        "identity": {
            "methods": ["password", "totp"],
            "password": {"user": {"id": user, "password": "demo"}},
            "totp": {"user": {"id": user, "passcode": "12"}},
        }
    }
    assert cloud.post("/v3/auth/tokens", {"auth": both}, None).status_code == 401


def test_multi_factor_rules_refuse_a_password_alone(cloud):
    user = cloud.id("users", "demo")
    rules = {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": [["password", "token"]]}
    cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"options": rules}})
    assert cloud.login("demo", "demo").status_code == 401


def test_unknown_methods_and_scopes_are_refused(cloud):
    who = {"id": cloud.id("users", "demo"), "password": "demo"}

    def login(methods, **auth):
        identity = {"methods": methods, "password": {"user": who}, "stars": {}}
        return cloud.post("/v3/auth/tokens", {"auth": {"identity": identity} | auth}, None)

    unknown = login(["stars"])
    assert unknown.status_code == 401 and "unsupported method" in unknown.json["error"]["message"]
    assert login(["moon"]).status_code == 400  # nothing is said of it
    assert login(["password"], scope={"stars": {"id": "x"}}).status_code == 400
    assert login(["password"], scope={"project": {"id": "x"}, "domain": {"id": "default"}}).status_code == 400


def test_a_scoped_token_is_exchanged_unless_the_operator_forbids_it(cloud_with):
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


def test_a_reference_without_a_domain_is_a_bad_request(cloud):
    for scope in ({"project": {"name": "demo"}}, {"domain": {}}, {"system": {"all": False}}):
        assert cloud.login("admin", "admin", scope).status_code == 400
    assert cloud.login("admin", "admin", {"domain": {"name": "unknown"}}).status_code == 401
    assert cloud.login("admin", "admin", {"OS-TRUST:trust": {"id": "unknown"}}).status_code == 401


def test_a_federated_method_and_a_foreign_receipt_are_refused(cloud):
    auth = {"identity": {"methods": ["saml2"], "saml2": {}}}
    assert cloud.post("/v3/auth/tokens", {"auth": auth}, None).status_code == 401
    user = {"name": "demo", "domain": {"id": "default"}, "password": "demo"}
    auth = {"identity": {"methods": ["password"], "password": {"user": user}}}
    answer = cloud.call("POST", "/v3/auth/tokens", None, {"auth": auth}, OpenStack_Auth_Receipt="forged")
    assert answer.status_code == 401


def test_a_user_without_a_second_factor_is_refused_with_the_same_answer(cloud):
    user = {"name": "demo", "domain": {"id": "default"}, "passcode": "123456"}
    auth = {"identity": {"methods": ["totp"], "totp": {"user": user}}}
    assert cloud.post("/v3/auth/tokens", {"auth": auth}, None).status_code == 401


def test_a_password_hash_is_renewed_when_its_settings_are_weak(cloud, identity):
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("demo")
    user = cloud.id("users", "demo")
    with identity.sessions.begin() as session:
        session.get_one(User, user).password_hash = weak
    assert cloud.login("demo", "demo").status_code == 201
    with identity.sessions.read() as session:
        assert session.get_one(User, user).password_hash != weak
    assert cloud.login("demo", "demo").status_code == 201


def test_versions_are_discovered_without_a_token(cloud):
    answer = cloud.get("/", None)
    assert answer.status_code == 300 and answer.json["versions"]["values"][0]["status"] == "stable"
    assert cloud.get("/v3", None).json["version"]["links"][0]["href"].endswith("/v3/")


def test_the_catalog_is_shown_to_scoped_tokens_only(cloud):
    unscoped = cloud.login("demo", "demo", "unscoped").headers["X-Subject-Token"]
    assert cloud.get("/v3/auth/catalog", unscoped).status_code == 403
    assert cloud.get("/v3/auth/catalog", "demo").status_code == 200
