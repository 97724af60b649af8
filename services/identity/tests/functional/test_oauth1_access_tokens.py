"""OAuth1 access tokens: /v3/users/{user_id}/OS-OAUTH1/access_tokens, and logins with them."""

import pytest
from oauth1_program import HERE, Program, authorize, give, oauth_token, tokens_of

from pileus_identity.db.models import AccessToken, RequestToken
from pileus_kit.config import ServiceConfig
from pileus_kit.errors import Unauthorized
from pileus_kit.peers import Peers
from pileus_kit.testing import WsgiAdapter


def test_a_token_made_with_an_access_token_ends_with_it(cloud_with):
    cloud = cloud_with(oauth1_access_token_s=60)
    give(cloud, "admin")
    program = Program(cloud)
    access = program.obtain_access_token("reader")
    ends = cloud.get(f"{tokens_of(cloud)}/{access[0]}").json["access_token"]["expires_at"]
    assert program.login(access).json["token"]["expires_at"] == ends


def test_a_users_access_tokens(cloud, program):
    access = program.obtain_access_token("member", "reader")
    path = f"{tokens_of(cloud)}/{access[0]}"
    view = cloud.get(path).json["access_token"]
    assert view.pop("expires_at") and view == {
        "id": access[0],
        "consumer_id": program.consumer["id"],
        "project_id": program.project,
        "authorizing_user_id": cloud.id("users", "admin"),
        "links": {"self": HERE + path, "roles": f"{HERE}{path}/roles"},
    }
    assert [token["id"] for token in cloud.get(tokens_of(cloud)).json["access_tokens"]] == [access[0]]
    roles = cloud.get(f"{path}/roles").json["roles"]
    assert {role["name"] for role in roles} == {"member", "reader"}
    assert cloud.get(f"{path}/roles/{roles[0]['id']}").json["role"] == roles[0]
    assert cloud.get(f"{path}/roles/{cloud.id('roles', 'admin')}").status_code == 404
    elsewhere = f"{tokens_of(cloud, 'demo')}/{access[0]}"
    assert cloud.get(elsewhere).status_code == 404 and cloud.call("DELETE", elsewhere).status_code == 404
    assert cloud.get(f"{elsewhere}/roles").status_code == 404
    assert cloud.get(path, "demo").status_code == 403


def test_the_access_tokens_of_a_user_are_limited(cloud_with):
    cloud = cloud_with(user_limit=1)
    give(cloud, "admin")
    program = Program(cloud)
    program.obtain_access_token("reader")
    token = oauth_token(program.ask())
    verifier = authorize(cloud, token, "reader").json["token"]["oauth_verifier"]
    assert program.exchange(token, verifier).status_code == 403


def test_a_deleted_access_token_is_invalid_at_once(cloud, program):
    access = program.obtain_access_token("reader")
    kept, text = program.obtain_access_token("reader"), program.login(access).headers["X-Subject-Token"]
    other = program.login(kept).headers["X-Subject-Token"]
    assert cloud.call("DELETE", f"{tokens_of(cloud)}/{access[0]}").status_code == 204
    assert cloud.check(text).status_code == 404 and program.login(access).status_code == 401
    assert cloud.get(f"{tokens_of(cloud)}/{access[0]}").status_code == 404
    assert cloud.check(other).status_code == 200
    assert cloud.call("DELETE", f"/v3/OS-OAUTH1/consumers/{program.consumer['id']}").status_code == 204
    assert cloud.check(other).status_code == 404 and program.login(kept).status_code == 401
    assert program.ask().status_code == 401 and cloud.get(tokens_of(cloud)).json["access_tokens"] == []


def test_an_access_token_grants_only_what_its_user_still_has(cloud, program):
    give(cloud, "member")
    access = program.obtain_access_token("member")
    text = program.login(access).headers["X-Subject-Token"]
    assert {role["name"] for role in cloud.check(text).json["token"]["roles"]} == {"member", "reader"}
    give(cloud, "member", "DELETE")
    give(cloud, "admin", "DELETE")
    assert cloud.check(text).status_code == 404 and program.login(access).status_code == 401
    give(cloud, "reader")
    assert [role["name"] for role in program.login(access).json["token"]["roles"]] == ["reader"]


def test_an_access_token_for_a_disabled_project_is_refused(cloud, program):
    access = program.obtain_access_token("reader")
    text = program.login(access).headers["X-Subject-Token"]
    project = f"/v3/projects/{program.project}"
    assert cloud.call("PATCH", project, json={"project": {"enabled": False}}).status_code == 200
    assert cloud.check(text).status_code == 404 and program.login(access).status_code == 401
    cloud.call("PATCH", project, json={"project": {"enabled": True}})
    assert program.login(access).status_code == 201


def test_access_tokens_are_deleted_with_their_user_and_project(cloud, program, identity):
    user = cloud.make("/v3/users", "user", name="delegator", password="delegator")["id"]
    admin = f"users/{user}/roles/{cloud.id('roles', 'admin')}"
    assert cloud.call("PUT", f"/v3/projects/{program.project}/{admin}").status_code == 204
    delegator = cloud.login("delegator", "delegator", {"project": {"id": program.project}}).headers["X-Subject-Token"]
    access = program.obtain_access_token("reader", who=delegator)
    text = program.login(access).headers["X-Subject-Token"]
    authorize(cloud, oauth_token(program.ask()), "reader", who=delegator)
    assert cloud.call("DELETE", f"/v3/users/{user}").status_code == 204
    assert cloud.check(text).status_code == 404 and program.login(access).status_code == 401
    program.project = cloud.make("/v3/projects", "project", name="short")["id"]
    me = f"users/{cloud.id('users', 'admin')}/roles/{cloud.id('roles', 'admin')}"
    assert cloud.call("PUT", f"/v3/projects/{program.project}/{me}").status_code == 204
    access = program.obtain_access_token("reader")
    program.ask()
    assert cloud.call("DELETE", f"/v3/projects/{program.project}").status_code == 204
    assert program.login(access).status_code == 401
    with identity.sessions.read() as session:
        assert [session.query(model).count() for model in (RequestToken, AccessToken)] == [0, 0]


