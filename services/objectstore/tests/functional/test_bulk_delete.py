"""?bulk-delete deletes what the body names, whatever the path and the method; each path needs the caller's right."""

from typing import Any

import pytest

from pileus_objectstore.testing import ObjectStoreFixture


def delete(store: ObjectStoreFixture, method: str, path: str, body: bytes, **more: Any) -> Any:
    headers = {"Accept": "application/json"}
    return store.client.request(method, f"{store.account}{path}?bulk-delete", data=body, headers=headers, **more)


PARTS = [b"a" * 1000, b"b" * 70000, b"c" * 5]


def segments(store: ObjectStoreFixture, container: str) -> None:
    for number, data in enumerate(PARTS):
        assert store.client.put(f"{container}/seg/{number}", data=data).status_code == 201


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("path", ["", "/c", "/c/o"])
def test_paths_in_the_body_are_deleted(store: ObjectStoreFixture, container: str, method: str, path: str) -> None:
    for name in ("o", "p", "q"):
        store.client.put(f"{container}/{name}", data=b"x")
    answer = delete(store, method, path, b"/c/p\n/c/none\n")
    assert answer.status_code == 200
    assert (answer.json["Number Deleted"], answer.json["Number Not Found"]) == (1, 1)
    assert store.client.get(container).data == b"o\nq\n"
    assert delete(store, method, path, b"\n").status_code == 400
    assert store.client.get(container).data == b"o\nq\n"


def test_each_deletion_needs_its_own_right(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/mine", data=b"x")
    store.client.put(f"{store.account}/shared", headers={"X-Container-Write": "p2:*"})
    store.client.put(f"{store.account}/shared/theirs", data=b"x")
    answer = delete(store, "POST", "", b"/c/mine\n/shared/theirs\n/shared\n", as_=store.tokens.other)
    assert answer.json["Number Deleted"] == 1
    assert sorted(answer.json["Errors"]) == [["/c/mine", "403 Forbidden"], ["/shared", "403 Forbidden"]]
    assert store.client.get(f"{container}/mine").data == b"x"
    assert delete(store, "POST", "", b"/c/mine\n", anonymous=True).status_code == 401
    assert store.client.get(f"{container}/mine").data == b"x"


def test_bulk_delete(store: ObjectStoreFixture, container: str) -> None:
    segments(store, container)
    body = "c/seg/0\n/c/seg/1\nc/none\nc/seg%2F2\nc\n"
    assert store.client.get(f"{store.account}?bulk-delete&format=json", data=body).json[0]["name"] == "c"  # only looks
    answer = store.client.post(f"{store.account}?bulk-delete", data=body, headers={"Accept": "application/json"})
    assert (answer.json["Number Deleted"], answer.json["Number Not Found"]) == (4, 1)
    assert store.client.head(container).status_code == 404


def test_bulk_delete_of_impossible_names(store: ObjectStoreFixture, container: str) -> None:
    lines = ["c/a%00b", "c/" + "x" * 1025, "/", "c/none"]
    answer = store.client.post(f"{store.account}?bulk-delete", data="\n".join(lines).encode(),
                               headers={"Accept": "application/json"})  # fmt: skip
    assert answer.json["Number Not Found"] == 1
    assert [status for _, status in answer.json["Errors"]] == [
        "412 Precondition Failed", "400 Bad Request", "400 Bad Request"]  # fmt: skip
    assert store.client.head(container).status_code == 204


def test_the_answer_as_text_and_xml(store: ObjectStoreFixture, container: str) -> None:
    """The answer is text unless another form is asked for."""
    store.client.put(f"{container}/o", data=b"x")
    path = f"{store.account}?bulk-delete"
    text = store.client.post(path, data=b"/c/o\n/c/none\n/c\n/").data.decode().splitlines()
    assert text[:4] == [
        "Number Deleted: 2", "Number Not Found: 1", "Response Status: 400 Bad Request", "Response Body: "
    ]  # fmt: skip
    assert text[5:] == [", 400 Bad Request"]
    store.client.put(container)
    for more, headers in (("&format=xml", {}), ("", {"Accept": "text/xml"})):
        xml = store.client.post(path + more, data=b"/c\n/a/b/\xff", headers=headers)
        assert xml.headers["Content-Type"] == "text/xml"
        assert b"<number_deleted>" in xml.data


def test_refusals(store: ObjectStoreFixture, container: str) -> None:
    path = f"{store.account}?bulk-delete"
    assert store.client.post(path, data=b"/c/o", anonymous=True).status_code == 401
    assert store.client.post(path, data=b"\n").status_code == 400
    many = store.client.post(path, data=b"/c/o\n" * 10_001)
    assert (many.status_code, many.text) == (413, "Maximum Bulk Deletes: 10000 per request")
