"""Static manifests: what they may not contain, and inline data."""

import base64
import hashlib
import json
from typing import Any

import pytest

from pileus_kit.testing.callers import make_caller
from pileus_objectstore.testing import ObjectStoreFixture

PARTS = {"seg_a": b"a" * 1000, "seg_b": b"b" * 1000, "seg_c": b"c" * 1000}
LINES = [{"path": f"/c/{name}"} for name in PARTS]


@pytest.fixture
def segments(store: ObjectStoreFixture, container: str) -> str:
    for name, data in PARTS.items():
        assert store.client.put(f"{container}/{name}", data=data).status_code == 201
    return container


def put(store: ObjectStoreFixture, path: str, lines: Any) -> Any:
    return store.client.put(f"{path}?multipart-manifest=put", data=json.dumps(lines))


def intact(store: ObjectStoreFixture, container: str) -> bool:
    return all(store.client.get(f"{container}/{name}").data == data for name, data in PARTS.items())


@pytest.mark.parametrize("path", ["/c/seg_b", "c/seg_b", "//c/seg_b"])
def test_a_manifest_is_not_its_own_segment(store: ObjectStoreFixture, segments: str, path: str) -> None:
    lines = [LINES[0], {"path": path, "range": "0-9"}, LINES[2]]
    refused = put(store, f"{segments}/seg_b", lines)
    assert refused.status_code == 400
    assert "Index 1: manifest must not include itself as a segment" in refused.text
    assert intact(store, segments)


def test_a_copy_of_a_manifest_is_not_its_own_segment(store: ObjectStoreFixture, segments: str) -> None:
    assert put(store, f"{segments}/big", LINES).status_code == 201
    headers = {"Destination": "c/seg_b"}
    copied = store.client.request("COPY", f"{segments}/big?multipart-manifest=get", headers=headers)
    assert copied.status_code == 400
    headers = {"X-Copy-From": "c/big"}
    assert store.client.put(f"{segments}/seg_b?multipart-manifest=get", headers=headers).status_code == 400
    assert intact(store, segments)
    assert store.client.put(f"{segments}/again?multipart-manifest=get", headers=headers).status_code == 201
    assert store.client.get(f"{segments}/again").data == b"".join(PARTS.values())


def test_a_copied_manifest_needs_its_segments(store: ObjectStoreFixture, segments: str) -> None:
    """In another account the same names are other objects: they must exist, and the caller must be allowed to read
    them.
    """
    assert put(store, f"{segments}/big", LINES).status_code == 201
    reseller = store.tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
    store.client.put("/v1/AUTH_p2/c", as_=reseller)
    headers = {"X-Copy-From": "c/big", "X-Copy-From-Account": "AUTH_p1"}
    copy = "/v1/AUTH_p2/c/big?multipart-manifest=get"
    assert store.client.put(copy, headers=headers, as_=reseller).status_code == 400
    for name, data in PARTS.items():
        store.client.put(f"/v1/AUTH_p2/c/{name}", data=data, as_=reseller)
    assert store.client.put(copy, headers=headers, as_=reseller).status_code == 201
    store.client.put("/v1/AUTH_p2/c/seg_a", data=b"other", as_=reseller)
    assert store.client.put(copy, headers=headers, as_=reseller).status_code == 400


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (1, "not a JSON object"),
        ({}, "expected keys to include one of"),
        ({"path": 1}, '"path" must be a string'),
        ({"path": "/c"}, "path does not refer to an object"),
        ({"path": "/c/"}, "path does not refer to an object"),
        ({"path": "/c/seg_a", "etag": 1}, '"etag" must be a string'),
        ({"path": "/c/seg_a", "size_bytes": "x"}, "invalid size_bytes"),
        ({"path": "/c/seg_a", "size_bytes": 0}, "too small"),
        ({"path": "/c/seg_a", "range": "x"}, "invalid range"),
        ({"path": "/c/seg_a", "range": "0-1,3-4"}, "multiple ranges"),
        ({"path": "/c/seg_a", "size_bytes": 5, "range": "7-"}, "unsatisfiable range"),
        ({"path": "/c/seg_a", "colour": "red"}, "extraneous keys colour"),
        ({"path": "/c/a\0b"}, "NULL"),
        ({"path": "/c/" + "x" * 2000}, "longer than"),
        ({"data": "!"}, "data must be valid base64"),
        ({"data": ""}, "too small"),
        ({"data": 7}, "data must be valid base64"),
        ({"data": "eA==", "path": "/c/seg_a", "etag": None, "x": 1}, "extraneous keys"),
    ],
)
def test_wrong_lines(store: ObjectStoreFixture, segments: str, line: Any, why: str) -> None:
    refused = put(store, f"{segments}/big", [LINES[0], line, LINES[1]])
    assert refused.status_code == 400
    assert why in refused.text
    assert store.client.head(f"{segments}/big").status_code == 404


