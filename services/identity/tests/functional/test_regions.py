"""Regions of the catalog: /v3/regions."""


def test_a_region_is_created_shown_listed_updated_and_deleted(cloud):
    cloud.check_crud(
        "/v3/regions", "region", {"id": "n", "description": "d", "parent_region_id": "RegionOne"}, {"description": "e"}
    )


def test_the_id_of_a_region_never_changes(cloud):
    cloud.check_fixed_id("/v3/regions", "region", {"id": "n"})


def test_a_region_is_deleted_with_its_child_regions(cloud):
    for name, parent in (("top", None), ("middle", "top"), ("leaf", "middle")):
        cloud.make("/v3/regions", "region", id=name, parent_region_id=parent)
    body = {
        "interface": "public",
        "service_id": cloud.id("services", "compute"),
        "region_id": "leaf",
        "url": "http://x",
    }
    endpoint = cloud.make("/v3/endpoints", "endpoint", **body)["id"]
    assert cloud.call("DELETE", "/v3/regions/top").status_code == 403
    assert cloud.get("/v3/regions/leaf").status_code == 200
    cloud.call("DELETE", f"/v3/endpoints/{endpoint}")
    assert cloud.call("DELETE", "/v3/regions/top").status_code == 204
    assert [r["id"] for r in cloud.get("/v3/regions").json["regions"]] == ["RegionOne"]


def test_a_region_has_the_id_of_the_url_and_no_cycle(cloud):
    assert cloud.call("PUT", "/v3/regions/north", json={"region": {}}).status_code == 201
    assert cloud.call("PUT", "/v3/regions/south", json={"region": {"id": "north"}}).status_code == 400
    assert cloud.call("PUT", "/v3/regions/north", json={"region": {}}).status_code == 409
    cloud.make("/v3/regions", "region", id="city", parent_region_id="north")
    for parent, status in (("city", 400), ("north", 400), ("unknown", 404)):
        body = {"region": {"parent_region_id": parent}}
        assert cloud.call("PATCH", "/v3/regions/north", json=body).status_code == status
    assert [row["id"] for row in cloud.get("/v3/regions?parent_region_id=north").json["regions"]] == ["city"]
    assert cloud.call("PATCH", "/v3/regions/city", json={"region": {"parent_region_id": None}}).status_code == 200
    assert cloud.post("/v3/regions", {"region": {"id": "x"}}, "demo").status_code == 403
