"""Grants, what they imply, and how role_assignments lists them."""

import pytest

from pileus_identity.core import role_assignments

DEMO = {"project": {"name": "demo", "domain": {"id": "default"}}}


def test_every_family_of_grants(cloud):
    user, group = cloud.id("users", "other"), cloud.make("/v3/groups", "group", name="g")["id"]
    project, role = cloud.id("projects", "demo"), cloud.make("/v3/roles", "role", name="r")["id"]
    for actor in (f"users/{user}", f"groups/{group}"):
        for path in (
            f"/v3/projects/{project}/{actor}/roles",
            f"/v3/domains/default/{actor}/roles",
            f"/v3/system/{actor}/roles",
        ):
            one = f"{path}/{role}"
            assert cloud.call("HEAD", one).status_code == 404
            assert cloud.call("PUT", one).status_code == 204
            assert cloud.call("PUT", one).status_code == 204
            assert cloud.call("HEAD", one).status_code == 204 and cloud.get(one).status_code == 204
            assert [r["id"] for r in cloud.get(path).json["roles"]] == [role]
            assert cloud.call("DELETE", one).status_code == 204
            assert cloud.call("DELETE", one).status_code == 404
    assert cloud.call("PUT", f"/v3/projects/nothing/users/{user}/roles/{role}").status_code == 404
    assert cloud.call("PUT", f"/v3/projects/{project}/users/nobody/roles/{role}").status_code == 404
    assert cloud.call("PUT", f"/v3/projects/{project}/users/{user}/roles/nothing").status_code == 404
    assert cloud.call("PUT", f"/v3/projects/default/users/{user}/roles/{role}").status_code == 404  # that is a domain


def test_a_domains_own_role_counts_by_what_it_implies(cloud):
    user, project = cloud.id("users", "other"), cloud.id("projects", "demo")
    own = cloud.make("/v3/roles", "role", name="own", domain_id="default")["id"]
    assert cloud.call("PUT", f"/v3/roles/{own}/implies/{cloud.id('roles', 'reader')}").status_code == 201
    cloud.call("PUT", f"/v3/projects/{project}/users/{user}/roles/{own}")
    token = cloud.login("other", "other", DEMO).json["token"]
    assert [role["name"] for role in token["roles"]] == ["reader"]
    domain = cloud.make("/v3/domains", "domain", name="d")["id"]
    foreign = cloud.make("/v3/roles", "role", name="own", domain_id=domain)["id"]
    assert cloud.call("PUT", f"/v3/projects/{project}/users/{user}/roles/{foreign}").status_code == 403


def test_implications(cloud):
    one, two = (cloud.make("/v3/roles", "role", name=name)["id"] for name in ("one", "two"))
    path = f"/v3/roles/{one}/implies/{two}"
    assert cloud.get(path).status_code == 404
    assert cloud.call("PUT", path).json["role_inference"]["implies"]["id"] == two
    assert cloud.get(path).status_code == 200 and cloud.call("HEAD", path).status_code == 204
    assert [r["id"] for r in cloud.get(f"/v3/roles/{one}/implies").json["role_inference"]["implies"]] == [two]
    assert any(i["prior_role"]["id"] == one for i in cloud.get("/v3/role_inferences").json["role_inferences"])
    assert cloud.call("PUT", f"/v3/roles/{two}/implies/{one}").status_code == 403  # a circle
    assert cloud.call("PUT", f"/v3/roles/{one}/implies/{cloud.id('roles', 'admin')}").status_code == 403
    assert cloud.call("DELETE", path).status_code == 204 and cloud.get(path).status_code == 404


def listed(cloud, query, who="admin"):
    answer = cloud.get(f"/v3/role_assignments?{query}", who)
    assert answer.status_code == 200, answer.json
    return answer.json["role_assignments"]


def test_assignments_as_given_and_as_they_work_out(cloud):
    user, group = cloud.id("users", "other"), cloud.make("/v3/groups", "group", name="g")["id"]
    project, member = cloud.id("projects", "demo"), cloud.id("roles", "member")
    child = cloud.make("/v3/projects", "project", name="child", parent_id=project)["id"]
    cloud.call("PUT", f"/v3/groups/{group}/users/{user}")
    inherit = f"/v3/OS-INHERIT/projects/{project}/groups/{group}/roles/{member}/inherited_to_projects"
    assert cloud.call("PUT", inherit).status_code == 204
    given = listed(cloud, f"group.id={group}")
    assert given == [
        {
            "role": {"id": member},
            "group": {"id": group},
            "links": given[0]["links"],
            "scope": {"project": {"id": project}, "OS-INHERIT:inherited_to": "projects"},
        }
    ]
    effective = listed(cloud, f"user.id={user}&effective&scope.project.id={child}&include_names")
    assert sorted(a["role"]["name"] for a in effective) == ["member", "reader"]
    assert all(a["user"]["name"] == "other" and a["scope"]["project"]["name"] == "child" for a in effective)
    assert all("membership" in a["links"] for a in effective)
    assert listed(cloud, f"user.id={user}&effective&scope.project.id={project}") == []
    assert len(listed(cloud, f"scope.project.id={project}&include_subtree=1")) >= 3
    assert {a["scope"]["system"]["all"] for a in listed(cloud, "scope.system=all")} == {True}
    assert cloud.get(f"/v3/role_assignments?effective&group.id={group}").status_code == 400
    assert cloud.get("/v3/role_assignments?scope.project.id=1&scope.domain.id=2").status_code == 400


@pytest.mark.parametrize("query", ["include_names", "effective&include_names"])
def test_a_list_that_is_cut_says_so(cloud, monkeypatch, query):
    assert "truncated" not in cloud.get(f"/v3/role_assignments?{query}").json
    monkeypatch.setattr(role_assignments, "MAX_ROWS", 3)
    cut = cloud.get(f"/v3/role_assignments?{query}").json
    assert len(cut["role_assignments"]) == 3 and cut["truncated"] is True


def test_of_one_role_nothing_is_cut_off_by_others(cloud, monkeypatch):
    known = {held["role"]["id"] for held in cloud.get("/v3/role_assignments?effective").json["role_assignments"]}
    monkeypatch.setattr(role_assignments, "MAX_ROWS", 1)
    for role in known:
        cut = cloud.get(f"/v3/role_assignments?effective&role.id={role}").json
        assert [held["role"]["id"] for held in cut["role_assignments"]] == [role] and cut["truncated"] is True
    assert len(known) > 1


def test_a_projects_administrator_sees_its_tree_only(cloud):
    user, project, admin = cloud.id("users", "demo"), cloud.id("projects", "demo"), cloud.id("roles", "member")
    assert cloud.get(f"/v3/role_assignments?scope.project.id={project}", "demo").status_code == 403
    assert cloud.get(f"/v3/role_assignments?scope.project.id={project}&include_subtree", "demo").status_code == 403
    assert cloud.get("/v3/role_assignments", "demo").status_code == 403
    assert user and admin


def test_a_domain_manager_manages_his_domain_and_no_more(cloud, identity):
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
