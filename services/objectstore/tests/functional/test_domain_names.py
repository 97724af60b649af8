"""Accounts and containers as host names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_objectstore.testing import ObjectStoreFixture


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStoreFixture]:
    fixture = ObjectStoreFixture(tmp_path, storage_domains=("storage.test",))
    yield fixture
    fixture.close()


def test_a_host_name_states_account_and_container(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"x")

    def get(host: str, path: str) -> tuple[int, bytes]:
        got = store.client.get(path, headers={"Host": host})
        return got.status_code, got.data

    assert get("AUTH_p1.storage.test", "/") == (200, b"c\n")
    assert get("auth-p1.Storage.test:8080", "/c/o") == (200, b"x")
    assert get("c.AUTH-p1.storage.test", "/o") == (200, b"x")
    assert get("a.c.AUTH-p1.storage.test", "/o")[0] == 400
    assert get("storage.test", "/v1/AUTH_p1/c/o") == (200, b"x")
    assert "domain_remap" in store.client.get("/info").json
    assert store.client.put("/new", headers={"Host": "AUTH-p1.storage.test"}).status_code == 201


def test_a_site_under_its_own_host_name_redirects_there(store: ObjectStoreFixture, container: str) -> None:
    store.client.post(container, headers={"X-Container-Read": ".r:*,.rlistings", "X-Container-Meta-Web-Listings": "1"})
    store.client.put(f"{container}/dir/o", data=b"x")
    moved = store.client.get("/dir", headers={"Host": "c.AUTH-p1.storage.test"}, anonymous=True)
    assert (moved.status_code, moved.headers["Location"]) == (301, "http://c.AUTH-p1.storage.test/dir/")
