"""Flavors, their extra specs, and the projects that may use them."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture


def test_flavors(compute: ComputeFixture) -> None:
    admin, client = compute.book.admin, compute.client
    wish = {"name": "big", "ram": 512, "vcpus": 2, "disk": 10, "id": "b1", "os-flavor-access:is_public": False}
    made = client.post("/v2.1/flavors", json={"flavor": wish}, as_=admin)
    assert made.status_code == 200 and made.json["flavor"]["ram"] == 512
    assert client.post("/v2.1/flavors", json={"flavor": wish}, as_=admin).status_code == 409
    assert client.post("/v2.1/flavors", json={"flavor": {**wish, "colour": 1}}, as_=admin).status_code == 400
    assert client.get("/v2.1/flavors/b1", as_=compute.book.other).status_code == 404
    grant = {"addTenantAccess": {"tenant": "p2"}}
    access = client.post("/v2.1/flavors/b1/action", json=grant, as_=admin)
    assert access.json["flavor_access"] == [{"flavor_id": "b1", "tenant_id": "p2"}]
    assert client.get("/v2.1/flavors/b1", as_=compute.book.other).status_code == 200
    client.post("/v2.1/flavors/b1/os-extra_specs", json={"extra_specs": {"hw:cpu_policy": "shared"}}, as_=admin)
    shown = client.get("/v2.1/flavors/b1", as_=admin, version="2.61").json["flavor"]
    assert shown["extra_specs"] == {"hw:cpu_policy": "shared"} and shown["description"] is None
    assert client.delete("/v2.1/flavors/b1/os-extra_specs/hw:cpu_policy", as_=admin).status_code == 200
    listed = client.get("/v2.1/flavors/detail?minRam=100", as_=admin).json["flavors"]
    assert listed == []  # an admin sees the public ones unless asked otherwise
    assert [f["id"] for f in client.get("/v2.1/flavors?is_public=None&limit=1", as_=admin).json["flavors"]] == ["1"]
    assert client.delete("/v2.1/flavors/b1", as_=admin).status_code == 202


def make(compute: ComputeFixture, version: str = "2.1", **fields: Any) -> Any:
    flavor = {"name": "f", "ram": 64, "vcpus": 1, "disk": 1} | fields
    return compute.client.post("/v2.1/flavors", json={"flavor": flavor}, as_=compute.book.admin, version=version)


@pytest.mark.parametrize(
    ("version", "fields", "status"),
    [
        ("2.1", {"ram": 0}, 400),
        ("2.1", {"vcpus": "2"}, 200),
        ("2.1", {"name": " f"}, 400),
        ("2.1", {"id": "a b"}, 200),
        ("2.1", {"id": "a/b"}, 400),
        ("2.1", {"rxtx_factor": 0}, 400),
        ("2.54", {"description": "d"}, 400),
        ("2.55", {"description": "d"}, 200),
        ("2.55", {"description": None}, 200),
    ],
)
def test_what_a_flavor_may_be(compute: ComputeFixture, version: str, fields: dict[str, Any], status: int) -> None:
    assert make(compute, version, **fields).status_code == status


def test_a_name_or_id_that_is_taken_is_a_conflict(compute: ComputeFixture) -> None:
    assert make(compute, id="f1").json["flavor"]["id"] == "f1"
    assert "Flavor with ID f1 already exists" in make(compute, id="f1", name="other").text
    assert "Flavor with name f already exists" in make(compute).text


def test_members_make_no_flavors(compute: ComputeFixture) -> None:
    flavor = {"name": "f", "ram": 64, "vcpus": 1, "disk": 1}
    assert compute.client.post("/v2.1/flavors", json={"flavor": flavor}).status_code == 403
    assert compute.client.delete("/v2.1/flavors/1").status_code == 403
    assert compute.client.delete("/v2.1/flavors/nope", as_=compute.book.admin).status_code == 404


def test_a_description_changes_from_2_55(compute: ComputeFixture) -> None:
    change = {"flavor": {"description": "small"}}
    put = compute.client.put
    assert put("/v2.1/flavors/1", json=change, as_=compute.book.admin, version="2.54").status_code == 404
    changed = put("/v2.1/flavors/1", json=change, as_=compute.book.admin, version="2.55")
    assert changed.json["flavor"]["description"] == "small"
    assert put("/v2.1/flavors/nope", json=change, as_=compute.book.admin, version="2.55").status_code == 404


def test_swap_is_a_number_from_2_75(compute: ComputeFixture) -> None:
    for version, swap in (("2.74", ""), ("2.75", 0)):
        assert compute.client.get("/v2.1/flavors/1", version=version).json["flavor"]["swap"] == swap


def test_pages_filters_and_order(compute: ComputeFixture) -> None:
    for i in range(3):
        make(compute, id=f"x{i}", name=f"x{i}", ram=100 + i, disk=i)

    def ids(query: str, **kwargs: Any) -> list[str]:
        answer = compute.client.get(f"/v2.1/flavors?{query}", **kwargs)
        assert answer.status_code == 200, answer.text
        return [f["id"] for f in answer.json["flavors"]]

    assert ids("minRam=101") == ["x1", "x2"] and ids("minDisk=2") == ["x2"]
    assert ids("sort_key=memory_mb&sort_dir=desc&limit=2") == ["x2", "x1"]
    assert ids("marker=x1") == ["x2"]
    assert ids("is_public=false", as_=compute.book.admin) == []
    page = compute.client.get("/v2.1/flavors?limit=2").json
    assert page["flavors_links"][0]["href"].endswith("limit=2&marker=x0")
    for bad in ("sort_key=colour", "sort_dir=up", "minRam=x", "minDisk=-1", "marker=nope", "is_public=maybe"):
        assert compute.client.get(f"/v2.1/flavors?{bad}").status_code == 400, bad
    assert compute.client.get("/v2.1/flavors?colour=red").status_code == 200
    assert compute.client.get("/v2.1/flavors?colour=red", version="2.75").status_code == 400


def test_access_to_a_flavor(compute: ComputeFixture) -> None:
    admin = compute.book.admin
    make(compute, id="own", **{"os-flavor-access:is_public": False})
    access, action = "/v2.1/flavors/own/os-flavor-access", "/v2.1/flavors/own/action"

    def act(name: str, project: str, path: str = action, **kwargs: Any) -> Any:
        return compute.client.post(path, json={name: {"tenant": project}}, as_=admin, **kwargs)

    assert compute.client.get(access, as_=admin).json == {"flavor_access": []}
    assert act("addTenantAccess", "p2").status_code == 200
    assert "already exists" in act("addTenantAccess", "p2").text
    assert act("addTenantAccess", "p/2").status_code == 400
    assert act("addTenantAccess", "p2", path="/v2.1/flavors/1/action").status_code == 409
    assert act("removeTenantAccess", "p3").status_code == 404
    assert act("removeTenantAccess", "p2").json == {"flavor_access": []}
    assert compute.client.get("/v2.1/flavors/1/os-flavor-access", as_=admin).status_code == 404
    assert compute.client.get(access).status_code == 403


def test_extra_specs_of_a_flavor(compute: ComputeFixture) -> None:
    admin, path = compute.book.admin, "/v2.1/flavors/1/os-extra_specs"
    client = compute.client
    assert client.post(path, json={"extra_specs": {"a": 1, "b": "2"}}, as_=admin).json == {
        "extra_specs": {"a": "1", "b": "2"}
    }
    assert client.get(path).json == {"extra_specs": {"a": "1", "b": "2"}}
    assert client.put(f"{path}/a", json={"a": "3"}, as_=admin).json == client.get(f"{path}/a").json == {"a": "3"}
    assert client.put(f"{path}/a", json={"b": "3"}, as_=admin).status_code == 400
    assert client.put(f"{path}/a", json={"a": "3"}).status_code == 403
    assert client.get(f"{path}/zz").status_code == client.delete(f"{path}/zz", as_=admin).status_code == 404
    nowhere = "/v2.1/flavors/nope/os-extra_specs"
    assert client.post(nowhere, json={"extra_specs": {}}, as_=admin).status_code == 404
    assert client.delete(f"{nowhere}/a", as_=admin).status_code == 404
    assert client.get(nowhere).status_code == 404
