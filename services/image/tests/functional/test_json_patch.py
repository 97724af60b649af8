"""Changing images with JSON patch."""

import pytest

from pileus_image.testing import OLDER_PATCH, PATCH


def test_a_patch_changes_attributes_and_properties(service):
    image = service.image(speed="fast", slow="1")
    answer = service.patch(
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
    assert service.names("?speed=88mph&tag=t") == ["new"] and service.names("?speed=fast") == []
    old = service.patch(image, {"replace": "/name", "value": "older"}, headers=OLDER_PATCH)
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
def test_a_patch_that_is_refused_changes_nothing(service, change, status):
    image = service.image(**{"speed": "fast"})
    answer = service.patch(image, {"op": "replace", "path": "/speed", "value": "lost"}, change)
    assert answer.status_code == status, answer.text
    assert service.client.get(f"/v2/images/{image['id']}").json == image, "all or nothing"


def test_a_patch_needs_its_media_type(service):
    image = service.image()
    for media in ("application/json", "application/json-patch+json", "text/plain"):
        assert service.patch(image, headers={"Content-Type": media}).status_code == 415
    assert service.client.patch(f"/v2/images/{image['id']}", data=b"{", headers=PATCH).status_code == 400


def test_formats_are_fixed_once_there_is_data(service):
    image = service.image(content=b"data")
    change = {"op": "replace", "path": "/disk_format", "value": "qcow2"}
    assert service.patch(image, change).status_code == 403
    assert service.patch(image, change | {"value": "raw"}).status_code == 200
