"""Users: /v3/users."""

import json

import pytest


def test_a_user_is_created_shown_listed_updated_and_deleted(cloud):
    cloud.check_crud("/v3/users", "user", {"name": "n", "email": "a@b", "password": "p"}, {"name": "m", "email": "c@d"})


def test_names_of_users_are_unique_and_bounded(cloud):
    cloud.check_unique_names("/v3/users", "user")


@pytest.mark.parametrize("name", ["enabled", "name"])
def test_a_null_is_refused(cloud, name):
    cloud.check_null_is_refused("/v3/users", "user", {"name": "new"}, name)


def test_the_id_of_a_user_never_changes(cloud):
    cloud.check_fixed_id("/v3/users", "user", {"name": "n"})


def test_extra_attributes_are_bounded_together(cloud):
    user = cloud.make("/v3/users", "user", name="u", a="x" * 10_000)["id"]
    path = f"/v3/users/{user}"
    assert cloud.call("PATCH", path, json={"user": {"b": "x" * 10_000}}).status_code == 400
    assert cloud.call("PATCH", path, json={"user": {"a": None, "b": "x" * 10_000}}).status_code == 200


@pytest.mark.parametrize("deep", [40, 970, 980])
def test_deeply_nested_extra_attributes_are_refused(cloud, deep):
    def post(path, body):
        text = json.dumps(body).replace('"HERE"', "[" * deep + "]" * deep)
        return cloud.identity.client.post(path, data=text, headers={"X-Auth-Token": cloud.token("admin")})

    assert post("/v3/users", {"user": {"name": "u", "x": "HERE"}}).status_code == 400
    domain = cloud.make("/v3/domains", "domain", name="d")["id"]
    config = {"config": {"ldap": {"url": ["x" * 20_000]}}}
    assert cloud.call("PUT", f"/v3/domains/{domain}/config", json=config).status_code == 400


def test_lists_filter_and_page(cloud):
    ids = sorted(cloud.make("/v3/users", "user", name=f"Page{n}", enabled=n != 1)["id"] for n in range(3))

    def found(query):
        return [user["id"] for user in cloud.get(f"/v3/users?{query}").json["users"]]

    assert found("name=Page1") and len(found("name__startswith=Page")) == 3
    assert len(found("name__contains=age2")) == 1
    assert len(found("enabled=false")) == 1
    assert found("name__startswith=Page&domain_id=nothing") == []
    first = cloud.get("/v3/users?name__startswith=Page&limit=2").json
    assert [user["id"] for user in first["users"]] == ids[:2] and first["truncated"] is True
    following = first["links"]["next"].partition("/v3/")[2]
    second = cloud.get(f"/v3/{following}").json
    assert [user["id"] for user in second["users"]] == ids[2:] and second["links"]["next"] is None
    assert cloud.get("/v3/users?limit=many").status_code == 400


def test_a_filter_that_is_longer_than_any_name_finds_nothing(cloud):
    found = cloud.get("/v3/users?name__contains=" + "x" * 60_000)
    assert found.status_code == 200 and found.json["users"] == []


def test_users_see_themselves_and_their_scopes(cloud):
    me, them = cloud.id("users", "demo"), cloud.id("users", "other")
    assert cloud.get(f"/v3/users/{me}", "demo").status_code == 200
    assert cloud.get(f"/v3/users/{them}", "demo").status_code == 403
    assert cloud.get("/v3/users/nobody", "demo").status_code == 403  # no telling what exists
    assert [p["name"] for p in cloud.get("/v3/auth/projects", "demo").json["projects"]] == ["demo"]
    assert [p["name"] for p in cloud.get(f"/v3/users/{me}/projects", "demo").json["projects"]] == ["demo"]
    assert cloud.get("/v3/auth/domains", "demo").json["domains"] == []
    assert cloud.get("/v3/auth/system", "demo").json["system"] == []
    assert cloud.get("/v3/auth/system", "admin").json["system"] == [{"all": True}]
    assert cloud.get("/v3/users", "demo").status_code == 403
    assert cloud.get("/v3/users", "admin@system").status_code == 200


