"""Images without data: create, show, list, change, delete."""

from urllib.parse import quote

import pytest

from pileus_kit.db import count_statements

PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OLD_PATCH = {"Content-Type": "application/openstack-images-v2.0-json-patch"}


def patch(service, image, *changes, headers=PATCH, as_=None):
    return service.client.patch(f"/v2/images/{image['id']}", json=list(changes), headers=headers, as_=as_)


def listed(service, query="", as_=None):
    return [image["name"] for image in service.client.get(f"/v2/images{query}", as_=as_).json["images"]]


def test_an_image_begins_queued_and_shared(service):
    made = service.client.post("/v2/images", json={"name": "a", "os_distro": "debian", "tags": ["x", "x"]})
    assert made.status_code == 201
    assert made.headers["Location"].endswith(f"/v2/images/{made.json['id']}")
    assert made.headers["OpenStack-image-import-methods"] == "glance-direct,web-download"
    expected = {
        "status": "queued",
        "visibility": "shared",
        "owner": "p1",
        "os_distro": "debian",
        "tags": ["x"],
        "size": None,
        "protected": False,
        "min_disk": 0,
        "schema": "/v2/schemas/image",
    }
    assert {name: made.json[name] for name in expected} == expected
    assert service.client.get(f"/v2/images/{made.json['id']}").json == made.json


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"container_format": "wrong"}, 400),
        ({"disk_format": "wrong"}, 400),
        ({"id": "x"}, 400),
        ({"min_ram": -1}, 400),
        ({"extra": 1}, 400),
        ({"name": "n" * 256}, 400),
        ({"tags": ["t" * 256]}, 400),
        ({"status": "active"}, 403),
        ({"size": 5}, 403),
        ({"os_glance_foo": "bar"}, 403),
        ({"deleted": "1"}, 403),
        ({"self": "x"}, 403),
        ({"locations": []}, 403),
        ({"owner": "p2"}, 403),
        ({"visibility": "public"}, 403),
        ({f"p{n}": "" for n in range(129)}, 413),
        ({"tags": [str(n) for n in range(129)]}, 413),
    ],
)
def test_what_may_not_be_created(service, wish, status):
    answer = service.client.post("/v2/images", json=wish)
    assert answer.status_code == status, answer.text
    assert listed(service) == []


def test_an_id_may_be_chosen_once(service):
    wish = {"id": "00000000-1111-2222-3333-444455556666"}
    assert service.client.post("/v2/images", json=wish).status_code == 201
    assert service.client.post("/v2/images", json=wish).status_code == 409


def test_the_id_of_a_deleted_image_stays_taken(service):
    image = service.image(content=b"mine")
    assert service.client.delete(f"/v2/images/{image['id']}").status_code == 204
    for chosen in (image["id"], image["id"].upper()):
        for who in (service.book.member, service.book.other, service.book.admin):
            assert service.client.post("/v2/images", json={"id": chosen}, as_=who).status_code == 409


def test_create_and_show_cost_few_statements(service):
    with count_statements(service.sessions) as seen:
        made = service.client.post("/v2/images", json={"name": "a"}).json
    assert len(seen) == 2, seen
    with count_statements(service.sessions) as seen:
        service.client.get(f"/v2/images/{made['id']}")
    assert len(seen) == 1, seen


