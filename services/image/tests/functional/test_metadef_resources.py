"""What a metadata definition namespace defines: properties, objects, tags, resource types."""

import pytest

SPACES = "/v2/metadefs/namespaces"
SIZE = {"title": "Size", "type": "integer", "minimum": 1, "description": "How much"}


def make(admin, name="space", **more):
    made = admin.post(SPACES, json={"namespace": name, "visibility": "public", **more})
    assert made.status_code == 201, made.text
    return made.json


@pytest.mark.parametrize(("what", "body"), [("properties", SIZE), ("objects", {"description": "d", "properties": {}})])
def test_definitions_come_change_and_go(admin, what, body):
    make(admin)
    path = f"{SPACES}/space/{what}"
    made = admin.post(path, json={"name": "one", **body})
    assert made.status_code == 201 and made.json["name"] == "one"
    assert admin.post(path, json={"name": "one", **body}).status_code == 409
    assert admin.post(path, json={"name": "two", "odd": 1, **body}).status_code == 400
    admin.post(path, json={"name": "two", **body})
    assert admin.get(f"{path}/one").json.items() >= body.items()
    assert admin.put(f"{path}/one", json={"name": "two", **body}).status_code == 409
    assert admin.put(f"{path}/one", json={"name": "uno", **body}).json["name"] == "uno"
    assert admin.get(f"{path}/one").status_code == 404
    listed = admin.get(path).json[what]
    assert sorted(view if isinstance(view, str) else view["name"] for view in listed) == ["two", "uno"]
    assert admin.delete(f"{path}/uno").status_code == 204
    assert admin.delete(f"{path}/uno").status_code == 404
    assert admin.delete(path).status_code == 204
    assert not admin.get(path).json[what]


def test_a_property_goes_by_its_prefixed_name(admin):
    make(admin, properties={"size": SIZE}, resource_type_associations=[{"name": "T", "prefix": "hw_"}])
    path = f"{SPACES}/space/properties"
    assert admin.get(f"{path}/hw_size?resource_type=T").json == {"name": "hw_size", **SIZE}
    assert admin.get(f"{path}/size?resource_type=T").status_code == 400
    assert admin.get(f"{path}/hw_size?resource_type=X").status_code == 404
    assert admin.get(f"{path}/size").json["name"] == "size"


def test_tags(admin):
    make(admin)
    path = f"{SPACES}/space/tags"

    def names():
        return [tag["name"] for tag in admin.get(path).json["tags"]]

    assert admin.post(path, json={"tags": [{"name": "a"}, {"name": "b"}]}).status_code == 201
    assert admin.post(path, json={"tags": [{"name": "c"}]}, headers={"X-OpenStack-Append": "True"}).status_code == 201
    assert names() == ["a", "b", "c"]
    assert admin.post(path, json={"tags": [{"name": "d"}]}).status_code == 201
    assert names() == ["d"]
    assert admin.post(f"{path}/e").status_code == 201
    assert admin.post(f"{path}/e").status_code == 409
    assert admin.post(f"{path}/{'x' * 81}").status_code == 400
    assert admin.put(f"{path}/e", json={"name": "f"}).json["name"] == "f"
    assert admin.delete(f"{path}/f").status_code == 204
    assert names() == ["d"]


def test_resource_types(admin):
    make(admin)
    path = f"{SPACES}/space/resource_types"
    assert admin.post(path, json={"name": "T", "properties_target": "image"}).status_code == 201
    assert admin.post(path, json={"name": "T"}).status_code == 409
    assert [t["name"] for t in admin.get(path).json["resource_type_associations"]] == ["T"]
    assert admin.delete(f"{path}/T").status_code == 204
    assert admin.delete(f"{path}/T").status_code == 404
