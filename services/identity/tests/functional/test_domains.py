"""Domains: /v3/domains."""

import pytest


def test_a_domain_is_created_shown_listed_updated_and_deleted(cloud):
    cloud.check_crud("/v3/domains", "domain", {"name": "n", "description": "d"}, {"name": "m", "enabled": False})


def test_names_of_domains_are_unique_and_bounded(cloud):
    cloud.check_unique_names("/v3/domains", "domain")


@pytest.mark.parametrize("name", ["enabled", "name", "tags"])
def test_a_null_is_refused(cloud, name):
    cloud.check_null_is_refused("/v3/domains", "domain", {"name": "new"}, name)


def test_the_id_of_a_domain_never_changes(cloud):
    cloud.check_fixed_id("/v3/domains", "domain", {"name": "n"})


def test_a_domain_is_deleted_with_its_users_groups_roles_and_projects(cloud):
    domain = cloud.make("/v3/domains", "domain", name="d")["id"]
    user = cloud.make("/v3/users", "user", name="u", domain_id=domain, password="p")["id"]
    project = cloud.make("/v3/projects", "project", name="p", domain_id=domain)["id"]
    cloud.make("/v3/projects", "project", name="c", parent_id=project)
    cloud.make("/v3/groups", "group", name="g", domain_id=domain)
    cloud.make("/v3/roles", "role", name="r", domain_id=domain)
    cloud.call("PUT", f"/v3/projects/{project}/users/{user}/roles/{cloud.id('roles', 'reader')}")
    assert cloud.call("DELETE", f"/v3/domains/{domain}").status_code == 403
    cloud.call("PATCH", f"/v3/domains/{domain}", json={"domain": {"enabled": False}})
    assert cloud.call("DELETE", f"/v3/domains/{domain}").status_code == 204
    assert cloud.get(f"/v3/users/{user}").status_code == 404 and cloud.get(f"/v3/projects/{project}").status_code == 404
    assert not [
        a for a in cloud.get("/v3/role_assignments").json["role_assignments"] if a.get("user", {}).get("id") == user
    ]


def test_a_domain_may_be_created_with_an_id(cloud):
    domain = cloud.make("/v3/domains", "domain", name="d", explicit_domain_id="abc", tags=["x"])
    assert domain["id"] == "abc" and domain["tags"] == ["x"]
    changed = cloud.call("PATCH", "/v3/domains/abc", json={"domain": {"tags": ["y"], "description": None}})
    assert changed.json["domain"]["tags"] == ["y"] and changed.json["domain"]["description"] == ""
    assert [row["id"] for row in cloud.get("/v3/domains?name=d&enabled=true").json["domains"]] == ["abc"]


def test_a_project_is_no_domain_and_others_do_not_see_a_domain(cloud):
    assert cloud.get(f"/v3/domains/{cloud.id('projects', 'demo')}").status_code == 404
    other = cloud.make("/v3/domains", "domain", name="d")["id"]
    assert cloud.get("/v3/domains/default", "demo").status_code == 200  # their own
    assert cloud.get(f"/v3/domains/{other}", "demo").status_code == 403
    assert cloud.get("/v3/domains", "demo").status_code == 403
    assert cloud.post("/v3/domains", {"domain": {"name": "x"}}, "demo").status_code == 403


def test_an_immutable_domain_is_not_changed(cloud):
    domain = cloud.make("/v3/domains", "domain", name="d", options={"immutable": True})["id"]
    path = f"/v3/domains/{domain}"
    assert cloud.call("PATCH", path, json={"domain": {"enabled": False}}).status_code == 403
    assert cloud.call("DELETE", path).status_code == 403
    assert cloud.call("PATCH", path, json={"domain": {"options": {"immutable": None}}}).status_code == 200


def test_a_user_lists_the_domains_where_they_have_a_role(cloud):
    user, domain = cloud.id("users", "demo"), cloud.make("/v3/domains", "domain", name="d")["id"]
    cloud.call("PUT", f"/v3/domains/{domain}/users/{user}/roles/{cloud.id('roles', 'reader')}")
    assert [row["id"] for row in cloud.get("/v3/auth/domains", "demo").json["domains"]] == [domain]