def test_bodies_that_are_no_manifest(store: ObjectStoreFixture, segments: str) -> None:
    for data in (b"", b"{", b"{}", b"[]", b'"x"', b"null", json.dumps([{"data": "eA=="}]).encode()):
        refused = store.client.put(f"{segments}/big?multipart-manifest=put", data=data)
        assert refused.status_code in (400, 411), data


def test_inline_data(store: ObjectStoreFixture, segments: str) -> None:
    text = base64.b64encode(b"hello").decode()
    lines = [{"data": text}, LINES[0], {"data": text.rstrip("=")}, LINES[1] | {"range": "5-9"}]
    made = put(store, f"{segments}/big", lines)
    assert made.status_code == 201
    md5 = hashlib.md5
    parts = (md5(b"hello").hexdigest(), md5(PARTS["seg_a"]).hexdigest(), md5(b"hello").hexdigest(),
             md5(PARTS["seg_b"]).hexdigest() + ":5-9;")  # fmt: skip
    assert made.headers["Etag"] == f'"{md5("".join(parts).encode()).hexdigest()}"'
    whole = b"hello" + PARTS["seg_a"] + b"hello" + PARTS["seg_b"][5:10]
    assert store.client.get(f"{segments}/big").data == whole
    assert store.client.head(f"{segments}/big").headers["Content-Length"] == str(len(whole))
    part = store.client.get(f"{segments}/big", headers={"Range": "bytes=3-1006"})
    assert part.data == whole[3:1007]
    again = json.loads(store.client.get(f"{segments}/big?multipart-manifest=get&format=raw").data)
    assert again[0] == {"data": text}
    assert put(store, f"{segments}/again", again).headers["Etag"] == made.headers["Etag"]
    gone = store.client.delete(f"{segments}/big?multipart-manifest=delete&format=json", headers={"Accept": "*/json"})
    assert gone.json["Number Deleted"] == 3


def test_sizes_may_be_text_and_the_last_segment_empty(store: ObjectStoreFixture, segments: str) -> None:
    store.client.put(f"{segments}/empty", environ_overrides={"CONTENT_LENGTH": "0"})
    lines = [{"path": "/c/seg_a", "size_bytes": "1000"}, {"path": "/c/empty", "size_bytes": 0}]
    assert put(store, f"{segments}/big", lines).status_code == 201
    assert store.client.get(f"{segments}/big").data == PARTS["seg_a"]
    assert put(store, f"{segments}/big", lines[::-1]).status_code == 400


def test_parts(store: ObjectStoreFixture, segments: str) -> None:
    text = base64.b64encode(b"hello").decode()
    put(store, f"{segments}/big", [LINES[0], {"data": text}, LINES[1] | {"range": "5-9"}])
    size = 1000 + 5 + 5
    for number, data, span in ((1, PARTS["seg_a"], "0-999"), (2, b"hello", "1000-1004"), (3, b"bbbbb", "1005-1009")):
        for method in ("GET", "HEAD"):
            answer = store.client.request(method, f"{segments}/big?part-number={number}")
            assert answer.status_code == 206
            assert answer.headers["X-Parts-Count"] == "3"
            assert answer.headers["Content-Range"] == f"bytes {span}/{size}"
            assert answer.headers["Content-Length"] == str(len(data))
            assert answer.data == (data if method == "GET" else b"")
    for method in ("GET", "HEAD"):
        answer = store.client.request(method, f"{segments}/big?part-number=4")
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{size}")
        for wrong in ("0", "-1", "x", "", "1.5"):
            assert store.client.request(method, f"{segments}/big?part-number={wrong}").status_code == 400
    headers = {"Range": "bytes=0-1"}
    assert store.client.get(f"{segments}/big?part-number=1", headers=headers).status_code == 400
    assert store.client.get(f"{segments}/seg_a?part-number=7").data == PARTS["seg_a"]
    copied = store.client.put(f"{segments}/copy?part-number=2", headers={"X-Copy-From": "c/big"})
    assert copied.status_code == 201


def test_segments_that_one_may_not_read(store: ObjectStoreFixture, segments: str) -> None:
    """A caller learns nothing of segments that they may not read, by their own manifest or another's."""
    client, other = store.client, store.tokens.other
    client.put(f"{store.account}/shared", headers={"X-Container-Write": "p2:*", "X-Container-Read": "p2:*"})
    refused = client.put(f"{store.account}/shared/m?multipart-manifest=put", data=json.dumps(LINES), as_=other)
    assert refused.status_code == 400
    assert "/c/seg_a, 403 Forbidden" in refused.text
    assert put(store, f"{store.account}/shared/m", LINES).status_code == 201
    assert client.get(f"{store.account}/shared/m", as_=other).status_code == 409
    assert client.head(f"{store.account}/shared/m", as_=other).status_code == 200
