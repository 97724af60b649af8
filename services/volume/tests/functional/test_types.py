"""Volume types, their specs and access, defaults, QoS."""

NOWHERE = "99999999-9999-4999-8999-999999999999"


def make(world, **asked):
    answer = world.client.post("/v3/p1/types", json={"volume_type": asked}, as_=world.book.admin)
    assert answer.status_code == 200, answer.text
    return answer.json["volume_type"]


def test_types_are_made_changed_and_deleted(world):
    admin = world.book.admin
    kind = make(
        world, name="fast", description="d", extra_specs={"volume_backend_name": "fake", "multiattach": "<is> True"}
    )
    path = f"/v3/p1/types/{kind['id']}"
    assert kind["is_public"] is True and "qos_specs_id" not in kind
    member = world.client.get(path).json["volume_type"]
    assert member["extra_specs"] == {"multiattach": "<is> True"} and "qos_specs_id" not in member
    listed = world.client.get("/v3/p1/types?sort=name").json["volume_types"]
    assert [t["name"] for t in listed] == ["fast", "__DEFAULT__"]
    changed = world.client.put(path, json={"volume_type": {"name": "faster", "is_public": True}}, as_=admin)
    assert changed.json["volume_type"]["name"] == "faster"
    assert world.volume(volume_type="faster")["volume_type"] == "faster"
    refused = world.client.delete(path, as_=admin)
    assert refused.status_code == 400 and "still in use" in refused.json["badRequest"]["message"]
    other = make(world, name="other")
    assert world.client.delete(f"/v3/p1/types/{other['id']}", as_=admin).status_code == 202
    assert world.client.get(f"/v3/p1/types/{other['id']}").status_code == 404
    default = world.client.get("/v3/types/default").json["volume_type"]["id"]
    for refused in (
        world.client.delete(f"/v3/types/{default}", as_=admin),
        world.client.put(f"/v3/types/{default}", json={"volume_type": {"name": "other"}}, as_=admin),
    ):
        assert refused.status_code == 400
    duplicate = world.client.post("/v3/p1/types", json={"volume_type": {"name": "faster"}}, as_=admin)
    assert duplicate.status_code == 409 and "conflictingRequest" in duplicate.json
    for bad in ({}, {"name": ""}, {"name": " "}, {"name": "x" * 256}, {"name": "x", "unknown": 1}):
        assert world.client.post("/v3/p1/types", json={"volume_type": bad}, as_=admin).status_code == 400
    assert world.client.post("/v3/p1/types", json={"volume_type": {"name": "x"}}).status_code == 403


def test_extra_specs(world):
    admin = world.book.admin
    path = f"/v3/p1/types/{make(world, name='t')['id']}/extra_specs"
    assert world.client.post(path, json={"extra_specs": {"a": "1", "b": "2"}}, as_=admin).status_code == 200
    assert world.client.get(f"{path}/a", as_=admin).json == {"a": "1"}
    assert world.client.get(path).json == {"extra_specs": {}}
    assert world.client.get(f"{path}/a").status_code == 404
    assert world.client.put(f"{path}/a", json={"a": "3"}, as_=admin).json == {"a": "3"}
    assert world.client.put(f"{path}/a", json={"b": "3"}, as_=admin).status_code == 400
    assert world.client.delete(f"{path}/a", as_=admin).status_code == 202
    assert world.client.delete(f"{path}/a", as_=admin).status_code == 404
    assert world.client.get(path, as_=admin).json == {"extra_specs": {"b": "2"}}
    assert world.client.post(path, json={"extra_specs": {}}, as_=admin).status_code == 400
    assert world.client.post(path, json={"extra_specs": {"c": "1"}}).status_code == 403


def test_private_types(world):
    admin = world.book.admin
    kind = make(world, name="private", **{"os-volume-type-access:is_public": False})
    path = f"/v3/p1/types/{kind['id']}"
    assert world.client.get(path).status_code == 404
    assert world.client.post("/v3/volumes", json={"volume": {"size": 1, "volume_type": "private"}}).status_code == 404
    assert world.client.post(f"{path}/action", json={"addProjectAccess": {"project": "p1"}}).status_code == 403
    grant = {"addProjectAccess": {"project": "p1"}}
    assert world.client.post(f"{path}/action", json=grant, as_=admin).status_code == 202
    assert world.client.post(f"{path}/action", json=grant, as_=admin).status_code == 409
    assert world.client.get(path).status_code == 200
    access = world.client.get(f"{path}/os-volume-type-access", as_=admin).json
    assert access == {"volume_type_access": [{"volume_type_id": kind["id"], "project_id": "p1"}]}
    assert (
        world.client.post(f"{path}/action", json={"removeProjectAccess": {"project": "p1"}}, as_=admin).status_code
        == 202
    )
    assert (
        world.client.post(f"{path}/action", json={"removeProjectAccess": {"project": "p1"}}, as_=admin).status_code
        == 404
    )
    listed = world.client.get("/v3/p1/types?is_public=None", as_=admin).json["volume_types"]
    assert {t["name"] for t in listed} == {"private", "__DEFAULT__"}


def test_a_type_chooses_its_backend(world):
    make(world, name="elsewhere", extra_specs={"volume_backend_name": "nothing"})
    assert world.volume(volume_type="elsewhere")["status"] == "error"
    message = world.client.get("/v3/messages", version="3.60").json["messages"][0]["user_message"]
    assert "its volume_backend_name is fake, not nothing" in message


def test_retype(world):
    volume = world.volume()["id"]
    make(world, name="other")
    assert world.act(volume, "os-retype", {"new_type": "other"}).status_code == 202
    assert world.show(volume)["volume_type"] == "other"
    assert world.act(volume, "os-retype", {"new_type": "other"}).status_code == 400
    make(world, name="away", extra_specs={"volume_backend_name": "nothing"})
    assert world.act(volume, "os-retype", {"new_type": "away"}).status_code == 501
    assert world.act(volume, "os-retype", {"new_type": "unknown"}).status_code == 404


def test_default_types(world):
    admin, kind = world.book.admin, make(world, name="mine")
    assert world.client.get("/v3/types/default").json["volume_type"]["name"] == "__DEFAULT__"
    put = world.client.put(
        "/v3/default-types/p1", json={"default_type": {"volume_type": "mine"}}, as_=admin, version="3.62"
    )
    assert put.json == {"default_type": {"project_id": "p1", "volume_type_id": kind["id"]}}
    assert world.volume()["volume_type"] == "mine"
    assert len(world.client.get("/v3/default-types", as_=admin, version="3.62").json["default_types"]) == 1
    assert world.client.delete("/v3/default-types/p1", as_=admin, version="3.62").status_code == 204
    assert world.client.get("/v3/default-types/p1", as_=admin, version="3.62").status_code == 404
    assert world.client.get("/v3/default-types/p1", version="3.62").status_code == 403


def test_qos(world):
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
