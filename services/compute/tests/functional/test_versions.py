"""The versions of the API."""

from pileus_compute.testing import ComputeFixture


def test_discovery(compute: ComputeFixture) -> None:
    root = compute.client.get("/", anonymous=True).json["versions"][1]
    assert (root["id"], root["min_version"]) == ("v2.1", "2.1")
    assert compute.client.get("/v2.1/", anonymous=True).json["version"]["status"] == "CURRENT"
    assert compute.client.get("/v2.1/servers", version="2.9999").status_code == 406
    assert compute.client.get("/v2.1/servers").headers["X-OpenStack-Nova-API-Version"] == "2.1"
