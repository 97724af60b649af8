"""Roles: /v3/roles."""

import pytest

DEMO = {"project": {"name": "demo", "domain": {"id": "default"}}}


def test_a_role_is_created_shown_listed_updated_and_deleted(cloud):
    cloud.check_crud("/v3/roles", "role", {"name": "n", "description": "d"}, {"name": "m"})


def test_names_of_roles_are_unique_and_bounded(cloud):
    cloud.check_unique_names("/v3/roles", "role")


@pytest.mark.parametrize("name", ["name"])
def test_a_null_is_refused(cloud, name):
    cloud.check_null_is_refused("/v3/roles", "role", {"name": "new"}, name)


def test_the_id_of_a_role_never_changes(cloud):
    cloud.check_fixed_id("/v3/roles", "role", {"name": "n"})


def test_a_domain_specific_role_counts_by_what_it_implies(cloud):
    user, project = cloud.id("users", "other"), cloud.id("projects", "demo")
    own = cloud.make("/v3/roles", "role", name="own", domain_id="default")["id"]
    assert cloud.call("PUT", f"/v3/roles/{own}/implies/{cloud.id('roles', 'reader')}").status_code == 201
    cloud.call("PUT", f"/v3/projects/{project}/users/{user}/roles/{own}")
    token = cloud.login("other", "other", DEMO).json["token"]
    assert [role["name"] for role in token["roles"]] == ["reader"]
    domain = cloud.make("/v3/domains", "domain", name="d")["id"]
    foreign = cloud.make("/v3/roles", "role", name="own", domain_id=domain)["id"]
    assert cloud.call("PUT", f"/v3/projects/{project}/users/{user}/roles/{foreign}").status_code == 403


def test_a_domain_manager_manages_only_their_domain(cloud, identity):
    domain = cloud.make("/v3/domains", "domain", name="d")["id"]
    boss = cloud.make("/v3/users", "user", name="boss", password="p", domain_id=domain)["id"]
    cloud.call("PUT", f"/v3/domains/{domain}/users/{boss}/roles/{cloud.id('roles', 'manager')}")
    token = cloud.login("boss", "p", {"domain": {"id": domain}}, domain).headers["X-Subject-Token"]
    user = cloud.make("/v3/users", "user", who=token, name="u", domain_id=domain)
    project = cloud.make("/v3/projects", "project", who=token, name="p", domain_id=domain)
    assert user["domain_id"] == project["domain_id"] == domain
    assert cloud.post("/v3/users", {"user": {"name": "x", "domain_id": "default"}}, token).status_code == 403
    assert {u["domain_id"] for u in cloud.get("/v3/users", token).json["users"]} == {domain}
    assert cloud.get("/v3/domains", token).json["domains"][0]["id"] == domain
    path = f"/v3/projects/{project['id']}/users/{user['id']}/roles"
    assert cloud.call("PUT", f"{path}/{cloud.id('roles', 'member')}", token).status_code == 204
    assert cloud.call("PUT", f"{path}/{cloud.id('roles', 'admin')}", token).status_code == 403
    theirs = cloud.id("projects", "demo")
    foreign = f"/v3/projects/{theirs}/users/{user['id']}/roles/{cloud.id('roles', 'member')}"
    assert cloud.call("PUT", foreign, token).status_code == 403
    assert cloud.get(f"/v3/projects/{theirs}", token).status_code == 403


def test_a_domain_specific_role_has_rules_of_its_own(cloud):
    own = cloud.make("/v3/roles", "role", name="own", domain_id="default")
    assert [row["id"] for row in cloud.get("/v3/roles?domain_id=default").json["roles"]] == [own["id"]]
    assert own["id"] not in [row["id"] for row in cloud.get("/v3/roles").json["roles"]]
    path = f"/v3/roles/{own['id']}"
    assert cloud.get(path, "manager").status_code == 403
    assert cloud.call("PATCH", path, json={"role": {"domain_id": None}}).status_code == 400
    assert cloud.post("/v3/roles", {"role": {"name": "x", "domain_id": "unknown"}}).status_code == 404
    assert cloud.call("DELETE", path).status_code == 204


def test_a_deleted_role_ends_trusts_that_delegate_it(cloud):
    role, me = cloud.make("/v3/roles", "role", name="r")["id"], cloud.id("users", "demo")
    cloud.call("PUT", f"/v3/projects/{cloud.id('projects', 'demo')}/users/{me}/roles/{role}")
    trust = cloud.make(
        "/v3/OS-TRUST/trusts",
        "trust",
        "demo",
        trustor_user_id=me,
        trustee_user_id=cloud.id("users", "other"),
        impersonation=True,
        project_id=cloud.id("projects", "demo"),
        roles=[{"id": role}, {"name": "member"}],
    )["id"]
    assert cloud.call("DELETE", f"/v3/roles/{role}").status_code == 204
    assert cloud.get(f"/v3/OS-TRUST/trusts/{trust}", "demo").status_code == 404
