"""Tags of projects: /v3/projects/{project_id}/tags."""


def test_projects_are_found_by_tags(cloud):
    one = cloud.make("/v3/projects", "project", name="one", tags=["x", "y"])["id"]
    two = cloud.make("/v3/projects", "project", name="two", tags=["x"])["id"]

    def found(query):
        return {project["id"] for project in cloud.get(f"/v3/projects?{query}").json["projects"]}

    assert found("tags=x,y") == {one} and found("tags-any=x,y") == {one, two}
    assert {one, two} & found("not-tags=x,y") == {two} and not {one, two} & found("not-tags-any=x,y")
    path = f"/v3/projects/{one}/tags"
    assert cloud.call("PUT", f"{path}/z").status_code == 201
    assert cloud.get(path).json["tags"] == ["x", "y", "z"]
    assert cloud.get(f"{path}/z").status_code == 204 and cloud.get(f"{path}/q").status_code == 404
    assert cloud.call("DELETE", f"{path}/z").status_code == 204
    assert cloud.call("PUT", path, json={"tags": ["n"]}).json["tags"] == ["n"]
    assert cloud.call("DELETE", path).status_code == 204 and cloud.get(path).json["tags"] == []


def test_a_tag_is_bounded_and_a_project_has_at_most_80(cloud):
    project = cloud.make("/v3/projects", "project", name="p", tags=[f"t{n}" for n in range(80)])["id"]
    path = f"/v3/projects/{project}/tags"
    assert cloud.call("PUT", f"{path}/one-more").status_code == 400
    assert cloud.call("PUT", f"{path}/t1").status_code == 201  # it is there already
    for tag in ("a,b", "x" * 256):
        assert cloud.call("PUT", f"{path}/{tag}").status_code == 400
        assert cloud.call("PUT", path, json={"tags": [tag]}).status_code == 400
    assert cloud.call("DELETE", f"{path}/unknown").status_code == 404


def test_tags_of_an_immutable_project_are_not_changed(cloud):
    project = cloud.make("/v3/projects", "project", name="p", tags=["a"], options={"immutable": True})["id"]
    path = f"/v3/projects/{project}/tags"
    assert cloud.call("PUT", f"{path}/b").status_code == 403
    assert cloud.call("PUT", path, json={"tags": []}).status_code == 403
    assert cloud.call("DELETE", f"{path}/a").status_code == 403 and cloud.call("DELETE", path).status_code == 403
    assert cloud.get(path).json["tags"] == ["a"]
