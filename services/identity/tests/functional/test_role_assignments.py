"""Lists of role assignments: /v3/role_assignments."""

import pytest

from pileus_identity.core import role_assignments


def listed(cloud, query, who="admin"):
    answer = cloud.get(f"/v3/role_assignments?{query}", who)
    assert answer.status_code == 200, answer.json
    return answer.json["role_assignments"]


def test_assignments_are_listed_as_granted_and_as_effective(cloud):
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
def test_a_truncated_list_says_so(cloud, monkeypatch, query):
    assert "truncated" not in cloud.get(f"/v3/role_assignments?{query}").json
    monkeypatch.setattr(role_assignments, "MAX_ROWS", 3)
    cut = cloud.get(f"/v3/role_assignments?{query}").json
    assert len(cut["role_assignments"]) == 3 and cut["truncated"] is True


def test_assignments_of_other_roles_do_not_count_against_the_limit(cloud, monkeypatch):
    known = {held["role"]["id"] for held in cloud.get("/v3/role_assignments?effective").json["role_assignments"]}
    monkeypatch.setattr(role_assignments, "MAX_ROWS", 1)
    for role in known:
        cut = cloud.get(f"/v3/role_assignments?effective&role.id={role}").json
        assert [held["role"]["id"] for held in cut["role_assignments"]] == [role] and cut["truncated"] is True
    assert len(known) > 1


def test_a_member_does_not_list_assignments(cloud):
    user, project, admin = cloud.id("users", "demo"), cloud.id("projects", "demo"), cloud.id("roles", "member")
    assert cloud.get(f"/v3/role_assignments?scope.project.id={project}", "demo").status_code == 403
    assert cloud.get(f"/v3/role_assignments?scope.project.id={project}&include_subtree", "demo").status_code == 403
    assert cloud.get("/v3/role_assignments", "demo").status_code == 403
    assert user and admin


def test_filters_that_exclude_each_other_are_refused(cloud):
    for query in (
        "user.id=x&group.id=y",
        "scope.project.id=x&scope.system=all",
        "include_subtree",
        "scope.OS-INHERIT:inherited_to=domains",
    ):
        assert cloud.get(f"/v3/role_assignments?{query}").status_code == 400, query


def test_assignments_are_filtered_by_role_domain_and_inheritance(cloud):
    user, role = cloud.id("users", "other"), cloud.make("/v3/roles", "role", name="r")["id"]
    cloud.call("PUT", f"/v3/domains/default/users/{user}/roles/{role}")
    inherited = f"/v3/OS-INHERIT/domains/default/users/{user}/roles/{role}/inherited_to_projects"
    cloud.call("PUT", inherited)
    cloud.call("PUT", f"/v3/system/users/{user}/roles/{role}")
    assert len(listed(cloud, f"role.id={role}")) == 3
    assert len(listed(cloud, f"role.id={role}&scope.domain.id=default")) == 2
    assert len(listed(cloud, f"role.id={role}&scope.OS-INHERIT:inherited_to=projects")) == 1
    assert len(listed(cloud, f"role.id={role}&scope.system=all&effective")) == 1
    assert len(listed(cloud, f"role.id={role}&scope.domain.id=default&effective")) == 1
    everywhere = listed(cloud, f"role.id={role}&effective&scope.OS-INHERIT:inherited_to=projects&include_names")
    assert {a["scope"]["project"]["name"] for a in everywhere} == {"admin", "demo", "other", "service"}
    assert all("inherited_to_projects" in a["links"]["assignment"] for a in everywhere)
