"""Volume types, their extra specs, and access to private ones."""


def make(world, **asked):
    answer = world.client.post("/v3/p1/types", json={"volume_type": asked}, as_=world.book.admin)
    assert answer.status_code == 200, answer.text
    return answer.json["volume_type"]


def test_types_are_created_updated_and_deleted(world):
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


def test_lists_are_filtered(world):
    make(world, name="fast", extra_specs={"multiattach": "<is> True"})
    make(world, name="hidden", **{"os-volume-type-access:is_public": False})
    admin = world.book.admin

    def names(query, version="3.52", as_=admin):
        answer = world.client.get(f"/v3/types?{query}", version=version, as_=as_)
        assert answer.status_code == 200, answer.text
        return {found["name"] for found in answer.json["volume_types"]}

    assert names("is_public=none") == {"fast", "hidden", "__DEFAULT__"}
    assert names("is_public=false") == {"hidden"} and names("is_public=true") == {"fast", "__DEFAULT__"}
    assert names("") == {"fast", "__DEFAULT__"} and names("is_public=none", as_=None) == {"fast", "__DEFAULT__"}
    assert names("name=fast") == {"fast"}
    assert names("extra_specs={'multiattach': '<is> True'}") == {"fast"}
    assert names("extra_specs={'multiattach': '<is> True'}", version="3.51") == {"fast", "__DEFAULT__"}
    assert world.client.get("/v3/types?is_public=perhaps", as_=admin).status_code == 400


def test_access_to_a_public_type_is_not_changed(world):
    admin, path = world.book.admin, f"/v3/types/{make(world, name='public')['id']}"
    for action in ("addProjectAccess", "removeProjectAccess"):
        refused = world.client.post(f"{path}/action", json={action: {"project": "p1"}}, as_=admin)
        assert refused.status_code == 400 and "not applicable to public" in refused.text
    assert world.client.get(f"{path}/os-volume-type-access", as_=admin).status_code == 404


def test_updates_that_are_refused(world):
    admin, kind = world.book.admin, make(world, name="one")
    make(world, name="two")
    path = f"/v3/types/{kind['id']}"
    assert world.client.put(path, json={"volume_type": {"name": "two"}}, as_=admin).status_code == 409
    assert world.client.put(path, json={"volume_type": {}}, as_=admin).status_code == 400
    assert world.client.put(path, json={"volume_type": {"description": "d"}}).status_code == 403
    updated = world.client.put(path, json={"volume_type": {"description": "d"}}, as_=admin)
    assert updated.json["volume_type"]["description"] == "d"
