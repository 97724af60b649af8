"""Default types of projects (3.62)."""


def test_a_project_has_a_default_type(world):
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


def make(world, **asked):
    answer = world.client.post("/v3/p1/types", json={"volume_type": asked}, as_=world.book.admin)
    assert answer.status_code == 200, answer.text
    return answer.json["volume_type"]


def test_refusals(world):
    admin, path = world.book.admin, "/v3/default-types/p1"
    unknown = {"default_type": {"volume_type": "unknown"}}
    assert world.client.put(path, json=unknown, as_=admin, version="3.62").status_code == 404
    assert world.client.put(path, json={"default_type": {}}, as_=admin, version="3.62").status_code == 400
    assert world.client.put(path, json=unknown, version="3.62").status_code == 403
    assert world.client.get("/v3/default-types", as_=admin, version="3.61").status_code == 404
    assert world.client.delete(path, as_=admin, version="3.62").status_code == 204
