"""Images: create, show, delete, and who sees them."""

import pytest

from pileus_kit.db import count_statements


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
    ("body", "status"),
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
def test_an_image_that_is_refused_is_not_created(service, body, status):
    answer = service.client.post("/v2/images", json=body)
    assert answer.status_code == status, answer.text
    assert service.names() == []


def test_an_id_may_be_chosen_once(service):
    body = {"id": "00000000-1111-2222-3333-444455556666"}
    assert service.client.post("/v2/images", json=body).status_code == 201
    assert service.client.post("/v2/images", json=body).status_code == 409


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


def test_visibility_decides_who_sees_an_image(service):
    book = service.book
    private = service.image(name="private", visibility="private")
    community = service.image(name="community", visibility="community")
    public = service.image(name="public", visibility="public", as_=book.admin)
    for image, status in ((private, 404), (community, 200), (public, 200)):
        assert service.client.get(f"/v2/images/{image['id']}", as_=book.other).status_code == status
    assert service.names(as_=book.other) == ["public"]
    assert service.names("?visibility=community", as_=book.other) == ["community"]
    assert sorted(service.names("?visibility=all", as_=book.other)) == ["community", "public"]
    assert sorted(service.names()) == ["community", "private", "public"]
    assert service.patch(public, {"op": "add", "path": "/x", "value": "y"}, as_=book.other).status_code == 403
    assert service.client.delete(f"/v2/images/{public['id']}", as_=book.other).status_code == 403
    assert service.client.delete(f"/v2/images/{private['id']}", as_=book.other).status_code == 404
    assert service.client.delete(f"/v2/images/{private['id']}", as_=book.reader).status_code == 403
    assert service.client.post("/v2/images", json={}, as_=book.reader).status_code == 403
    assert service.client.get("/v2/images", anonymous=True).status_code == 401


def test_protected_and_hidden(service):
    image = service.image(protected=True, os_hidden=True)
    assert service.client.delete(f"/v2/images/{image['id']}").status_code == 403
    assert service.names() == [] and service.names("?os_hidden=true") == ["image"]
    service.patch(image, {"op": "replace", "path": "/protected", "value": False})
    assert service.client.delete(f"/v2/images/{image['id']}").status_code == 204
    assert service.client.delete(f"/v2/images/{image['id']}").status_code == 404


def test_deleting_an_image_deletes_its_data(service):
    image = service.image(content=b"data")
    assert len(service.stored()) == 1
    assert service.client.delete(f"/v2/images/{image['id']}").status_code == 204
    assert service.stored() == []
