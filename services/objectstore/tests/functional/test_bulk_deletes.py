"""?bulk-delete deletes what the body names, whatever the path and the method, each by the caller's own right."""

from typing import Any

import pytest

from pileus_objectstore.testing import ObjectStoreFixture


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("path", ["", "/c", "/c/o"])
def test_what_the_body_names(store: ObjectStoreFixture, container: str, method: str, path: str) -> None:
    for name in ("o", "p", "q"):
        store.client.put(f"{container}/{name}", data=b"x")
    answer = delete(store, method, path, b"/c/p\n/c/none\n")
    assert answer.status_code == 200
    assert (answer.json["Number Deleted"], answer.json["Number Not Found"]) == (1, 1)
    assert store.client.get(container).data == b"o\nq\n"
    assert delete(store, method, path, b"\n").status_code == 400
    assert store.client.get(container).data == b"o\nq\n"


def test_by_right_of_each(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/mine", data=b"x")
    store.client.put(f"{store.account}/shared", headers={"X-Container-Write": "p2:*"})
    store.client.put(f"{store.account}/shared/theirs", data=b"x")
    answer = delete(store, "POST", "", b"/c/mine\n/shared/theirs\n/shared\n", as_=store.tokens.other)
    assert answer.json["Number Deleted"] == 1
    assert sorted(answer.json["Errors"]) == [["/c/mine", "403 Forbidden"], ["/shared", "403 Forbidden"]]
    assert store.client.get(f"{container}/mine").data == b"x"
    assert delete(store, "POST", "", b"/c/mine\n", anonymous=True).status_code == 401
    assert store.client.get(f"{container}/mine").data == b"x"


def delete(store: ObjectStoreFixture, method: str, path: str, body: bytes, **more: Any) -> Any:
    headers = {"Accept": "application/json"}
    return store.client.request(method, f"{store.account}{path}?bulk-delete", data=body, headers=headers, **more)
