"""Metadata definition namespaces."""

import pytest

SPACES = "/v2/metadefs/namespaces"
SIZE = {"title": "Size", "type": "integer", "minimum": 1, "description": "How much"}


def make(admin, name="space", **more):
    made = admin.post(SPACES, json={"namespace": name, "visibility": "public", **more})
    assert made.status_code == 201, made.text
    return made.json


def test_a_namespace_comes_with_what_it_defines(admin):
    view = make(
        admin,
        description="d",
        properties={"size": SIZE},
        tags=[{"name": "b"}, {"name": "a"}],
        objects=[{"name": "o", "required": ["size"], "properties": {"size": SIZE}}],
        resource_type_associations=[{"name": "OS::Nova::Flavor", "prefix": "hw_"}],
    )
    assert view["properties"] == {"size": SIZE} and view["tags"] == [{"name": "a"}, {"name": "b"}]
    assert view["objects"][0]["properties"] == {"size": SIZE}
    assert view["resource_type_associations"][0]["prefix"] == "hw_"
    assert (view["self"], view["owner"], view["protected"]) == (f"{SPACES}/space", "p1", False)
    assert admin.get(f"{SPACES}/space").json == view
    brief = admin.get(SPACES).json["namespaces"][0]
    assert "properties" not in brief and brief["resource_type_associations"] == view["resource_type_associations"]
    assert admin.post(SPACES, json={"namespace": "space"}).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"namespace": ""},
        {"namespace": "n" * 81},
        {"namespace": "n", "visibility": "shared"},
        {"namespace": "n", "x": 1},
        {"namespace": "n", "properties": {"p": {"title": "t"}}},
        {"namespace": "n", "tags": [{}]},
        {"namespace": "n", "properties": {"p": {"title": "t", "type": "odd"}}},
        {"namespace": 1},
    ],
)
def test_a_namespace_that_is_refused_is_not_created(admin, body):
    assert admin.post(SPACES, json=body).status_code == 400
    assert admin.get(SPACES).json["namespaces"] == []


def test_a_name_twice_in_one_request(admin):
    assert admin.post(SPACES, json={"namespace": "n", "tags": [{"name": "a"}, {"name": "a"}]}).status_code == 409
    assert admin.get(f"{SPACES}/n").status_code == 404


def test_a_namespace_is_replaced_and_deleted(admin):
    make(admin, "space", tags=[{"name": "a"}], protected=True, description="d")
    make(admin, "other")
    assert admin.delete(f"{SPACES}/space").status_code == 403
    assert admin.put(f"{SPACES}/space", json={"namespace": "other"}).status_code == 409
    changed = admin.put(f"{SPACES}/space", json={"namespace": "new", "display_name": "New"})
    assert changed.status_code == 200 and changed.json["visibility"] == "private" and "description" not in changed.json
    assert admin.get(f"{SPACES}/space").status_code == 404
    assert admin.get(f"{SPACES}/new/tags").json["tags"][0]["name"] == "a"
    assert admin.delete(f"{SPACES}/new").status_code == 204
    assert admin.get(f"{SPACES}/new").status_code == 404


def test_pages_and_filters(admin):
    for number in range(3):
        make(
            admin,
            f"s{number}",
            visibility="private" if number else "public",
            resource_type_associations=[{"name": f"T{number}"}],
        )
    seen, query = [], f"{SPACES}?limit=2"
    while query:
        view = admin.get(query).json
        seen += [space["namespace"] for space in view["namespaces"]]
        query = view.get("next")
    assert seen == ["s2", "s1", "s0"]
    for query, names in (
        ("visibility=public", ["s0"]),
        ("resource_types=T1,T2", ["s2", "s1"]),
        ("resource_types=X", []),
    ):
        assert [space["namespace"] for space in admin.get(f"{SPACES}?{query}").json["namespaces"]] == names
    for query in ("limit=x", "limit=-1", "marker=none", "odd=1"):
        assert admin.get(f"{SPACES}?{query}").status_code == 400
    types = [t["name"] for t in admin.get("/v2/metadefs/resource_types").json["resource_types"]]
    assert {"OS::Glance::Image", "T0"} <= set(types)


def test_who_sees_namespaces(admin, service):
    make(admin, "open")
    make(admin, "closed", visibility="private")
    assert [s["namespace"] for s in admin.get(SPACES, as_=service.book.other).json["namespaces"]] == ["open"]
    assert admin.get(f"{SPACES}/closed", as_=service.book.other).status_code == 404
    assert admin.get(f"{SPACES}/closed/tags", as_=service.book.other).status_code == 404
    assert admin.get(f"{SPACES}/open/tags", as_=service.book.other).status_code == 200