def test_refusals_are_json_for_who_asks_and_html_for_the_rest(service):
    plain = service.client.get("/v2/images/none", headers={"Accept": "application/json"})
    assert (plain.status_code, plain.json["title"]) == (404, "Not Found")
    assert plain.json["message"] == "Failed to find image none to show"
    page = service.client.get("/v2/images/<b>", headers={"Accept": "*/*"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<title>404 Not Found</title>" in page.text and "&lt;b&gt;" in page.text
    assert service.client.get("/v2/images/").status_code == 404
    assert service.client.delete("/v2/images/").status_code == 404


def test_a_patch_changes_attributes_and_properties(service):
    image = service.image(speed="fast", slow="1")
    answer = patch(
        service,
        image,
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "add", "path": "/a~1b", "value": "c"},
        {"op": "replace", "path": "/speed", "value": "88mph"},
        {"op": "remove", "path": "/slow"},
        {"op": "replace", "path": "/tags", "value": ["t"]},
        {"op": "replace", "path": "/protected", "value": True},
    )
    assert answer.status_code == 200, answer.text
    view = answer.json
    assert (view["name"], view["a/b"], view["speed"], view["tags"]) == ("new", "c", "88mph", ["t"])
    assert "slow" not in view and view["protected"] is True
    assert service.client.get(f"/v2/images/{image['id']}").json == view
    assert listed(service, "?speed=88mph&tag=t") == ["new"] and listed(service, "?speed=fast") == []
    old = patch(service, image, {"replace": "/name", "value": "older"}, headers=OLD_PATCH)
    assert old.json["name"] == "older"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"op": "replace", "path": "/status", "value": "active"}, 403),
        ({"op": "replace", "path": "/id", "value": "x"}, 403),
        ({"op": "add", "path": "/os_glance_x", "value": "x"}, 403),
        ({"op": "remove", "path": "/name"}, 403),
        ({"op": "replace", "path": "/owner", "value": "p2"}, 403),
        ({"op": "add", "path": "/locations", "value": []}, 403),
        ({"op": "replace", "path": "/visibility", "value": "public"}, 403),
        ({"op": "replace", "path": "/none", "value": "x"}, 409),
        ({"op": "remove", "path": "/none"}, 409),
        ({"op": "move", "path": "/name", "value": "x"}, 400),
        ({"op": "replace", "path": "name", "value": "x"}, 400),
        ({"op": "replace", "path": "/a/b", "value": "x"}, 400),
        ({"op": "replace", "path": "/a~2", "value": "x"}, 400),
        ({"op": "add", "path": "/name"}, 400),
        ({"op": "add", "path": "/n", "value": 1}, 400),
        ({"op": "replace", "path": "/disk_format", "value": "x"}, 400),
        ({"op": "add", "path": "/min_disk", "value": -1}, 400),
        ("x", 400),
    ],
)
def test_what_a_patch_may_not_do(service, change, status):
    image = service.image(**{"speed": "fast"})
    answer = patch(service, image, {"op": "replace", "path": "/speed", "value": "lost"}, change)
    assert answer.status_code == status, answer.text
    assert service.client.get(f"/v2/images/{image['id']}").json == image, "all or nothing"


def test_a_patch_needs_its_media_type(service):
    image = service.image()
    for media in ("application/json", "application/json-patch+json", "text/plain"):
        assert patch(service, image, headers={"Content-Type": media}).status_code == 415
    assert service.client.patch(f"/v2/images/{image['id']}", data=b"{", headers=PATCH).status_code == 400


def test_formats_are_fixed_once_there_is_data(service):
    image = service.image(content=b"data")
    change = {"op": "replace", "path": "/disk_format", "value": "qcow2"}
    assert patch(service, image, change).status_code == 403
    assert patch(service, image, change | {"value": "raw"}).status_code == 200


def test_who_sees_what(service):
    book = service.book
    private = service.image(name="private", visibility="private")
    community = service.image(name="community", visibility="community")
    public = service.image(name="public", visibility="public", as_=book.admin)
    for image, status in ((private, 404), (community, 200), (public, 200)):
        assert service.client.get(f"/v2/images/{image['id']}", as_=book.other).status_code == status
    assert listed(service, as_=book.other) == ["public"]
    assert listed(service, "?visibility=community", as_=book.other) == ["community"]
    assert sorted(listed(service, "?visibility=all", as_=book.other)) == ["community", "public"]
    assert sorted(listed(service)) == ["community", "private", "public"]
    assert patch(service, public, {"op": "add", "path": "/x", "value": "y"}, as_=book.other).status_code == 403
    assert service.client.delete(f"/v2/images/{public['id']}", as_=book.other).status_code == 403
    assert service.client.delete(f"/v2/images/{private['id']}", as_=book.other).status_code == 404
    assert service.client.delete(f"/v2/images/{private['id']}", as_=book.reader).status_code == 403
    assert service.client.post("/v2/images", json={}, as_=book.reader).status_code == 403
    assert service.client.get("/v2/images", anonymous=True).status_code == 401


