"""A null where OpenStack's schema has none is refused, at creation and at change; what stands in the API stays."""

import pytest

NULLS = {
    "user": ("enabled", "name"),
    "project": ("enabled", "is_domain", "name", "tags"),
    "domain": ("enabled", "name", "tags"),
    "group": ("name",),
    "role": ("name",),
    "service": ("enabled", "type", "name"),
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NULLS.items() for name in names])
def test_nulls_are_refused(cloud, kind, name):
    wish = {"type": "new"} if kind == "service" else {"name": "new"}
    assert cloud.post(f"/v3/{kind}s", {kind: wish | {name: None}}).status_code == 400
    made = cloud.make(f"/v3/{kind}s", kind, **wish)
    assert cloud.call("PATCH", f"/v3/{kind}s/{made['id']}", json={kind: {name: None}}).status_code == 400
    shown = cloud.get(f"/v3/{kind}s/{made['id']}").json[kind]
    assert {key: value for key, value in shown.items() if key != "links"} == {
        key: value for key, value in made.items() if key != "links"
    }


def test_nulls_in_other_bodies_are_refused(cloud):
    me, project = cloud.id("users", "demo"), cloud.id("projects", "demo")
    compute = cloud.get("/v3/services?type=compute").json["services"][0]["id"]
    bodies = [
        (
            f"/v3/users/{me}/application_credentials",
            {"application_credential": {"name": "x", "access_rules": None}},
            "demo",
        ),
        (
            "/v3/endpoints",
            {"endpoint": {"service_id": compute, "interface": "public", "url": "http://x", "enabled": None}},
            "admin",
        ),
        (
            "/v3/OS-TRUST/trusts",
            {"trust": {"trustor_user_id": me, "trustee_user_id": me, "impersonation": None}},
            "demo",
        ),
        ("/v3/credentials", {"credential": {"type": "totp", "blob": None}}, "demo"),
        (f"/v3/users/{me}/credentials/OS-EC2", {"tenant_id": None}, "demo"),
        (
            "/v3/registered_limits",
            {"registered_limits": [{"service_id": compute, "resource_name": "x", "default_limit": None}]},
            "admin",
        ),
        (
            "/v3/limits",
            {"limits": [{"service_id": compute, "resource_name": "x", "resource_limit": None, "project_id": project}]},
            "admin",
        ),
    ]
    for path, body, who in bodies:
        assert cloud.post(path, body, who).status_code == 400, path


def test_an_endpoint_group_may_lose_its_filters(cloud):
    path = "/v3/OS-EP-FILTER/endpoint_groups"
    assert cloud.post(path, {"endpoint_group": {"name": "none", "filters": {}}}).status_code == 400
    made = cloud.make(path, "endpoint_group", name="g", filters={"interface": "public", "enabled": True})
    all_public = len(cloud.get(f"{path}/{made['id']}/endpoints").json["endpoints"])
    answer = cloud.call("PATCH", f"{path}/{made['id']}", json={"endpoint_group": {"filters": {}}})
    assert answer.status_code == 200 and answer.json["endpoint_group"]["filters"] == {}
    assert len(cloud.get(f"{path}/{made['id']}/endpoints").json["endpoints"]) >= all_public


def test_registered_limits_outlive_their_service(cloud):
    service, project = cloud.make("/v3/services", "service", type="new")["id"], cloud.id("projects", "demo")
    known = {"service_id": service, "resource_name": "things"}
    made = cloud.post("/v3/registered_limits", {"registered_limits": [known | {"default_limit": 3}]}).json
    own = cloud.post("/v3/limits", {"limits": [known | {"resource_limit": 5, "project_id": project}]}).json
    assert cloud.call("DELETE", f"/v3/services/{service}").status_code == 204
    kept = cloud.get(f"/v3/registered_limits/{made['registered_limits'][0]['id']}").json["registered_limit"]
    assert (kept["service_id"], kept["default_limit"]) == (service, 3)
    assert cloud.get(f"/v3/limits/{own['limits'][0]['id']}").json["limit"]["resource_limit"] == 5
