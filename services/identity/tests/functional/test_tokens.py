"""Tokens: validation, revocation, and what changes mean for tokens that are valid."""

import msgspec

from pileus_kit.db import count_statements

DEMO = {"project": {"name": "demo", "domain": {"id": "default"}}}


def test_a_token_is_validated_and_revoked(cloud):
    token = cloud.token("demo")
    shown = cloud.check(token)
    assert shown.status_code == 200
    assert shown.headers["X-Subject-Token"] == token
    assert "catalog" in shown.json["token"]
    assert "catalog" not in cloud.get("/v3/auth/tokens?nocatalog", "compute", X_Subject_Token=token).json["token"]
    head = cloud.call("HEAD", "/v3/auth/tokens", "compute", X_Subject_Token=token)
    assert head.status_code == 200 and head.data == b""
    assert cloud.call("DELETE", "/v3/auth/tokens", "demo", X_Subject_Token=token).status_code == 204
    assert cloud.check(token).status_code == 404
    assert cloud.get("/v3/auth/projects", token).status_code == 401
    again = {"auth": {"identity": {"methods": ["token"], "token": {"id": token}}}}
    assert cloud.post("/v3/auth/tokens", again, None).status_code == 404


def test_services_and_the_owner_validate_a_token(cloud):
    assert cloud.check(cloud.token("demo"), "demo").status_code == 200  # its own
    assert cloud.check(cloud.token("demo"), "other").status_code == 403
    assert cloud.get("/v3/auth/tokens", None, X_Subject_Token=cloud.token("demo")).status_code == 401
    assert cloud.get("/v3/auth/tokens", "compute").status_code == 400
    assert cloud.check("nonsense" * 10, "compute").status_code == 404


def test_validating_costs_no_statement_for_a_known_token_and_at_most_one_for_others(cloud, identity):
    tokens = [cloud.login("demo", "demo", DEMO).headers["X-Subject-Token"] for _ in range(3)]
    cloud.check(tokens[0])
    with count_statements(identity.sessions) as seen:
        cloud.check(tokens[0])
        cloud.check(tokens[1])
    assert seen == []
    with count_statements(identity.sessions) as seen:
        cloud.login("demo", "demo", DEMO)
    assert len(seen) <= 2
    identity.tools.tokens._cached.clear()
    cloud.token("compute")
    with count_statements(identity.sessions) as seen:
        assert cloud.check(tokens[2]).status_code == 200
    assert len(seen) <= 1


def test_another_process_with_the_same_keys_knows_the_token(cloud, identity):
    from pileus_identity.core.tools import Tools

    token = cloud.token("demo")
    other = Tools(identity.config, identity.sessions)
    assert other.authenticate(token).user_name == "demo"


def test_a_tampered_token_is_unknown(cloud):
    token = cloud.token("demo")
    swapped = token[:-3] + ("A" if token[-3] != "A" else "B") + token[-2:]
    assert cloud.check(swapped).status_code == 404


def test_revoking_one_token_leaves_those_made_from_it(cloud):
    first = cloud.login("demo", "demo").headers["X-Subject-Token"]
    body = {"auth": {"identity": {"methods": ["token"], "token": {"id": first}}, "scope": DEMO}}
    second = cloud.post("/v3/auth/tokens", body, None).headers["X-Subject-Token"]
    cloud.call("DELETE", "/v3/auth/tokens", first, X_Subject_Token=first)
    assert cloud.check(first).status_code == 404
    assert cloud.check(second).status_code == 200


def test_a_revoked_role_disappears_from_valid_tokens_at_once(cloud):
    user, project = cloud.id("users", "demo"), cloud.id("projects", "demo")
    member, reader = cloud.id("roles", "member"), cloud.id("roles", "reader")
    path = f"/v3/projects/{project}/users/{user}/roles"
    token = cloud.token("demo")
    assert cloud.call("PUT", f"{path}/{reader}").status_code == 204
    assert cloud.call("DELETE", f"{path}/{member}").status_code == 204
    assert [r["name"] for r in cloud.check(token).json["token"]["roles"]] == ["reader"]
    cloud.call("DELETE", f"{path}/{reader}")
    assert cloud.check(token).status_code == 404
    cloud.call("PUT", f"{path}/{member}")
    assert cloud.check(token).status_code == 200


