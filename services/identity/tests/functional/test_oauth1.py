"""OAuth1: a user delegates some of their roles in one project to a program, whose requests are signed."""

import logging
import time
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import pytest
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, SIGNATURE_PLAINTEXT, Client

from pileus_identity.db.models import AccessToken, Consumer, RequestToken, SeenNonce
from pileus_kit.config import ServiceConfig
from pileus_kit.db import now
from pileus_kit.errors import Unauthorized
from pileus_kit.peers import Peers
from pileus_kit.testing import WsgiAdapter

HERE = "http://localhost"
PROJECT = "demo"


class Program:
    """A consumer that signs and sends requests."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.consumer = cloud.make("/v3/OS-OAUTH1/consumers", "consumer", description="a program")
        self.project = cloud.id("projects", PROJECT)

    def header(self, path, token=(), secret=None, root=HERE, **signing):
        key, token_secret = (*token, None, None)[:2]
        client = Client(
            self.consumer["id"],
            client_secret=secret or self.consumer["secret"],
            resource_owner_key=key,
            resource_owner_secret=token_secret,
            **signing,
        )
        return client.sign(root + path, http_method="POST")[1]["Authorization"]

    def send(self, path, header, json=None, **headers):
        return self.cloud.call("POST", path, None, json, Authorization=header, **headers)

    def ask(self, **signing):
        path = "/v3/OS-OAUTH1/request_token"
        return self.send(path, self.header(path, callback_uri="oob", **signing), Requested_Project_Id=self.project)

    def exchange(self, token, verifier, **signing):
        path = "/v3/OS-OAUTH1/access_token"
        return self.send(path, self.header(path, token, verifier=verifier, **signing))

    def login(self, token, header=None, path="/v3/auth/tokens", **more):
        auth = {"identity": {"methods": ["oauth1"], "oauth1": {}}} | more
        return self.send(path, header or self.header(path, token), {"auth": auth})

    def obtain_access_token(self, *roles, who="admin"):
        """Ask for a request token, have it authorized, and exchange it."""
        token = oauth_token(self.ask())
        return oauth_token(
            self.exchange(token, authorize(self.cloud, token, *roles, who=who).json["token"]["oauth_verifier"])
        )


def oauth_token(answer):
    """The token and its secret, as the answer holds them."""
    assert answer.status_code == 201, answer.text
    assert answer.content_type == "application/x-www-form-urlencoded"
    given = parse_qs(answer.text)
    return given["oauth_token"][0], given["oauth_token_secret"][0]


def authorize(cloud, token, *roles, who="admin"):
    wanted = [{"name": name} for name in roles]
    return cloud.call("PUT", f"/v3/OS-OAUTH1/authorize/{token[0]}", who, {"roles": wanted})


@pytest.fixture
def program(cloud):
    """The administrator has roles in project `demo`, too: by default only administrators may authorize."""
    give(cloud, "admin")
    return Program(cloud)


def give(cloud, role, method="PUT"):
    path = f"/v3/projects/{cloud.id('projects', PROJECT)}/users/{cloud.id('users', 'admin')}/roles"
    assert cloud.call(method, f"{path}/{cloud.id('roles', role)}").status_code == 204


def tokens_of(cloud, user="admin"):
    return f"/v3/users/{cloud.id('users', user)}/OS-OAUTH1/access_tokens"


# -- consumers -----------------------------------------------------------------------------------------------------


def test_a_consumers_secret_is_shown_once(cloud, identity):
    made = cloud.make("/v3/OS-OAUTH1/consumers", "consumer", description="d", team="blue", secret="mine")
    path = f"/v3/OS-OAUTH1/consumers/{made['id']}"
    assert len(made["secret"]) > 60 and made["links"]["self"] == HERE + path
    shown = {key: value for key, value in made.items() if key != "secret"}
    assert cloud.get(path).json["consumer"] == shown and shown["team"] == "blue"
    assert cloud.get("/v3/OS-OAUTH1/consumers").json["consumers"] == [shown]
    assert cloud.get(path, "admin@system").status_code == 200
    with identity.sessions.read() as session:
        assert made["secret"] not in session.get_one(Consumer, made["id"]).secret
    changed = cloud.call("PATCH", path, json={"consumer": {"description": None}}).json["consumer"]
    assert changed == shown | {"description": None}
    assert cloud.call("PATCH", path, json={"consumer": {"secret": "x"}}).status_code == 400
    assert cloud.call("PATCH", path, json={"consumer": {"id": "x"}}).status_code == 400
    assert cloud.call("PATCH", path, json={"consumer": {}}).status_code == 400
    assert cloud.call("DELETE", path).status_code == 204
    assert cloud.get(path).status_code == 404 and cloud.call("DELETE", path).status_code == 404


# -- the way to an access token ------------------------------------------------------------------------------------


def test_a_program_acts_with_the_authorized_roles(cloud, program):
    asked = program.ask()
    assert 28_700 < seconds_left(asked) <= 28_800
    request = oauth_token(asked)
    answer = authorize(cloud, request, "reader")
    assert answer.status_code == 200 and len(answer.json["token"]["oauth_verifier"]) == 8
    exchanged = program.exchange(request, answer.json["token"]["oauth_verifier"])
    assert 86_300 < seconds_left(exchanged) <= 86_400
    access = oauth_token(exchanged)
    login = program.login(access, scope={"project": {"name": "admin", "domain": {"id": "default"}}})
    assert login.status_code == 201, login.json
    view = login.json["token"]
    assert view["methods"] == ["oauth1"] and view["user"]["name"] == "admin" and view["project"]["name"] == PROJECT
    assert [role["name"] for role in view["roles"]] == ["reader"]
    assert view["OS-OAUTH1"] == {"access_token_id": access[0], "consumer_id": program.consumer["id"]}
    assert view["catalog"] and view["expires_at"]
    text = login.headers["X-Subject-Token"]
    assert cloud.check(text).json["token"]["OS-OAUTH1"] == view["OS-OAUTH1"]
    assert cloud.get("/v3/users", text).status_code == 403


def seconds_left(answer):
    until = datetime.fromisoformat(parse_qs(answer.text)["oauth_expires_at"][0])
    return (until - now()).total_seconds()


def test_a_user_delegates_only_roles_that_they_have(cloud, program):
    path = f"/v3/OS-OAUTH1/authorize/{oauth_token(program.ask())[0]}"

    def put(body, who="admin"):
        return cloud.call("PUT", path, who, body).status_code

    give(cloud, "admin", "DELETE")
    give(cloud, "member")
    assert put({"roles": [{"name": "admin"}]}) == 401 and put({"roles": [{"id": cloud.id("roles", "admin")}]}) == 401
    assert put({"roles": [{"name": "unknown"}]}) == 401 and put({"roles": [{"id": "unknown"}]}) == 401
    assert put({"roles": [{"id": cloud.id("roles", "member")}, {"name": "reader"}]}) == 200
    for wrong in ({}, {"roles": []}, {"roles": [{}]}, {"roles": [{"id": "x", "name": "y"}]}, {"roles": "x"}):
        assert put(wrong) == 400
    assert put({"roles": [{"name": "member"}]}, "demo") == 403  # OpenStack's default
    assert cloud.call("PUT", "/v3/OS-OAUTH1/authorize/x", json={"roles": [{"name": "member"}]}).status_code == 404


def test_only_the_authorizing_user_can_authorize_again(cloud, program):
    token = oauth_token(program.ask())
    first = authorize(cloud, token, "reader").json["token"]["oauth_verifier"]
    second = authorize(cloud, token, "member").json["token"]["oauth_verifier"]
    other = cloud.make("/v3/users", "user", name="second", password="second")["id"]
    path = f"/v3/projects/{program.project}/users/{other}/roles/{cloud.id('roles', 'admin')}"
    assert cloud.call("PUT", path).status_code == 204
    scope = {"project": {"id": program.project}}
    theirs = cloud.login("second", "second", scope).headers["X-Subject-Token"]
    assert authorize(cloud, token, "reader", who=theirs).status_code == 403
    assert program.exchange(token, first).status_code == 401
    assert program.exchange(token, second).status_code == 201


def test_a_request_token_is_exchanged_once_and_only_when_authorized(cloud, program):
    token = oauth_token(program.ask())
    refused = program.exchange(token, "12345678")
    assert refused.status_code == 401 and "authorizing user" in refused.json["error"]["message"]
    verifier = authorize(cloud, token, "reader").json["token"]["oauth_verifier"]
    refused = program.exchange(token, "12345678")
    assert refused.status_code == 401 and "verifier" in refused.json["error"]["message"]
    assert program.exchange(token, verifier).status_code == 201
    assert program.exchange(token, verifier).status_code == 401
    assert authorize(cloud, token, "reader").status_code == 404


def test_a_project_has_to_be_named_and_to_exist(cloud, program):
    path = "/v3/OS-OAUTH1/request_token"
    assert program.send(path, program.header(path)).status_code == 400
    for wrong in ("unknown", "default"):
        assert program.send(path, program.header(path), Requested_Project_Id=wrong).status_code == 404


# -- signatures ----------------------------------------------------------------------------------------------------


def test_a_signature_has_to_be_right(cloud, program):
    assert program.ask(secret="wrong").status_code == 401
    assert program.ask(signature_method=SIGNATURE_HMAC_SHA256).status_code == 401
    assert program.ask(signature_method=SIGNATURE_PLAINTEXT).status_code == 401
    assert program.ask(root="http://elsewhere").status_code == 401
    access = program.obtain_access_token("reader")
    assert program.login((access[0], "wrong")).status_code == 401
    assert program.login(("unknown", access[1])).status_code == 401
    assert program.login(oauth_token(program.ask())).status_code == 401  # a request token is no access token
    assert program.exchange(access, "12345678").status_code == 401
    other = Program(cloud)
    assert other.login(access).status_code == 401  # nor is another consumer's
    program.consumer |= {"id": "unknown"}
    assert program.ask().status_code == 401
    program.consumer |= {"id": "\0"}
    assert program.ask().status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic eDp5",
        "OAuth",
        "OAuth x",
        "OAuth a=b",
        'OAuth oauth_consumer_key="%ff"',
        'OAuth oauth_token="x", oauth_nonce="y"',
    ],
)
def test_a_malformed_header_is_a_bad_request(program, header):
    assert program.send("/v3/OS-OAUTH1/access_token", header).status_code == 400
    assert program.send("/v3/OS-OAUTH1/request_token", header).status_code in (400, 401)
    assert program.login(None, header=header or " ").status_code == 400


def test_parameters_in_the_url_are_ignored(program):
    path = "/v3/OS-OAUTH1/request_token"
    client = Client(program.consumer["id"], client_secret=program.consumer["secret"], signature_type="QUERY")
    url = client.sign(HERE + path, http_method="POST")[0].removeprefix(HERE)
    answer = program.cloud.call("POST", url, None, Requested_Project_Id=program.project)
    assert answer.status_code == 400
    assert program.send(url, program.header(path), Requested_Project_Id=program.project).status_code == 400
    assert program.send(path + "?%zz", program.header(path)).status_code == 400


def test_the_signature_covers_the_query(program):
    access = program.obtain_access_token("reader")
    path = "/v3/auth/tokens?nocatalog"
    signed = program.login(access, path=path)
    assert signed.status_code == 201 and "catalog" not in signed.json["token"]
    assert program.login(access, header=program.header("/v3/auth/tokens", access), path=path).status_code == 401


def test_a_signed_request_is_accepted_once(cloud, program, identity):
    access = program.obtain_access_token("reader")
    header = program.header("/v3/auth/tokens", access)
    assert program.login(access, header).status_code == 201
    assert program.login(access, header).status_code == 401
    late = program.header("/v3/auth/tokens", access, timestamp=str(int(time.time()) - 660))
    early = program.header("/v3/auth/tokens", access, timestamp=str(int(time.time()) + 660))
    assert program.login(access, late).status_code == 401 and program.login(access, early).status_code == 401
    token = oauth_token(program.ask())
    header = program.header("/v3/OS-OAUTH1/access_token", token, verifier="wrong")
    assert "authorizing user" in program.send("/v3/OS-OAUTH1/access_token", header).json["error"]["message"]
    again = program.send("/v3/OS-OAUTH1/access_token", header)
    assert again.status_code == 401 and "authorizing user" not in again.json["error"]["message"]
    with identity.sessions.begin() as session:
        session.query(SeenNonce).update({"at": now() - timedelta(hours=1)})
    program.ask()
    with identity.sessions.read() as session:
        assert session.query(SeenNonce).count() == 1  # old ones don't pile up


def test_behind_a_proxy_the_public_address_is_signed(cloud_with):
    program = Program(cloud_with(public_url="https://cloud.example/identity"))
    assert program.ask(root="https://cloud.example/identity").status_code == 201
    assert program.ask().status_code == 201  # and the one that was asked
    assert program.ask(root="https://cloud.example").status_code == 401


def test_no_secret_reaches_the_logs(program, cloud, caplog):
    caplog.set_level(logging.DEBUG)
    request = oauth_token(program.ask())
    verifier = authorize(cloud, request, "reader").json["token"]["oauth_verifier"]
    program.exchange(request, verifier, secret="wrong")
    access = oauth_token(program.exchange(request, verifier))
    program.login(access)
    written = caplog.text
    assert "request_token" in written
    for secret in (program.consumer["secret"], request[1], access[1], verifier):
        assert secret not in written


# -- time ----------------------------------------------------------------------------------------------------------


def expire(identity, model):
    with identity.sessions.begin() as session:
        session.query(model).update({"expires_at": now() - timedelta(seconds=1)})


def test_request_and_access_tokens_expire(cloud, program, identity):
    token = oauth_token(program.ask())
    verifier = authorize(cloud, token, "reader").json["token"]["oauth_verifier"]
    expire(identity, RequestToken)
    assert authorize(cloud, token, "reader").status_code == 401
    assert program.exchange(token, verifier).status_code == 401
    access = program.obtain_access_token("reader")
    expire(identity, AccessToken)
    assert program.login(access).status_code == 401
    assert cloud.get(tokens_of(cloud)).json["access_tokens"] == []
    assert cloud.get(f"{tokens_of(cloud)}/{access[0]}").status_code == 404
    program.obtain_access_token("reader")
    with identity.sessions.read() as session:
        assert [session.query(model).count() for model in (RequestToken, AccessToken)] == [0, 1]


def test_a_token_made_with_an_access_token_ends_with_it(cloud_with):
    cloud = cloud_with(oauth1_access_token_s=60)
    give(cloud, "admin")
    program = Program(cloud)
    access = program.obtain_access_token("reader")
    ends = cloud.get(f"{tokens_of(cloud)}/{access[0]}").json["access_token"]["expires_at"]
    assert program.login(access).json["token"]["expires_at"] == ends


def test_an_operator_may_let_tokens_live_without_end(cloud_with):
    cloud = cloud_with(oauth1_request_token_s=0, oauth1_access_token_s=0)
    give(cloud, "admin")
    program = Program(cloud)
    assert "expires" not in program.ask().text
    access = program.obtain_access_token("reader")
    assert cloud.get(f"{tokens_of(cloud)}/{access[0]}").json["access_token"]["expires_at"] is None
    assert program.login(access).status_code == 201


# -- a user's access tokens ----------------------------------------------------------------------------------------


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


# -- delegated tokens ------------------------------------------------------------------------------------------------


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
