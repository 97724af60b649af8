"""QoS specs and the types that refer to them."""

NOWHERE = "99999999-9999-4999-8999-999999999999"


def test_qos_specs_are_created_associated_and_deleted(world):
    admin = world.book.admin
    asked = {"qos_specs": {"name": "q", "consumer": "front-end", "iops": "10"}}
    made = world.client.post("/v3/p1/qos-specs", json=asked, as_=admin).json["qos_specs"]
    assert made["specs"] == {"iops": "10"} and made["consumer"] == "front-end"
    path, kind = f"/v3/p1/qos-specs/{made['id']}", make(world, name="t")["id"]
    assert world.client.put(path, json={"qos_specs": {"mbps": "5"}}, as_=admin).status_code == 200
    assert world.client.put(f"{path}/delete_keys", json={"keys": ["iops"]}, as_=admin).status_code == 202
    assert world.client.get(path, as_=admin).json["qos_specs"]["specs"] == {"mbps": "5"}
    assert world.client.get(f"{path}/associate?vol_type_id={kind}", as_=admin).status_code == 202
    assert world.client.get(f"{path}/associations", as_=admin).json["qos_associations"][0]["id"] == kind
    assert world.client.delete(path, as_=admin).status_code == 400
    assert world.client.get(f"{path}/disassociate?vol_type_id={kind}", as_=admin).status_code == 202
    assert world.client.delete(path, as_=admin).status_code == 202
    assert world.client.get(path, as_=admin).status_code == 404
    assert world.client.get("/v3/p1/qos-specs").status_code == 403


def make(world, **asked):
    answer = world.client.post("/v3/p1/types", json={"volume_type": asked}, as_=world.book.admin)
    assert answer.status_code == 200, answer.text
    return answer.json["volume_type"]


def test_refusals(world):
    admin = world.book.admin

    def create(name):
        return world.client.post("/v3/qos-specs", json={"qos_specs": {"name": name, "iops": "1"}}, as_=admin)

    first, second = (create(name).json["qos_specs"]["id"] for name in ("first", "second"))
    assert create("first").status_code == 409
    kind, path = make(world, name="t")["id"], f"/v3/qos-specs/{first}"
    assert world.client.get(f"{path}/associate?vol_type_id={kind}", as_=admin).status_code == 202
    other = world.client.get(f"/v3/qos-specs/{second}/associate?vol_type_id={kind}", as_=admin)
    assert other.status_code == 400 and "already associated" in other.text
    assert world.client.get(f"{path}/associate", as_=admin).status_code == 400
    assert world.client.get(f"{path}/associate?vol_type_id={NOWHERE}", as_=admin).status_code == 404
    assert world.client.put(f"{path}/delete_keys", json={"keys": ["no"]}, as_=admin).status_code == 404
    assert world.client.put(path, json={"qos_specs": {"consumer": "nobody"}}, as_=admin).status_code == 400
    assert world.client.delete(path, as_=admin).status_code == 400
    assert world.client.delete(f"{path}?force=true", as_=admin).status_code == 202
    assert "qos_specs_id" in world.client.get(f"/v3/types/{kind}", as_=admin).json["volume_type"]
    assert world.client.get(f"/v3/qos-specs/{second}/disassociate_all", as_=admin).status_code == 202
    listed = world.client.get("/v3/qos-specs?sort=name:asc&limit=1", as_=admin).json
    assert [found["name"] for found in listed["qos_specs"]] == ["second"] and "qos_specs_links" in listed
    assert world.client.get(f"/v3/qos-specs?marker={NOWHERE}", as_=admin).status_code == 404
