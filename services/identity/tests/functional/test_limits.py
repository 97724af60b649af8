"""Registered limits and limits: /v3/registered_limits and /v3/limits."""


def test_a_limit_overrides_the_registered_one(cloud):
    service, project = cloud.id("services", "compute"), cloud.id("projects", "demo")
    body = {"service_id": service, "resource_name": "cores", "default_limit": 10, "region_id": None}
    made = cloud.post("/v3/registered_limits", {"registered_limits": [body]})
    assert made.status_code == 201
    registered = made.json["registered_limits"][0]
    assert cloud.post("/v3/registered_limits", {"registered_limits": [body]}).status_code == 409
    own = {"service_id": service, "resource_name": "cores", "resource_limit": 5, "project_id": project}
    limit = cloud.post("/v3/limits", {"limits": [own]}).json["limits"][0]
    assert limit["project_id"] == project and limit["domain_id"] is None
    assert cloud.post("/v3/limits", {"limits": [own]}).status_code == 409
    assert cloud.post("/v3/limits", {"limits": [own | {"resource_name": "x"}]}).status_code == 403
    assert cloud.post("/v3/limits", {"limits": [own | {"domain_id": "default"}]}).status_code == 400
    assert cloud.get("/v3/limits", "demo").json["limits"] == [limit]
    assert cloud.get("/v3/limits", "other").json["limits"] == []
    assert cloud.get(f"/v3/limits/{limit['id']}", "other").status_code == 403
    path = f"/v3/registered_limits/{registered['id']}"
    assert cloud.call("DELETE", path).status_code == 403
    patched = cloud.call("PATCH", f"/v3/limits/{limit['id']}", json={"limit": {"resource_limit": 7}})
    assert patched.json["limit"]["resource_limit"] == 7
    assert cloud.call("DELETE", f"/v3/limits/{limit['id']}").status_code == 204
    assert cloud.call("DELETE", path).status_code == 204


def test_registered_limits_outlive_their_service(cloud):
    service, project = cloud.make("/v3/services", "service", type="new")["id"], cloud.id("projects", "demo")
    known = {"service_id": service, "resource_name": "things"}
    made = cloud.post("/v3/registered_limits", {"registered_limits": [known | {"default_limit": 3}]}).json
    own = cloud.post("/v3/limits", {"limits": [known | {"resource_limit": 5, "project_id": project}]}).json
    assert cloud.call("DELETE", f"/v3/services/{service}").status_code == 204
    kept = cloud.get(f"/v3/registered_limits/{made['registered_limits'][0]['id']}").json["registered_limit"]
    assert (kept["service_id"], kept["default_limit"]) == (service, 3)
    assert cloud.get(f"/v3/limits/{own['limits'][0]['id']}").json["limit"]["resource_limit"] == 5


def test_a_conflict_names_the_duplicate(cloud):
    body = {"service_id": cloud.id("services", "compute"), "resource_name": "cores", "default_limit": 1}
    twice = cloud.post("/v3/registered_limits", {"registered_limits": [body, body]})
    assert twice.status_code == 409 and "cores" in twice.json["error"]["message"]


def registered(cloud, **more):
    body = {"service_id": cloud.id("services", "compute"), "resource_name": "cores", "default_limit": 10} | more
    answer = cloud.post("/v3/registered_limits", {"registered_limits": [body]})
    assert answer.status_code == 201, answer.json
    return answer.json["registered_limits"][0]


def test_a_registered_limit_is_changed_unless_limits_refer_to_it(cloud):
    made = registered(cloud, region_id="RegionOne")
    path = f"/v3/registered_limits/{made['id']}"
    changed = cloud.call("PATCH", path, json={"registered_limit": {"resource_name": "ram", "region_id": None}})
    assert changed.json["registered_limit"]["resource_name"] == "ram"
    assert changed.json["registered_limit"]["region_id"] is None
    for wrong in ({"service_id": "unknown"}, {"region_id": "unknown"}):
        assert cloud.call("PATCH", path, json={"registered_limit": wrong}).status_code == 400
    own = {"service_id": made["service_id"], "resource_name": "ram", "resource_limit": 5, "domain_id": "default"}
    assert cloud.post("/v3/limits", {"limits": [own]}).status_code == 201
    assert cloud.call("PATCH", path, json={"registered_limit": {"resource_name": "disk"}}).status_code == 403
    assert cloud.call("PATCH", path, json={"registered_limit": {"default_limit": 1}}).status_code == 200
    assert cloud.get("/v3/registered_limits/unknown", "demo").status_code == 404
    assert cloud.call("PATCH", path, "demo", {"registered_limit": {"default_limit": 1}}).status_code == 403


def test_limits_are_filtered(cloud):
    service, project = cloud.id("services", "compute"), cloud.id("projects", "demo")
    registered(cloud)
    own = {"service_id": service, "resource_name": "cores", "resource_limit": 5}
    for owner in ({"project_id": project}, {"domain_id": "default"}):
        assert cloud.post("/v3/limits", {"limits": [own | owner]}).status_code == 201

    def found(query):
        return [(row["project_id"], row["domain_id"]) for row in cloud.get(f"/v3/limits?{query}").json["limits"]]

    assert len(found(f"service_id={service}&resource_name=cores")) == 2 and found("resource_name=ram") == []
    assert found(f"project_id={project}") == [(project, None)] and found("domain_id=default") == [(None, "default")]
    first = cloud.get("/v3/limits?limit=1").json
    assert len(first["limits"]) == 1 and first["truncated"] is True
    following = first["links"]["next"].partition("/v3/")[2]
    assert len(cloud.get(f"/v3/{following}").json["limits"]) == 1
    assert cloud.get("/v3/limits/model", "demo").json["model"]["name"] == "flat"
    assert cloud.get("/v3/limits/unknown").status_code == 404
    assert cloud.post("/v3/limits", {"limits": [own | {"project_id": "unknown"}]}).status_code == 404