def test_a_token_of_an_access_token_creates_no_delegations_and_reads_no_secrets(cloud, program):
    text = program.login(program.obtain_access_token("admin")).headers["X-Subject-Token"]
    me, pending = cloud.id("users", "admin"), oauth_token(program.ask())
    assert authorize(cloud, pending, "reader", who=text).status_code == 403
    access = cloud.get(tokens_of(cloud)).json["access_tokens"][0]["id"]
    for path in ("", f"/{access}", f"/{access}/roles", f"/{access}/roles/x"):
        assert cloud.get(tokens_of(cloud) + path, text).status_code == 403
    assert cloud.call("DELETE", f"{tokens_of(cloud)}/{access}", text).status_code == 403
    again = {"identity": {"methods": ["token"], "token": {"id": text}}}
    assert cloud.post("/v3/auth/tokens", {"auth": again}, None).status_code == 403
    assert cloud.get("/v3/credentials", text).status_code == 403
    assert cloud.post("/v3/credentials", {"credential": {"type": "totp", "blob": "x"}}, text).status_code == 403
    trust = {
        "trustor_user_id": me,
        "trustee_user_id": cloud.id("users", "demo"),
        "project_id": program.project,
        "impersonation": True,
        "roles": [{"name": "reader"}],
    }
    assert cloud.post("/v3/OS-TRUST/trusts", {"trust": trust}, text).status_code == 403
    body = {"application_credential": {"name": "x"}}
    assert cloud.post(f"/v3/users/{me}/application_credentials", body, text).status_code == 403


def test_an_access_key_of_an_access_token_stays_within_it(cloud, program):
    access = program.obtain_access_token("admin")
    text = program.login(access).headers["X-Subject-Token"]
    me = cloud.id("users", "admin")
    keys = f"/v3/users/{me}/credentials/OS-EC2"
    assert cloud.post(keys, {"tenant_id": cloud.id("projects", "admin")}, text).status_code == 403
    key = cloud.post(keys, {"tenant_id": program.project}, text).json["credential"]
    token = cloud.signed_in(key)
    assert token.status_code == 200 and token.json["token"]["OS-OAUTH1"]["access_token_id"] == access[0]
    assert cloud.post(keys, {"tenant_id": program.project}, token.headers["X-Subject-Token"]).status_code == 403
    theirs = f"/v3/users/{cloud.id('users', 'demo')}/credentials/OS-EC2"
    stolen = cloud.post(theirs, {"tenant_id": program.project}, text).json["credential"]
    assert cloud.signed_in(stolen).status_code == 401  # the delegation is of another user's rights
    assert cloud.call("DELETE", f"{tokens_of(cloud)}/{access[0]}").status_code == 204
    assert cloud.signed_in(key).status_code == 401


@pytest.mark.parametrize("methods", [["oauth1", "password"], ["password", "oauth1"]])
def test_two_methods_have_to_prove_the_same_user(program, methods):
    access, path = program.obtain_access_token("reader"), "/v3/auth/tokens"
    for name, status in (("admin", 201), ("demo", 401)):
        user = {"name": name, "domain": {"id": "default"}, "password": name}
        auth = {"identity": {"methods": methods, "oauth1": {}, "password": {"user": user}}}
        answer = program.send(path, program.header(path, access), {"auth": auth})
        assert answer.status_code == status
        if status == 201:
            assert [role["name"] for role in answer.json["token"]["roles"]] == ["reader"]


@pytest.mark.parametrize("end", ["access token", "consumer", "user"])
def test_other_services_refuse_a_token_of_a_revoked_delegation(identity, cloud, program, end):
    config = ServiceConfig(service_user="compute", service_password="compute", identity_url="http://identity.test/v3")
    authenticator = Peers(config, {"http://identity.test": WsgiAdapter(identity.app)}).authenticator()
    made = cloud.make("/v3/users", "user", name="u", password="u")["id"]
    where = f"/v3/projects/{program.project}/users/{made}/roles/{cloud.id('roles', 'admin')}"
    assert cloud.call("PUT", where).status_code == 204
    delegator = cloud.login("u", "u", {"project": {"id": program.project}}).headers["X-Subject-Token"]
    key = program.obtain_access_token("member", who=delegator)
    token = program.login(key).headers["X-Subject-Token"]
    assert authenticator(token).user_id == made
    path = {
        "access token": f"/v3/users/{made}/OS-OAUTH1/access_tokens/{key[0]}",
        "consumer": f"/v3/OS-OAUTH1/consumers/{program.consumer['id']}",
        "user": f"/v3/users/{made}",
    }[end]
    assert cloud.call("DELETE", path).status_code == 204
    authenticator._asked = 0.0  # as if the last answer about revocations were a second old
    with pytest.raises(Unauthorized):
        authenticator(token)