def test_protected_and_hidden(service):
    image = service.image(protected=True, os_hidden=True)
    assert service.client.delete(f"/v2/images/{image['id']}").status_code == 403
    assert listed(service) == [] and listed(service, "?os_hidden=true") == ["image"]
    patch(service, image, {"op": "replace", "path": "/protected", "value": False})
    assert service.client.delete(f"/v2/images/{image['id']}").status_code == 204
    assert service.client.delete(f"/v2/images/{image['id']}").status_code == 404


def test_filters(service):
    service.image(name="a", disk_format="raw", content=b"1234", tags=["t", "u"])
    service.image(name="b,c", disk_format="qcow2", min_ram=5, tags=["t"], hw="x" * 300)
    for query, names in (
        ("?name=a", ["a"]),
        ('?name=in:a,"b,c"&sort_key=name', ["b,c", "a"]),
        ("?disk_format=in:qcow2", ["b,c"]),
        ("?status=active", ["a"]),
        ("?status=in:active,queued&sort=name:asc", ["a", "b,c"]),
        ("?tag=t&tag=u", ["a"]),
        ("?size=4", ["a"]),
        ("?size_min=5", []),
        ("?size_max=4", ["a"]),
        ("?min_ram=5", ["b,c"]),
        ("?protected=true", []),
        ("?hw=" + "x" * 300, ["b,c"]),
        ("?created_at=gt:2100-01-01T00:00:00Z", []),
        ("?updated_at=lt:2001-01-01", []),
        ("?created_at=gte:2001-01-01T00:00:00Z&sort_key=name&sort_dir=asc", ["a", "b,c"]),
        ("?owner=p2", []),
        ("?limit=0", []),
        ("?nonsense=1", []),
    ):
        assert listed(service, query) == names, query


def test_a_shown_time_that_is_sent_back_as_a_bound_means_that_second(service):
    image = service.image()
    for shown in (image["created_at"], image["created_at"].replace("Z", "+00:00"), image["created_at"][:-1]):
        found = {
            operator: listed(service, f"?created_at={operator}:{quote(shown)}") == ["image"]
            for operator in ("eq", "gte", "lte", "gt", "lt", "neq")
        }
        assert found == {"eq": True, "gte": True, "lte": True, "gt": False, "lt": False, "neq": False}


@pytest.mark.parametrize(
    "query",
    [
        "created_at=gt:9999-12-31T23:59:59",
        "created_at=lt:0001-01-01T00:00:00%2B14:00",
        "limit=-1",
        "limit=x",
        "marker=none",
        "visibility=odd",
        "member_status=odd",
        "sort_key=odd",
        "sort_dir=up",
        "sort=name&sort_key=name",
        "sort=name:up",
        "created_at=gt:soon",
        "protected=yes",
        "size_min=x",
        "os_hidden=maybe",
        "sort_dir=asc&sort_dir=desc",
        "&".join(f"a{n}=b" for n in range(65)),
        "size=9999999999999999999",
    ],
)
def test_a_bad_query_is_refused(service, query):
    assert service.client.get(f"/v2/images?{query}").status_code == 400


def test_pages_follow_each_other(service):
    for number in range(5):
        service.image(name=f"i{number}")
    query, seen = "/v2/images?limit=2&sort_key=name&sort_dir=asc", []
    while query:
        view = service.client.get(query).json
        seen += [image["name"] for image in view["images"]]
        assert view["first"] == "/v2/images?limit=2&sort_key=name&sort_dir=asc"
        query = view.get("next")
    assert seen == [f"i{n}" for n in range(5)]


def test_tags(service):
    image = service.image()
    path = f"/v2/images/{image['id']}/tags/a%20b"
    assert service.client.put(path).status_code == 204
    assert service.client.put(path).status_code == 204
    assert listed(service, "?tag=a%20b") == ["image"]
    assert service.client.get(f"/v2/images/{image['id']}").json["tags"] == ["a b"]
    assert service.client.delete(path).status_code == 204
    assert service.client.delete(path).status_code == 404
    assert service.client.put(f"/v2/images/{image['id']}/tags/{'t' * 256}").status_code == 400


