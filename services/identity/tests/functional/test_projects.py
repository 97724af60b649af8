"""Projects: /v3/projects."""

import pytest


def test_a_project_is_created_shown_listed_updated_and_deleted(cloud):
    cloud.check_crud("/v3/projects", "project", {"name": "n", "description": "d"}, {"name": "m", "enabled": False})


def test_names_of_projects_are_unique_and_bounded(cloud):
    cloud.check_unique_names("/v3/projects", "project")


@pytest.mark.parametrize("name", ["enabled", "is_domain", "name", "tags"])
def test_a_null_is_refused(cloud, name):
    cloud.check_null_is_refused("/v3/projects", "project", {"name": "new"}, name)


def test_the_id_of_a_project_never_changes(cloud):
    cloud.check_fixed_id("/v3/projects", "project", {"name": "n"})


def test_projects_make_a_tree(cloud):
    top = cloud.make("/v3/projects", "project", name="top", tags=["b", "a"], color="blue")
    assert (top["domain_id"], top["parent_id"], top["enabled"], top["description"]) == ("default", "default", True, "")
    assert top["color"] == "blue" and top["tags"] == ["a", "b"]
    child = cloud.make("/v3/projects", "project", name="child", parent_id=top["id"])
    leaf = cloud.make("/v3/projects", "project", name="leaf", parent_id=child["id"])
    path = f"/v3/projects/{child['id']}"
    assert cloud.get(f"{path}?parents_as_ids").json["project"]["parents"] == {top["id"]: None}
    assert cloud.get(f"/v3/projects/{top['id']}?subtree_as_ids").json["project"]["subtree"] == {
        child["id"]: {leaf["id"]: None}
    }
    listed = cloud.get(f"{path}?subtree_as_list").json["project"]["subtree"]
    assert [entry["project"]["name"] for entry in listed] == ["leaf"]
    assert cloud.call("DELETE", path).status_code == 403  # not a leaf
    assert cloud.call("PATCH", path, json={"project": {"enabled": False}}).status_code == 403  # enabled child
    for project in (leaf, child, top):
        assert cloud.call("DELETE", f"/v3/projects/{project['id']}").status_code == 204
    assert cloud.get(path).status_code == 404


def test_a_member_sees_the_projects_of_the_tree_where_they_have_a_role(cloud):
    me, member = cloud.id("users", "demo"), cloud.id("roles", "member")
    project = cloud.id("projects", "demo")
    mine, theirs = (cloud.make("/v3/projects", "project", name=n, parent_id=project)["id"] for n in ("mine", "theirs"))
    cloud.call("PUT", f"/v3/projects/{mine}/users/{me}/roles/{member}")
    path = f"/v3/projects/{project}"

    def listed(who):
        shown = cloud.get(f"{path}?subtree_as_list", who).json["project"]
        return {entry["project"]["id"] for entry in shown["subtree"]}

    assert listed("demo") == {mine} and listed("admin") == {mine, theirs}
    assert set(cloud.get(f"{path}?subtree_as_ids", "demo").json["project"]["subtree"]) == {mine, theirs}


def test_a_tree_has_a_maximum_depth_and_one_domain(cloud):
    parent = "default"
    for level in range(5):
        parent = cloud.make("/v3/projects", "project", name=f"p{level}", parent_id=parent)["id"]
    too_deep = cloud.post("/v3/projects", {"project": {"name": "p5", "parent_id": parent}})
    assert too_deep.status_code == 403
    domain = cloud.make("/v3/domains", "domain", name="d")
    wrong = {"project": {"name": "x", "parent_id": parent, "domain_id": domain["id"]}}
    assert cloud.post("/v3/projects", wrong).status_code == 400
    assert cloud.call("PATCH", f"/v3/projects/{parent}", json={"project": {"parent_id": "default"}}).status_code == 400


def test_an_immutable_resource_is_not_changed(cloud):
    admin = cloud.id("roles", "admin")
    assert cloud.call("DELETE", f"/v3/roles/{admin}").status_code == 403
    assert cloud.call("PATCH", f"/v3/roles/{admin}", json={"role": {"name": "x"}}).status_code == 403
    project = cloud.make("/v3/projects", "project", name="p", options={"immutable": True})["id"]
    assert cloud.call("DELETE", f"/v3/projects/{project}").status_code == 403
    loosened = cloud.call("PATCH", f"/v3/projects/{project}", json={"project": {"options": {"immutable": False}}})
    assert loosened.status_code == 200
    assert cloud.call("DELETE", f"/v3/projects/{project}").status_code == 204


