"""Endpoint groups and single endpoints that a project sees: /v3/OS-EP-FILTER."""


def test_a_project_sees_only_its_endpoints(cloud):
    project, compute = cloud.id("projects", "demo"), cloud.id("services", "compute")

    def seen():
        catalog = cloud.get("/v3/auth/catalog", "demo").json["catalog"]
        return {(entry["type"], e["interface"]) for entry in catalog for e in entry["endpoints"]}

    everything = seen()
    filters = {"service_id": compute, "interface": "public"}
    group = cloud.make("/v3/OS-EP-FILTER/endpoint_groups", "endpoint_group", name="g", filters=filters)
    path = f"/v3/OS-EP-FILTER/endpoint_groups/{group['id']}"
    assert cloud.call("PUT", f"{path}/projects/{project}").status_code == 204
    assert cloud.call("PUT", f"{path}/projects/{project}").status_code == 409
    assert cloud.get(f"{path}/projects/{project}").status_code == 200
    assert seen() == {("compute", "public")}
    image = cloud.id("services", "image")
    endpoint = cloud.get(f"/v3/endpoints?service_id={image}&interface=admin").json["endpoints"][0]["id"]
    one = f"/v3/OS-EP-FILTER/projects/{project}/endpoints/{endpoint}"
    assert cloud.get(one).status_code == 404
    assert cloud.call("PUT", one).status_code == 204 and cloud.get(one).status_code == 204
    assert seen() == {("compute", "public"), ("image", "admin")}
    listed = {
        f"{path}/endpoints": "endpoints",
        f"{path}/projects": "projects",
        f"/v3/OS-EP-FILTER/projects/{project}/endpoints": "endpoints",
        f"/v3/OS-EP-FILTER/projects/{project}/endpoint_groups": "endpoint_groups",
        f"/v3/OS-EP-FILTER/endpoints/{endpoint}/projects": "projects",
    }
    for url, key in listed.items():
        assert len(cloud.get(url).json[key]) == 1, url
    assert cloud.call("DELETE", one).status_code == 204
    assert cloud.call("PATCH", path, json={"endpoint_group": {"filters": {"interface": "admin"}}}).status_code == 200
    assert {interface for _, interface in seen()} == {"admin"}
    assert cloud.call("DELETE", path).status_code == 204
    assert seen() == everything
    assert (
        cloud.post(
            "/v3/OS-EP-FILTER/endpoint_groups", {"endpoint_group": {"name": "g", "filters": {"x": 1}}}
        ).status_code
        == 400
    )


def test_the_filters_of_an_endpoint_group_can_be_removed(cloud):
    path = "/v3/OS-EP-FILTER/endpoint_groups"
    assert cloud.post(path, {"endpoint_group": {"name": "none", "filters": {}}}).status_code == 400
    made = cloud.make(path, "endpoint_group", name="g", filters={"interface": "public", "enabled": True})
    all_public = len(cloud.get(f"{path}/{made['id']}/endpoints").json["endpoints"])
    answer = cloud.call("PATCH", f"{path}/{made['id']}", json={"endpoint_group": {"filters": {}}})
    assert answer.status_code == 200 and answer.json["endpoint_group"]["filters"] == {}
    assert len(cloud.get(f"{path}/{made['id']}/endpoints").json["endpoints"]) >= all_public


def test_an_endpoint_group_is_shown_and_its_projects_can_leave_it(cloud):
    project, path = cloud.id("projects", "demo"), "/v3/OS-EP-FILTER/endpoint_groups"
    group = cloud.make(path, "endpoint_group", name="g", filters={"interface": "public"})
    one = f"{path}/{group['id']}"
    assert cloud.get(one).json["endpoint_group"] == group
    assert cloud.get(f"{path}?name=g").json["endpoint_groups"] == [group]
    in_project = f"{one}/projects/{project}"
    assert cloud.get(in_project).status_code == 404 and cloud.call("DELETE", in_project).status_code == 404
    assert cloud.call("PUT", in_project).status_code == 204
    assert cloud.call("DELETE", in_project).status_code == 204
    assert cloud.call("PUT", f"{one}/projects/unknown").status_code == 404
    assert cloud.call("DELETE", one).status_code == 204 and cloud.get(one).status_code == 404
    assert cloud.call("PATCH", one, json={"endpoint_group": {"name": "h"}}).status_code == 404
    assert cloud.get(path, "demo").status_code == 403
