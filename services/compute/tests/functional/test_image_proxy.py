"""Images and their metadata as compute showed them until 2.35 and 2.38."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NOWHERE = "99999999-9999-4999-8999-999999999999"
PATH = "/v2.1/images"


def test_images_are_listed_and_shown(compute: ComputeFixture, image: Any) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    compute.act(server, "createImage", {"name": "snap"})
    listed = compute.client.get(f"{PATH}/detail").json["images"]
    shown = {i["name"]: i for i in listed}
    assert shown["test"]["status"] == "ACTIVE" and shown["test"]["progress"] == 100
    assert shown["snap"]["server"]["id"] == server
    assert [i["name"] for i in compute.client.get(f"{PATH}?server=x/{server}").json["images"]] == ["snap"]
    one = compute.client.get(f"{PATH}/{IMAGE_ID}").json["image"]
    assert one == shown["test"] and one["links"][2]["rel"] == "alternate"
    page = compute.client.get(f"{PATH}?limit=1&minRam=0&minDisk=0&name=x&status=active&type=snapshot").json
    assert "images_links" in page or page["images"]


def test_images_are_refused(compute: ComputeFixture, image: Any) -> None:
    for bad in ("limit=x", "changes-since=yesterday", "minRam=x"):
        assert compute.client.get(f"{PATH}?{bad}").status_code == 400, bad
    assert compute.client.get(f"{PATH}/{NOWHERE}").status_code == 404
    assert compute.client.delete(f"{PATH}/{NOWHERE}").status_code == 404
    for path in (PATH, f"{PATH}/detail", f"{PATH}/{IMAGE_ID}"):
        assert compute.client.get(path, version="2.36").status_code == 404
    assert compute.client.delete(f"{PATH}/{IMAGE_ID}", as_=compute.book.reader).status_code == 403
    assert compute.client.delete(f"{PATH}/{IMAGE_ID}").status_code == 204
    assert not image.images


def test_metadata_of_an_image(compute: ComputeFixture, image: Any) -> None:
    path, client = f"{PATH}/{IMAGE_ID}/metadata", compute.client
    assert client.get(path).json == {"metadata": {}}
    assert client.post(path, json={"metadata": {"a": "1"}}).json == {"metadata": {"a": "1"}}
    assert client.put(f"{path}/b", json={"meta": {"b": "2"}}).json == {"meta": {"b": "2"}}
    assert client.get(path, version="2.38").json == {"metadata": {"a": "1", "b": "2"}}
    assert client.get(f"{path}/a").json == {"meta": {"a": "1"}}
    assert client.put(f"{path}/a", json={"meta": {"b": "2"}}).status_code == 400
    assert client.get(f"{path}/zz").status_code == client.delete(f"{path}/zz").status_code == 404
    assert client.get(path, version="2.39").status_code == 404
    assert client.get(f"{PATH}/{NOWHERE}/metadata").status_code == 404
    client.put("/v2.1/os-quota-sets/p1", json={"quota_set": {"metadata_items": 2}}, as_=compute.book.admin)
    assert client.post(path, json={"metadata": {"c": "3"}}).status_code == 403


@pytest.mark.parametrize("status", ["queued", "deactivated", "killed"])
def test_states_of_images(compute: ComputeFixture, image: Any, status: str) -> None:
    image.images[IMAGE_ID]["status"] = status
    shown = compute.client.get(f"{PATH}/{IMAGE_ID}").json["image"]["status"]
    assert shown == {"queued": "SAVING", "deactivated": "ACTIVE"}.get(status, "UNKNOWN")
