"""Group types and their specs."""

import pytest

UNKNOWN = "99999999-9999-4999-8999-999999999999"


@pytest.fixture
def send(world):
    """As an administrator."""

    def ask(method, path, body=None, as_=None, version="3.11"):
        return world.client.request(
            method, f"/v3/p1/group_types{path}", json=body, as_=as_ or world.book.admin, version=version
        )

    return ask


def make(send, **asked):
    answer = send("POST", "", {"group_type": {"name": "g", **asked}})
    assert answer.status_code == 202, answer.text
    return answer.json["group_type"]


def test_group_types_are_created_updated_and_deleted(world, send):
    specs = {"consistent_group_snapshot_enabled": "<is> False"}
    kind = make(send, name=" g ", description="d", group_specs=specs, is_public="true")
    assert kind == {"id": kind["id"], "name": "g", "description": "d", "is_public": True, "group_specs": specs}
    assert send("GET", f"/{kind['id']}").json["group_type"] == kind
    changed = send("PUT", f"/{kind['id']}", {"group_type": {"name": "h", "description": "e"}})
    assert changed.status_code == 200
    assert changed.json["group_type"] == kind | {"name": "h", "description": "e"}
    shown = send("GET", f"/{kind['id']}", as_=world.book.member).json["group_type"]
    assert shown == {"id": kind["id"], "name": "h", "description": "e", "is_public": True}
    assert send("DELETE", f"/{kind['id']}").status_code == 202
    assert send("GET", f"/{kind['id']}").status_code == 404
    assert send("GET", "", version="3.10").status_code == 404


def test_lists(world, send):
    for name, public in (("a", True), ("b", False), ("c", True)):
        make(send, name=name, is_public=public)

    def names(query="", as_=None):
        return [kind["name"] for kind in send("GET", f"?sort=name:asc{query}", as_=as_).json["group_types"]]

    assert names() == names("&is_public=True") == names(as_=world.book.member) == ["a", "c"]
    assert names("&is_public=None") == ["a", "b", "c"] and names("&is_public=False") == ["b"]
    assert names("&is_public=none", as_=world.book.member) == ["a", "c"]
    page = send("GET", "?sort=name:asc&limit=1").json
    assert [kind["name"] for kind in page["group_types"]] == ["a"] and page["group_type_links"][0]["rel"] == "next"
    assert names(f"&marker={page['group_types'][0]['id']}") == ["c"]
    assert send("GET", "?is_public=perhaps").status_code == 400


def test_private_group_types_are_for_administrators(world, send):
    kind = make(send, is_public=False)
    assert send("GET", f"/{kind['id']}", as_=world.book.member).status_code == 404
    ask = {"group": {"group_type": "g", "volume_types": ["__DEFAULT__"]}}
    refused = world.client.post("/v3/p1/groups", json=ask, version="3.13")
    assert refused.status_code == 404 and refused.json["itemNotFound"]["message"] == "Group type g could not be found."


def test_the_group_type_called_default_is_the_default(world, send):
    missing = send("GET", "/default", as_=world.book.member)
    assert missing.status_code == 404
    assert missing.json["itemNotFound"]["message"] == "Default group type can not be found."
    make(send, name="__DEFAULT__")
    assert send("GET", "/default", as_=world.book.member).json["group_type"]["name"] == "__DEFAULT__"


def test_group_specs(send):
    path = f"/{make(send)['id']}/group_specs"
    first, second = {"key1": "value1", "key2": "value2"}, {"key2": "new", "key3": None}
    assert (send("POST", path, {"group_specs": first}).status_code, send("GET", path).json) == (
        202,
        {"group_specs": first},
    )
    assert send("POST", path, {"group_specs": second}).json == {"group_specs": second}
    assert send("GET", path).json == {"group_specs": first | second}
    assert send("GET", f"{path}/key2").json == {"key2": "new"}
    assert send("PUT", f"{path}/key3", {"key3": "newer"}).json == {"key3": "newer"}
    assert send("PUT", f"{path}/key3", {"key2": "x"}).status_code == 400
    assert send("DELETE", f"{path}/key1").status_code == 202
    assert send("GET", path).json == {"group_specs": {"key2": "new", "key3": "newer"}}
    for method in ("GET", "DELETE"):
        missing = send(method, f"{path}/key1")
        assert missing.status_code == 404 and "has no extra spec with key key1" in missing.text
    for method, rest in (("GET", ""), ("GET", "/a"), ("DELETE", "/a")):
        assert send(method, f"/{UNKNOWN}/group_specs{rest}").status_code == 404


@pytest.mark.parametrize(
    "asked, status",
    [
        ({}, 400),
        ({"name": ""}, 400),
        ({"name": "  "}, 400),
        ({"name": "n" * 256}, 400),
        ({"name": "taken"}, 409),
        ({"name": "n", "is_public": "perhaps"}, 400),
        ({"name": "n", "group_specs": {"a": 1}}, 400),
        ({"name": "n", "group_specs": {"?": "x"}}, 400),
        ({"name": "n", "nonsense": 1}, 400),
    ],
)
def test_requests_that_are_refused(send, asked, status):
    make(send, name="taken")
    assert send("POST", "", {"group_type": asked}).status_code == status


def test_updates_that_are_refused(send):
    kind = make(send)["id"]
    make(send, name="taken")
    for asked, status in (({}, 400), ({"name": " "}, 400), ({"name": None}, 400), ({"name": "taken"}, 409)):
        assert send("PUT", f"/{kind}", {"group_type": asked}).status_code == status, asked
    assert send("PUT", f"/{UNKNOWN}", {"group_type": {"name": "x"}}).status_code == 404


def test_a_group_type_in_use_is_not_deleted(world, send):
    group = world.group(world.volume_type())
    refused = send("DELETE", f"/{group['group_type']}")
    assert refused.status_code == 400
    assert refused.json["badRequest"]["message"] == "Target group type is still in use."
    kept = world.client.delete(f"/v3/types/{group['volume_types'][0]}", as_=world.book.admin)
    assert kept.status_code == 400 and "still in use" in kept.text
    world.delete_group(group["id"], with_volumes=False)
    world.drain()
    assert send("DELETE", f"/{group['group_type']}").status_code == 202
    assert world.client.delete(f"/v3/types/{group['volume_types'][0]}", as_=world.book.admin).status_code == 202
