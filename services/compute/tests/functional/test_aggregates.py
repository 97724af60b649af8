"""Host aggregates and availability zones."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture
from pileus_kit.testing import Client

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def test_aggregates_make_zones(compute: ComputeFixture) -> None:
    admin, client = compute.book.admin, compute.client
    made = client.post("/v2.1/os-aggregates", json={"aggregate": {"name": "a", "availability_zone": "z1"}}, as_=admin)
    path = f"/v2.1/os-aggregates/{made.json['aggregate']['id']}"
    added = client.post(f"{path}/action", json={"add_host": {"host": "host1"}}, as_=admin)
    assert added.json["aggregate"]["hosts"] == ["host1"]
    assert compute.server(imageRef=IMAGE_ID, availability_zone="z1")["OS-EXT-AZ:availability_zone"] == "z1"
    assert client.delete(path, as_=admin).status_code == 409
    assert client.post("/v2.1/os-aggregates", json={"aggregate": {"name": "a"}}, as_=admin).status_code == 409


PATH = "/v2.1/os-aggregates"


@pytest.fixture
def admin(compute: ComputeFixture) -> Client:
    return Client(compute.app, "compute", as_=compute.book.admin)


def make(admin: Client, name: str, zone: str | None = None) -> str:
    fields = {"name": name} | ({"availability_zone": zone} if zone else {})
    return f"{PATH}/{admin.post(PATH, json={'aggregate': fields}).json['aggregate']['id']}"


def act(admin: Client, path: str, name: str, **value: Any) -> Any:
    return admin.post(f"{path}/action", json={name: value})


def test_what_an_aggregate_shows(admin: Client) -> None:
    path = make(admin, "a", "z")
    assert "uuid" not in admin.get(path, version="2.40").json["aggregate"]
    shown = admin.get(path, version="2.41").json["aggregate"]
    assert shown["uuid"] and shown["metadata"] == {"availability_zone": "z"} and shown["updated_at"] is None
    renamed = admin.put(path, json={"aggregate": {"name": "b", "availability_zone": "y"}}).json["aggregate"]
    assert renamed["name"] == "b" and renamed["availability_zone"] == "y"
    assert [a["name"] for a in admin.get(PATH).json["aggregates"]] == ["b"]
    assert admin.delete(path).status_code == 200 and admin.get(path).status_code == 404


def test_aggregates_are_refused(admin: Client) -> None:
    path, other = make(admin, "a"), make(admin, "b")
    assert admin.post(PATH, json={"aggregate": {"name": "a"}}).status_code == 409
    assert admin.put(other, json={"aggregate": {"name": "a"}}).status_code == 409
    assert admin.put(path, json={"aggregate": {}}).status_code == 400
    for zone in ("a:b", ""):
        assert admin.post(PATH, json={"aggregate": {"name": "c", "availability_zone": zone}}).status_code == 400
    for missing in (f"{PATH}/999", f"{PATH}/x"):
        assert admin.get(missing).status_code == 404
        assert admin.delete(missing).status_code == 404
        assert act(admin, missing, "add_host", host="host1").status_code == 404


def test_hosts_come_and_go(admin: Client) -> None:
    path = make(admin, "a")
    assert act(admin, path, "add_host", host="nowhere").status_code == 404
    assert act(admin, path, "add_host", host="host1").json["aggregate"]["hosts"] == ["host1"]
    assert "already has host host1" in act(admin, path, "add_host", host="host1").text
    assert act(admin, path, "remove_host", host="host1").json["aggregate"]["hosts"] == []
    assert "has no host host1" in act(admin, path, "remove_host", host="host1").text
    assert act(admin, path, "paint", colour="red").status_code == 400


def test_a_host_is_in_one_zone(compute: ComputeFixture, admin: Client) -> None:
    first, second, plain = make(admin, "a", "z1"), make(admin, "b", "z2"), make(admin, "c")
    for path, status in ((first, 200), (second, 409), (plain, 200)):
        assert act(admin, path, "add_host", host="host1").status_code == status
    refused = act(admin, plain, "set_metadata", metadata={"availability_zone": "z3"})
    assert refused.status_code == 409 and "availability zone z1" in refused.text
    changed = act(admin, plain, "set_metadata", metadata={"ssd": "true", "x": None})
    assert changed.json["aggregate"]["metadata"] == {"ssd": "true"}


def test_the_zone_of_servers_does_not_change(compute: ComputeFixture, admin: Client) -> None:
    path = make(admin, "a", "z1")
    act(admin, path, "add_host", host="host1")
    compute.server(imageRef=IMAGE_ID)
    refused = admin.put(path, json={"aggregate": {"availability_zone": "z2"}})
    assert refused.status_code == 400 and "hosts have servers" in refused.text
