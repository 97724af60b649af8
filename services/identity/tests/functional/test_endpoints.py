"""Endpoints of the catalog: /v3/endpoints."""

import pytest


def test_an_endpoint_appears_in_the_catalog(cloud):
    service = cloud.make("/v3/services", "service", type="dns", name="names")["id"]
    body = {"interface": "public", "service_id": service, "region_id": "RegionOne", "url": "http://x:1/%(tenant_id)s"}
    endpoint = cloud.make("/v3/endpoints", "endpoint", **body)
    catalog = cloud.get("/v3/auth/catalog", "demo").json["catalog"]
    urls = [e["url"] for entry in catalog if entry["type"] == "dns" for e in entry["endpoints"]]
    assert urls == [f"http://x:1/{cloud.id('projects', 'demo')}"]
    for bad in (
        {"interface": "x"},
        {"service_id": "nothing"},
        {"url": "nothing"},
        {"url": "http://x/$(secret)s"},
        {"region_id": "nowhere"},
    ):
        assert cloud.post("/v3/endpoints", {"endpoint": body | bad}).status_code == 400
    path = f"/v3/endpoints/{endpoint['id']}"
    assert cloud.call("PATCH", path, json={"endpoint": {"enabled": False}}).json["endpoint"]["enabled"] is False
    catalog = cloud.get("/v3/auth/catalog", "demo").json["catalog"]
    assert [e for entry in catalog if entry["type"] == "dns" for e in entry["endpoints"]] == []
    assert [e["id"] for e in cloud.get(f"/v3/endpoints?service_id={service}").json["endpoints"]] == [endpoint["id"]]
    assert cloud.call("DELETE", "/v3/regions/RegionOne").status_code == 403
    assert cloud.call("DELETE", f"/v3/services/{service}").status_code == 204
    assert cloud.get(path).status_code == 404


@pytest.mark.parametrize("url", ["http://x/%(project_id", "http://x/%(project_id)d", "http://x/$(tenant_id)"])
def test_an_incomplete_placeholder_is_refused(cloud, url):
    body = {"interface": "public", "service_id": cloud.id("services", "compute"), "url": url}
    assert cloud.post("/v3/endpoints", {"endpoint": body}).status_code == 400


def test_an_endpoint_can_leave_its_region(cloud):
    body = {"interface": "public", "service_id": cloud.id("services", "compute"), "url": "http://x"}
    endpoint = cloud.make("/v3/endpoints", "endpoint", **body, region_id="RegionOne")["id"]
    changed = cloud.call("PATCH", f"/v3/endpoints/{endpoint}", json={"endpoint": {"region_id": None}})
    assert changed.json["endpoint"]["region_id"] is None
    assert cloud.make("/v3/endpoints", "endpoint", **body, region="")["region"] is None
    assert [region["id"] for region in cloud.get("/v3/regions").json["regions"]] == ["RegionOne"]