def test_a_project_that_acts_as_a_domain_has_no_parent(cloud):
    parent = cloud.id("projects", "demo")
    for place in ({"parent_id": parent}, {"domain_id": "default"}):
        body = {"name": "top", "is_domain": True} | place
        assert cloud.post("/v3/projects", {"project": body}).status_code == 400
    assert cloud.make("/v3/projects", "project", name="top", is_domain=True, parent_id=None)["is_domain"] is True


def test_an_unknown_domain_is_named_in_the_refusal(cloud):
    for place in ("nothing", cloud.id("projects", "demo")):
        answer = cloud.post("/v3/projects", {"project": {"name": "p", "domain_id": place}})
        assert answer.status_code == 404 and answer.json["error"]["message"] == f"Could not find domain: {place}."


def test_a_project_is_not_created_below_or_enabled_in_a_disabled_one(cloud):
    parent = cloud.make("/v3/projects", "project", name="parent")["id"]
    child = cloud.make("/v3/projects", "project", name="child", parent_id=parent, enabled=False)["id"]
    assert cloud.call("PATCH", f"/v3/projects/{parent}", json={"project": {"enabled": False}}).status_code == 200
    assert cloud.post("/v3/projects", {"project": {"name": "x", "parent_id": parent}}).status_code == 403
    assert cloud.call("PATCH", f"/v3/projects/{child}", json={"project": {"enabled": True}}).status_code == 403
    cloud.call("PATCH", f"/v3/projects/{parent}", json={"project": {"enabled": True}})
    assert cloud.call("PATCH", f"/v3/projects/{child}", json={"project": {"enabled": True}}).status_code == 200


def test_a_null_description_is_empty(cloud):
    made = cloud.make("/v3/projects", "project", name="p", description=None)
    assert made["description"] == ""
    changed = cloud.call("PATCH", f"/v3/projects/{made['id']}", json={"project": {"description": None}})
    assert changed.json["project"]["description"] == ""


def test_relatives_are_shown_in_one_shape_at_a_time(cloud):
    path = f"/v3/projects/{cloud.id('projects', 'demo')}"
    for direction in ("parents", "subtree"):
        assert cloud.get(f"{path}?{direction}_as_list&{direction}_as_ids").status_code == 400
    assert cloud.get(f"{path}?parents_as_list").json["project"]["parents"] == []
    assert cloud.get(f"{path}?subtree_as_ids").json["project"]["subtree"] is None
    assert "subtree" not in cloud.get(f"{path}?subtree_as_ids=false").json["project"]


def test_a_domain_is_changed_and_deleted_as_a_project(cloud):
    domain = cloud.make("/v3/projects", "project", name="d", is_domain=True)["id"]
    assert domain in [row["id"] for row in cloud.get("/v3/projects?is_domain=true").json["projects"]]
    assert domain not in [row["id"] for row in cloud.get("/v3/projects").json["projects"]]
    path = f"/v3/projects/{domain}"
    assert cloud.call("DELETE", path).status_code == 403  # it is enabled
    changed = cloud.call("PATCH", path, json={"project": {"enabled": False, "tags": ["x"]}})
    assert changed.json["project"]["tags"] == ["x"] and changed.json["project"]["domain_id"] is None
    assert cloud.call("DELETE", path).status_code == 204
    assert cloud.get(f"/v3/domains/{domain}").status_code == 404


def test_a_projects_tags_are_changed_with_it(cloud):
    project = cloud.make("/v3/projects", "project", name="p", tags=["a", "b"])["id"]
    changed = cloud.call("PATCH", f"/v3/projects/{project}", json={"project": {"tags": ["b", "c"]}})
    assert changed.json["project"]["tags"] == ["b", "c"]


def test_a_project_of_another_project_is_refused(cloud):
    theirs = cloud.id("projects", "other")
    for path in (f"/v3/projects/{theirs}", f"/v3/projects/{theirs}/tags", "/v3/projects/unknown"):
        assert cloud.get(path, "demo").status_code == 403
    assert cloud.post("/v3/projects", {"project": {"name": "x"}}, "demo").status_code == 403
