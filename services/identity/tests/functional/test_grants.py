"""Grants of roles to users and groups, on projects, domains and the system."""


def test_a_role_is_granted_checked_listed_and_revoked_on_each_kind_of_target(cloud):
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
