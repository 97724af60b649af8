"""Versions of objects: X-Versions-Location and X-History-Location."""

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


def test_versions_are_a_stack(store: ObjectStoreFixture, container: str) -> None:
    archive = f"{store.account}/old"
    store.client.put(archive)
    store.client.post(container, headers={"X-Versions-Location": "old"})
    assert store.client.head(container).headers["X-Versions-Location"] == "old"
    for data in (b"1", b"2", b"3"):
        assert (
            store.client.put(f"{container}/o", data=data, headers={"X-Object-Meta-V": data.decode()}).status_code == 201
        )
    names = store.client.get(archive).data.decode().split()
    assert len(names) == 2
    assert names[0].startswith("001o/")
    assert [store.client.get(f"{archive}/{name}").data for name in names] == [b"1", b"2"]
    for data in (b"2", b"1"):
        assert store.client.delete(f"{container}/o").status_code == 204
        got = store.client.get(f"{container}/o")
        assert (got.data, got.headers["X-Object-Meta-V"]) == (data, data.decode())
    assert store.client.delete(f"{container}/o").status_code == 204
    assert store.client.get(f"{container}/o").status_code == 404
    assert store.client.get(archive).data == b""


def test_history_keeps_all(store: ObjectStoreFixture, container: str) -> None:
    archive = f"{store.account}/old"
    store.client.put(archive)
    store.client.post(container, headers={"X-History-Location": "old"})
    for data in (b"1", b"2"):
        store.client.put(f"{container}/o", data=data)
    assert store.client.delete(f"{container}/o").status_code == 204
    assert store.client.get(f"{container}/o").status_code == 404
    rows = store.client.get(f"{archive}?format=json").json
    assert [row["bytes"] for row in rows] == [1, 1, 0]
    assert rows[2]["content_type"].startswith("application/x-deleted")


def test_nothing_is_overwritten_without_the_container_for_versions(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"1")
    store.client.post(container, headers={"X-Versions-Location": "none"})
    assert store.client.put(f"{container}/o", data=b"2").status_code == 412
    assert store.client.get(f"{container}/o").data == b"1"


@pytest.mark.parametrize("header", ["X-Versions-Location", "X-History-Location"])
def test_where_versions_go_is_url_encoded(store: ObjectStoreFixture, container: str, header: str) -> None:
    archive = f"{store.account}/st%C3%A1r%C3%A9%20v%C4%9Bci"
    store.client.put(archive)
    assert store.client.post(container, headers={header: "st%C3%A1r%C3%A9%20v%C4%9Bci"}).status_code == 204
    for data in (b"1", b"2"):
        assert store.client.put(f"{container}/a", data=data).status_code == 201
    assert store.client.get(archive).text.startswith("001a/")
    for wrong in ("no/such", "%2F", "%00"):
        assert store.client.post(container, headers={header: wrong}).status_code == 412, wrong


def test_a_name_too_long_for_its_version(store: ObjectStoreFixture, container: str) -> None:
    """A version whose name no URL could contain could never be deleted."""
    store.client.put(f"{store.account}/old")
    store.client.post(container, headers={"X-Versions-Location": "old"})
    path = f"{container}/{'x' * 1024}"
    assert store.client.put(path, data=b"1").status_code == 201
    assert store.client.put(path, data=b"2").status_code == 412
    assert store.client.get(path).data == b"1"
    assert store.client.delete(path).status_code == 204
    assert store.client.delete(container).status_code == 204


def test_a_deletion_is_undone(store: ObjectStoreFixture, history: str) -> None:
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


def test_an_object_stored_after_the_deletion_is_deleted_first(store: ObjectStoreFixture, history: str) -> None:
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
