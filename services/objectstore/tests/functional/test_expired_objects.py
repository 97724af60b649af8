"""An expired object counts as deleted for every call, even before the expirer has deleted it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pileus_objectstore.testing import ObjectStoreFixture

EMPTY = {"CONTENT_LENGTH": "0"}


@pytest.fixture
def expired(store: ObjectStoreFixture, container: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put an object that will expire, then move the proxy's clock forward by an hour."""
    headers = {"X-Delete-After": "1000", "X-Object-Meta-A": "1"}
    assert store.client.put(f"{container}/o", data=b"data", headers=headers).status_code == 201
    ahead(store, 3600)
    return f"{container}/o"


def ahead(store: ObjectStoreFixture, seconds: float) -> None:
    clock = store.app.tools.now
    object.__setattr__(store.app.tools, "now", lambda: clock() + seconds)


CALLS: dict[str, tuple[int, Callable[[Any, str], Any]]] = {
    "get": (404, lambda client, path: client.get(path)),
    "head": (404, lambda client, path: client.head(path)),
    "newest": (404, lambda client, path: client.get(path, headers={"X-Newest": "true"})),
    "post": (404, lambda client, path: client.post(path, headers={"X-Object-Meta-B": "1"})),
    "post that would keep it": (404, lambda client, path: client.post(path, headers={"X-Delete-After": "90"})),
    "delete": (404, lambda client, path: client.delete(path)),
    "copy": (404, lambda client, path: client.request("COPY", path, headers={"Destination": "c/copy"})),
    "put fresh": (201, lambda client, path: client.put(path, data=b"n", headers={"If-None-Match": "*"})),
    "segment": (400, lambda client, path: client.put(
        f"{path}-slo?multipart-manifest=put", data=json.dumps([{"path": "/c/o"}]))),
    "fixed link": (409, lambda client, path: client.put(
        f"{path}-link", headers={"X-Symlink-Target": "c/o", "X-Symlink-Target-Etag": "0" * 32},
        environ_overrides=EMPTY)),
    "manifest": (404, lambda client, path: client.delete(f"{path}?multipart-manifest=delete")),
}  # fmt: skip


@pytest.mark.parametrize("call", list(CALLS))
def test_a_call_on_an_expired_object(store: ObjectStoreFixture, expired: str, call: str) -> None:
    status, act = CALLS[call]
    answer = act(store.client, expired)
    if call == "manifest":
        assert answer.status_code in (200, 404)
    else:
        assert answer.status_code == status
    if call != "put fresh":
        assert store.client.get(expired).status_code == 404


def test_an_expired_version_is_not_restored(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{store.account}/archive")
    store.client.post(container, headers={"X-Versions-Location": "archive"})
    store.client.put(f"{container}/o", data=b"short-lived", headers={"X-Delete-After": "1000"})
    ahead(store, 3600)
    store.client.put(f"{container}/o", data=b"new")
    assert store.client.get(f"{store.account}/archive").data == b""
    store.client.delete(f"{container}/o")
    assert store.client.get(f"{container}/o").status_code == 404


def test_x_if_delete_at(store: ObjectStoreFixture, container: str) -> None:
    """With X-If-Delete-At an expirer deletes the version that it knows, and nothing newer."""
    store.client.put(f"{container}/o", data=b"x")

    def delete(value: str, name: str = "o") -> int:
        return store.client.delete(f"{container}/{name}", headers={"X-If-Delete-At": value}).status_code

    assert delete("1234567890") == 412
    assert delete("bad") == 400
    assert delete("-1") == 400
    assert delete("1234567890", "none") == 404
    assert store.client.get(f"{container}/o").data == b"x"
    if_delete_at = int(store.app.tools.now()) + 1000
    store.client.put(f"{container}/o", data=b"x", headers={"X-Delete-At": str(if_delete_at)})
    assert delete(str(if_delete_at + 1)) == 412
    assert delete("0") == 412
    assert store.client.get(f"{container}/o").data == b"x"
    ahead(store, 3600)
    assert delete(str(if_delete_at)) == 204
    store.client.put(f"{container}/p", data=b"x")
    assert delete("0", "p") == 204
    assert store.client.get(f"{container}/p").status_code == 404


def test_very_late_times(store: ObjectStoreFixture, container: str) -> None:
    for headers in ({"X-Delete-At": "99999999999"}, {"X-Delete-After": "99999999999"}, {"X-Delete-At": "9" * 40}):
        assert store.client.put(f"{container}/o", data=b"x", headers=headers).status_code == 201
        assert store.client.head(f"{container}/o").headers["X-Delete-At"] == "9999999999"
