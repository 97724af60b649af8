"""Members of images: projects that an image is shared with."""

import pytest


def test_a_member_sees_the_image_and_accepts_it(service):
    book = service.book
    image = service.image(name="shared")
    path = f"/v2/images/{image['id']}/members"
    assert service.client.get(f"/v2/images/{image['id']}", as_=book.other).status_code == 404
    assert service.client.post(path, json={"member": "p2"}).json["status"] == "pending"
    assert service.client.post(path, json={"member": "p2"}).status_code == 409
    assert service.client.get(f"/v2/images/{image['id']}", as_=book.other).status_code == 200
    assert service.names(as_=book.other) == []
    assert service.names("?member_status=all", as_=book.other) == ["shared"]
    assert service.client.put(f"{path}/p2", json={"status": "odd"}, as_=book.other).status_code == 400
    assert service.client.put(f"{path}/p2", json={"status": "accepted"}).status_code == 403
    assert service.client.put(f"{path}/p2", json={"status": "accepted"}, as_=book.other).status_code == 200
    assert service.names(as_=book.other) == ["shared"]
    assert service.names("?visibility=shared", as_=book.other) == ["shared"]
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
def test_other_keys_of_a_members_body_are_ignored(service, method, path, extra):
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


def test_an_image_has_at_most_128_members(service):
    path = f"/v2/images/{service.image()['id']}/members"
    for number in range(128):
        assert service.client.post(path, json={"member": f"m{number}"}).status_code == 200
    assert service.client.post(path, json={"member": "one more"}).status_code == 413


@pytest.mark.parametrize("body", [{}, {"member": ""}, {"member": "m" * 256}, {"member": 1}, []])
def test_a_member_needs_a_name(service, body):
    path = f"/v2/images/{service.image()['id']}/members"
    assert service.client.post(path, json=body).status_code == 400
    assert service.client.get(path).json["members"] == []


def test_members_of_images_of_other_projects_are_not_found(service):
    path = f"/v2/images/{service.image()['id']}/members"
    for method, end in (("GET", ""), ("POST", ""), ("GET", "/p2"), ("PUT", "/p2"), ("DELETE", "/p2")):
        body = {"member": "p2", "status": "accepted"}
        assert service.client.request(method, path + end, json=body, as_=service.book.other).status_code == 404