def test_an_expired_password_can_only_be_changed(cloud_with):
    cloud = cloud_with(change_password_upon_first_use=True, unique_last_password_count=2, password_regex=".{3,}")
    user = cloud.make("/v3/users", "user", name="new", password="first")
    assert cloud.login("new", "first").status_code == 401
    path = f"/v3/users/{user['id']}/password"

    def change(old, new):
        return cloud.post(path, {"user": {"original_password": old, "password": new}}, None).status_code

    assert change("first", "x") == 400
    assert change("first", "first") == 400
    assert change("first", "second") == 204
    assert change("second", "first") == 400
    assert cloud.login("new", "second").status_code == 201


def test_a_password_change_revokes_the_users_tokens(cloud):
    user, token = cloud.id("users", "demo"), cloud.token("demo")
    path = f"/v3/users/{user}/password"
    assert cloud.post(path, {"user": {"original_password": "x", "password": "new"}}, None).status_code == 401
    assert cloud.post(path, {"user": {"original_password": "demo", "password": "new"}}, None).status_code == 204
    assert cloud.login("demo", "demo").status_code == 401
    assert cloud.login("demo", "new").status_code == 201
    assert cloud.check(token).status_code == 404


def test_users_are_found_by_the_expiry_of_their_passwords(cloud_with):
    cloud = cloud_with(password_expires_days=10)
    made = cloud.make("/v3/users", "user", name="u", password="p")
    at = made["password_expires_at"]

    def found(condition):
        users = cloud.get(f"/v3/users?password_expires_at={condition}").json["users"]
        return made["id"] in {user["id"] for user in users}

    assert found(f"eq:{at}") and found(at) and found("gt:2020-01-01T00:00:00Z") and found(f"lte:{at}")
    assert not found(f"neq:{at}") and not found(f"lt:{at}") and not found("lt:2020-01-01T00:00:00Z")
    assert cloud.get("/v3/users?password_expires_at=lt:soon").status_code == 400
    assert cloud.get("/v3/users?idp_id=x").json["users"] == []  # there is no federation


def test_a_user_has_a_domain_and_a_default_project(cloud):
    project = cloud.id("projects", "demo")
    user = cloud.make("/v3/users", "user", name="u", default_project_id=project)
    assert user["default_project_id"] == project
    one = f"/v3/users/{user['id']}"
    assert cloud.call("PATCH", one, json={"user": {"default_project_id": "default"}}).status_code == 400
    assert cloud.call("PATCH", one, json={"user": {"domain_id": "other"}}).status_code == 400
    assert cloud.post("/v3/users", {"user": {"name": "v", "domain_id": "unknown"}}).status_code == 404
    project = cloud.make("/v3/projects", "project", name="p")["id"]
    cloud.call("PATCH", one, json={"user": {"default_project_id": project}})
    assert cloud.call("DELETE", f"/v3/projects/{project}").status_code == 204
    assert "default_project_id" not in cloud.get(one).json["user"]


def test_a_password_can_be_removed_and_is_bounded(cloud):
    user = cloud.make("/v3/users", "user", name="u", password="p", description="d")
    assert user["description"] == "d"
    one = f"/v3/users/{user['id']}"
    assert cloud.call("PATCH", one, json={"user": {"password": None}}).status_code == 200
    assert cloud.login("u", "p").status_code == 401
    assert cloud.call("PATCH", one, json={"user": {"password": "x" * 4097}}).status_code == 400
    assert cloud.call("PATCH", one, json={"user": {"options": {"unknown": True}}}).status_code == 400


def test_a_user_may_be_kept_from_changing_their_password(cloud_with):
    cloud = cloud_with(minimum_password_age_days=1)
    user = cloud.make("/v3/users", "user", name="u", password="first")["id"]
    path = f"/v3/users/{user}/password"

    def change(old, new):
        return cloud.post(path, {"user": {"original_password": old, "password": new}}, None).status_code

    assert change("first", "second") == 204  # the administrator's password has no minimum age
    assert change("second", "third") == 400
    cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"options": {"lock_password": True}}})
    assert change("second", "third") == 403
    cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"options": {"lock_password": None}, "enabled": False}})
    assert change("second", "third") == 401


def test_an_expired_password_logs_in_only_users_who_may_ignore_that(cloud_with):
    cloud = cloud_with(password_expires_days=-1)
    user = cloud.make("/v3/users", "user", name="u", password="p")["id"]
    refused = cloud.login("u", "p")
    assert refused.status_code == 401 and "expired" in refused.json["error"]["message"]
    cloud.call("PATCH", f"/v3/users/{user}", json={"user": {"options": {"ignore_password_expiry": True}}})
    assert cloud.login("u", "p").status_code == 201
