"""An expired object counts as deleted for every call, even before the expirer has deleted it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
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


@pytest.fixture
def opening(tmp_path: Path) -> Iterator[ObjectStoreFixture]:
    """A store that opens what has expired, with a container "c"."""
    fixture = ObjectStoreFixture(tmp_path, allow_open_expired=True)
    fixture.client.put(f"{fixture.account}/c")
    yield fixture
    fixture.close()


def test_what_has_expired_may_be_opened(opening: ObjectStoreFixture) -> None:
    client, path, opened = opening.client, f"{opening.account}/c/o", {"X-Open-Expired": "true"}
    client.put(path, data=b"data", headers={"X-Delete-After": "1000"})
    ahead(opening, 3600)
    for method in ("GET", "HEAD"):
        assert client.request(method, path).status_code == 404
        assert client.request(method, path, headers={"X-Open-Expired": "false"}).status_code == 404
        assert client.request(method, path, headers=opened).status_code == 200
    assert client.get(path, headers=opened | {"Range": "bytes=1-2"}).data == b"at"
    copied = client.request("COPY", path, headers=opened | {"Destination": "c/copy", "X-Delete-After": "90"})
    assert copied.status_code == 201 and client.get(f"{path[:-1]}copy").data == b"data"
    assert client.post(path, headers={"X-Delete-After": "90"}).status_code == 404
    assert client.post(path, headers=opened | {"X-Object-Meta-Test": "kept", "X-Delete-After": "90"}).status_code == 202
    answer = client.get(path)
    assert answer.data == b"data" and answer.headers["X-Object-Meta-Test"] == "kept"
    assert client.get("/info").get_json()["swift"]["allow_open_expired"] is True


def test_parts_that_have_expired_may_be_opened(opening: ObjectStoreFixture) -> None:
    client, opened = opening.client, {"X-Open-Expired": "true"}
    ends = {"X-Delete-After": "1000"}
    for name in ("one", "two"):
        client.put(f"{opening.account}/c/{name}", data=name.encode(), headers=ends)
    lines = json.dumps([{"path": "/c/one"}, {"path": "/c/two"}])
    path = f"{opening.account}/c/whole"
    assert client.put(f"{path}?multipart-manifest=put", data=lines, headers=ends).status_code == 201
    ahead(opening, 3600)
    assert client.get(path, headers=opened).data == b"onetwo"
    part = client.get(f"{path}?part-number=2", headers=opened)
    assert (part.status_code, part.data) == (206, b"two")
    assert client.get(f"{path}?multipart-manifest=get").status_code == 404
    assert client.get(f"{path}?multipart-manifest=get", headers=opened).status_code == 200


def test_what_has_expired_is_not_opened_by_default(store: ObjectStoreFixture, expired: str) -> None:
    opened = {"X-Open-Expired": "true"}
    assert store.client.get(expired, headers=opened).status_code == 404
    assert store.client.post(expired, headers=opened | {"X-Delete-After": "90"}).status_code == 404
    assert store.client.get("/info").get_json()["swift"]["allow_open_expired"] is False
