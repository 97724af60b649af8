"""OAuth1 request tokens: a consumer asks, a user authorizes, and the token is exchanged."""

from oauth1_program import PROJECT, Program, authorize, expire, give, oauth_token, seconds_left, tokens_of

from pileus_identity.db.models import AccessToken, RequestToken


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


def test_an_operator_may_let_tokens_live_without_end(cloud_with):
    cloud = cloud_with(oauth1_request_token_s=0, oauth1_access_token_s=0)
    give(cloud, "admin")
    program = Program(cloud)
    assert "expires" not in program.ask().text
    access = program.obtain_access_token("reader")
    assert cloud.get(f"{tokens_of(cloud)}/{access[0]}").json["access_token"]["expires_at"] is None
    assert program.login(access).status_code == 201
