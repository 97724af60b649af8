"""Tags of servers, from microversion 2.26."""

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def path(compute: ComputeFixture) -> str:
    return f"/v2.1/servers/{compute.server(imageRef=IMAGE_ID, tags=['b', 'a'])['id']}/tags"


def test_tags_are_listed_and_changed(compute: ComputeFixture, path: str) -> None:
    client, version = compute.client, "2.26"
    assert client.get(path, version=version).json == {"tags": ["a", "b"]}
    assert client.get(f"{path}/a", version=version).status_code == 204
    assert client.put(f"{path}/a", version=version).status_code == 204
    made = client.put(f"{path}/c", version=version)
    assert made.status_code == 201 and made.headers["Location"].endswith("/tags/c")
    assert client.put(path, json={"tags": ["x", "x", "y"]}, version=version).json == {"tags": ["x", "y"]}
    assert client.delete(f"{path}/x", version=version).status_code == 204
    assert client.delete(path, version=version).status_code == 204
    assert client.get(path, version=version).json == {"tags": []}


def test_there_are_no_tags_before_2_26(compute: ComputeFixture, path: str) -> None:
    for method in ("get", "delete"):
        assert getattr(compute.client, method)(path, version="2.25").status_code == 404
    assert compute.client.put(f"{path}/x", version="2.25").status_code == 404


def test_wrong_tags_are_refused(compute: ComputeFixture, path: str) -> None:
    client, version = compute.client, "2.26"
    assert client.get(f"{path}/zz", version=version).status_code == 404
    assert client.delete(f"{path}/zz", version=version).status_code == 404
    assert client.put(f"{path}/{'x' * 61}", version=version).status_code == 400
    assert client.put(f"{path}/a,b", version=version).status_code == 400
    assert client.put(path, json={"tags": [str(i) for i in range(51)]}, version=version).status_code == 400
    full = client.put(path, json={"tags": [str(i) for i in range(50)]}, version=version)
    assert full.status_code == 200
    refused = client.put(f"{path}/one-more", version=version)
    assert refused.status_code == 400 and "per-server limit 50" in refused.text


def test_a_locked_server_and_another_projects(compute: ComputeFixture, path: str) -> None:
    other = compute.book.other
    assert compute.client.get(path, as_=other, version="2.26").status_code == 404
    assert compute.client.put(f"{path}/x", as_=compute.book.reader, version="2.26").status_code == 403
    compute.act(path.split("/")[3], "lock")
    for answer in (
        compute.client.put(f"{path}/x", version="2.26"),
        compute.client.put(path, json={"tags": []}, version="2.26"),
        compute.client.delete(f"{path}/a", version="2.26"),
        compute.client.delete(path, version="2.26"),
    ):
        assert answer.status_code == 409