def test_disabling_revokes_tokens_for_good(cloud):
    user, project = cloud.id("users", "demo"), cloud.id("projects", "demo")
    first, second = cloud.token("demo"), cloud.token("reader")
    for enabled in (False, True):
        cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"enabled": enabled}})
    assert cloud.check(first).status_code == 404
    assert cloud.check(second).status_code == 200
    for enabled in (False, True):
        cloud.call("PATCH", f"/v3/projects/{project}", json={"project": {"enabled": enabled}})
    assert cloud.check(second).status_code == 404
    assert cloud.login("reader", "reader", DEMO).status_code == 201


def test_renamed_users_and_projects_are_renamed_in_valid_tokens(cloud):
    token = cloud.token("demo")
    cloud.call("PATCH", f"/v3/users/{cloud.id('users', 'demo')}", json={"user": {"name": "renamed"}})
    cloud.call("PATCH", f"/v3/projects/{cloud.id('projects', 'demo')}", json={"project": {"name": "moved"}})
    cloud.call("PATCH", "/v3/domains/default", json={"domain": {"name": "Home"}})
    view = cloud.check(token).json["token"]
    assert (view["user"]["name"], view["project"]["name"], view["user"]["domain"]["name"]) == (
        "renamed",
        "moved",
        "Home",
    )


def test_roles_through_groups_and_inheritance_take_effect_at_once(cloud):
    group = cloud.make("/v3/groups", "group", name="g")["id"]
    user, project, reader = cloud.id("users", "other"), cloud.id("projects", "demo"), cloud.id("roles", "reader")
    cloud.call("PUT", f"/v3/projects/{project}/groups/{group}/roles/{reader}")
    assert cloud.login("other", "other", DEMO).status_code == 401
    cloud.call("PUT", f"/v3/groups/{group}/users/{user}")
    token = cloud.login("other", "other", DEMO).headers["X-Subject-Token"]
    cloud.call("DELETE", f"/v3/groups/{group}/users/{user}")
    assert cloud.check(token).status_code == 404
    inherit = f"/v3/OS-INHERIT/domains/default/users/{user}/roles/{reader}/inherited_to_projects"
    assert cloud.call("PUT", inherit).status_code == 204
    assert cloud.call("HEAD", inherit).status_code == 204
    assert cloud.check(token).status_code == 200
    cloud.call("DELETE", inherit)
    assert cloud.check(token).status_code == 404


def test_services_read_the_events_of_the_revocation_log(cloud):
    start = cloud.get("/v3/OS-PILEUS/revocations?since=-1", "compute").json
    assert start["reset"] is True
    user = cloud.id("users", "demo")
    cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"enabled": False}})
    news = cloud.get(f"/v3/OS-PILEUS/revocations?since={start['serial']}", "compute").json
    assert news["reset"] is False and {e["user_id"] for e in news["events"]} == {user}
    assert cloud.get(f"/v3/OS-PILEUS/revocations?since={news['serial']}", "compute").json["events"] == []
    assert cloud.get("/v3/OS-PILEUS/revocations?since=0", "manager").status_code == 403
    assert cloud.get("/v3/OS-PILEUS/revocations?since=x", "compute").status_code == 400


def test_an_expired_token_is_known_only_to_a_service_that_finishes_its_work(cloud, identity):
    token = cloud.token("demo")
    known = identity.tools.tokens._cached[token]
    known.payload = msgspec.structs.replace(known.payload, expires=known.payload.expires - 2 * 3600 * 1_000_000)
    assert cloud.check(token).status_code == 404
    assert cloud.get("/v3/auth/tokens?allow_expired=1", "compute", X_Subject_Token=token).status_code == 200
    assert cloud.get("/v3/auth/tokens?allow_expired=0", "compute", X_Subject_Token=token).status_code == 404
    assert cloud.get("/v3/auth/tokens?allow_expired=1", "admin", X_Subject_Token=token).status_code == 404
