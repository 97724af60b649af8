"""A container that kept a history and is made a stack: a DELETE goes one step back, as if it had always been one."""

import pytest

from pileus_objectstore.testing import ObjectStoreFixture


@pytest.fixture
def history(store: ObjectStoreFixture, container: str) -> str:
    store.client.put(f"{store.account}/archive")
    store.client.post(container, headers={"X-History-Location": "archive"})
    for data in (b"one", b"two"):
        store.client.put(f"{container}/o", data=data)
    store.client.delete(f"{container}/o")
    return container


def stack(store: ObjectStoreFixture, container: str) -> None:
    store.client.post(container, headers={"X-Versions-Location": "archive", "X-Remove-History-Location": "x"})


def kept(store: ObjectStoreFixture) -> int:
    return len(store.client.get(f"{store.account}/archive?format=json").json or [])


def test_a_deletion_is_taken_back(store: ObjectStoreFixture, history: str) -> None:
    stack(store, history)
    assert kept(store) == 3
    assert store.client.delete(f"{history}/o").status_code == 204
    assert store.client.get(f"{history}/o").data == b"two"
    assert kept(store) == 1
    assert store.client.delete(f"{history}/o").status_code == 204
    assert store.client.get(f"{history}/o").data == b"one"
    assert store.client.delete(f"{history}/o").status_code == 204
    assert store.client.get(f"{history}/o").status_code == 404
    assert kept(store) == 0


def test_what_came_after_the_deletion_goes_first(store: ObjectStoreFixture, history: str) -> None:
    store.client.put(f"{history}/o", data=b"three")
    stack(store, history)
    assert store.client.delete(f"{history}/o").status_code == 204
    assert store.client.get(f"{history}/o").status_code == 404
    assert kept(store) == 3
    assert store.client.delete(f"{history}/o").status_code == 204
    assert store.client.get(f"{history}/o").data == b"two"


def test_two_deletions(store: ObjectStoreFixture, history: str) -> None:
    store.client.delete(f"{history}/o")
    stack(store, history)
    assert store.client.delete(f"{history}/o").status_code == 204
    assert store.client.get(f"{history}/o").status_code == 404