def test_members_see_and_decide(service):
    book = service.book
    image = service.image(name="shared")
    path = f"/v2/images/{image['id']}/members"
    assert service.client.get(f"/v2/images/{image['id']}", as_=book.other).status_code == 404
    assert service.client.post(path, json={"member": "p2"}).json["status"] == "pending"
    assert service.client.post(path, json={"member": "p2"}).status_code == 409
    assert service.client.get(f"/v2/images/{image['id']}", as_=book.other).status_code == 200
    assert listed(service, as_=book.other) == []
    assert listed(service, "?member_status=all", as_=book.other) == ["shared"]
    assert service.client.put(f"{path}/p2", json={"status": "odd"}, as_=book.other).status_code == 400
    assert service.client.put(f"{path}/p2", json={"status": "accepted"}).status_code == 403
    assert service.client.put(f"{path}/p2", json={"status": "accepted"}, as_=book.other).status_code == 200
    assert listed(service, as_=book.other) == ["shared"]
    assert listed(service, "?visibility=shared", as_=book.other) == ["shared"]
    assert [m["member_id"] for m in service.client.get(path, as_=book.other).json["members"]] == ["p2"]
    assert service.client.post(path, json={"member": "p3"}, as_=book.other).status_code == 403
    assert service.client.get(f"{path}/p3", as_=book.other).status_code == 404
    assert service.client.delete(f"{path}/p2").status_code == 204
    assert service.client.get(f"/v2/images/{image['id']}", as_=book.other).status_code == 404
    assert service.client.delete(f"{path}/p2").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "extra"),
    [
        ("PUT", "/p2", {"member": "p2"}),
        ("PUT", "/p2", {"member": "p2", "status": "accepted", "x": [1]}),
        ("POST", "", {"member": "p2", "status": "accepted"}),
    ],
)
def test_what_else_a_body_about_a_member_says_is_passed_over(service, method, path, extra):
    """openstacksdk and the openstack command send `member` beside the status."""
    image = service.image(visibility="shared")
    if method == "PUT":
        service.client.post(f"/v2/images/{image['id']}/members", json={"member": "p2"})
    answer = service.client.request(
        method,
        f"/v2/images/{image['id']}/members{path}",
        json={"status": "accepted"} | extra,
        as_=service.book.other if method == "PUT" else service.book.member,
    )
    assert answer.status_code == 200
    assert answer.json["status"] == ("accepted" if method == "PUT" else "pending")
    assert (
        service.client.put(
            f"/v2/images/{image['id']}/members/p2", json={"member": "p2"}, as_=service.book.other
        ).status_code
        == 400
    )


def test_only_shared_images_have_members(service):
    image = service.image(visibility="private")
    assert service.client.post(f"/v2/images/{image['id']}/members", json={"member": "p2"}).status_code == 403
    assert service.client.get(f"/v2/images/{image['id']}/members").status_code == 404


def test_discovery(service):
    choices = service.client.get("/", anonymous=True)
    assert choices.status_code == 300
    newest = choices.json["versions"][0]
    assert (newest["id"], newest["status"]) == ("v2.16", "CURRENT")
    assert service.client.get("/versions", anonymous=True).json == choices.json
    for name in ("image", "images", "member", "members", "task", "tasks"):
        assert service.client.get(f"/v2/schemas/{name}").json["name"] == name
    assert service.client.get("/v2/schemas/none").status_code == 404
    assert service.client.get("/v2/info/import").json["import-methods"]["value"] == ["glance-direct", "web-download"]
    assert service.client.get("/v2/info/stores").json["stores"][0]["id"] == "file"
    assert service.client.get("/v2/info/stores/detail").status_code == 403
    assert service.client.get("/v2/info/stores/detail", as_=service.book.admin).status_code == 200
    service.image()
    assert service.client.get("/v2/info/usage").json["usage"]["image_count_total"] == {"limit": 10_000, "usage": 1}
