"""Dynamic and static large objects."""

import hashlib
import json
from typing import Any

import pytest

from pileus_objectstore.testing import ObjectStoreFixture

PARTS = [b"a" * 1000, b"b" * 70000, b"c" * 5]


WHOLE = b"".join(PARTS)


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def segments(store: ObjectStoreFixture, container: str) -> None:
    for number, data in enumerate(PARTS):
        assert store.client.put(f"{container}/seg/{number}", data=data).status_code == 201


def manifest(**changes: Any) -> list[dict[str, Any]]:
    lines = [{"path": f"/c/seg/{n}", "etag": md5(data), "size_bytes": len(data)} for n, data in enumerate(PARTS)]
    lines[1] |= changes
    return lines


def put(store: ObjectStoreFixture, path: str, lines: list[dict[str, Any]]) -> Any:
    return store.client.put(f"{path}?multipart-manifest=put", data=json.dumps(lines))


def test_dynamic(store: ObjectStoreFixture, container: str) -> None:
    segments(store, container)
    zero = {"CONTENT_LENGTH": "0"}
    headers = {"X-Object-Manifest": "c/seg/", "X-Object-Meta-A": "1"}
    assert store.client.put(f"{container}/big", headers=headers, environ_overrides=zero).status_code == 201
    got = store.client.get(f"{container}/big")
    assert got.data == WHOLE
    assert got.headers["Content-Length"] == str(len(WHOLE))
    assert got.headers["X-Object-Manifest"] == "c/seg/"
    assert got.headers["Etag"] == f'"{md5("".join(md5(part) for part in PARTS).encode())}"'
    assert store.client.head(f"{container}/big").headers["Content-Length"] == str(len(WHOLE))
    part = store.client.get(f"{container}/big", headers={"Range": "bytes=998-1001"})
    assert (part.status_code, part.data) == (206, b"aabb")
    assert part.headers["Content-Range"] == f"bytes 998-1001/{len(WHOLE)}"
    assert store.client.get(f"{container}/big?multipart-manifest=get").data == b""


def test_static(store: ObjectStoreFixture, container: str) -> None:
    segments(store, container)
    made = put(store, f"{container}/big", manifest())
    assert made.status_code == 201
    assert made.headers["Etag"] == f'"{md5("".join(md5(part) for part in PARTS).encode())}"'
    got = store.client.get(f"{container}/big")
    assert got.data == WHOLE
    assert got.headers["X-Static-Large-Object"] == "True"
    assert got.headers["Etag"] == made.headers["Etag"]
    head = store.client.head(f"{container}/big")
    assert (head.headers["Content-Length"], head.headers["Etag"]) == (str(len(WHOLE)), made.headers["Etag"])
    for text, first, last in (("bytes=999-1000", 999, 1000), ("bytes=-6", len(WHOLE) - 6, len(WHOLE) - 1)):
        assert store.client.get(f"{container}/big", headers={"Range": text}).data == WHOLE[first : last + 1]
    assert store.client.get(f"{container}/big", headers={"If-None-Match": got.headers["Etag"]}).status_code == 304
    shown = store.client.get(f"{container}/big?multipart-manifest=get")
    assert shown.headers["Content-Type"] == "application/json; charset=utf-8"
    assert [line["name"] for line in shown.json] == ["/c/seg/0", "/c/seg/1", "/c/seg/2"]
    raw = store.client.get(f"{container}/big?multipart-manifest=get&format=raw")
    assert raw.headers["Content-Type"] == got.headers["Content-Type"]
    again = json.loads(raw.data)
    assert again == manifest()
    for _ in range(2):
        row = store.client.get(f"{container}?format=json").json[0]
        assert (row["name"], row["bytes"], row["slo_etag"]) == ("big", len(WHOLE), made.headers["Etag"])
        store.client.post(f"{container}/big", headers={"Content-Type": "text/x"})


def test_static_of_static_and_ranges(store: ObjectStoreFixture, container: str) -> None:
    segments(store, container)
    put(store, f"{container}/inner", manifest())
    lines = [{"path": "/c/inner"}, {"path": "/c/seg/1", "range": "10-19"}]
    assert put(store, f"{container}/outer", lines).status_code == 201
    assert store.client.get(f"{container}/outer").data == WHOLE + b"b" * 10


def test_wrong_manifests(store: ObjectStoreFixture, container: str) -> None:
    segments(store, container)
    for lines, why in (
        (manifest(etag="0" * 32), "Etag Mismatch"), (manifest(size_bytes=7), "Size Mismatch"),
        (manifest(path="/c/none"), "404 Not Found"), (manifest(path="/c"), "Path must be"), ([], "at least one"),
        (manifest(colour="red"), "extraneous keys colour"), (manifest(range="80000-"), "unsatisfiable range"),
    ):  # fmt: skip
        refused = put(store, f"{container}/big", lines)
        assert refused.status_code == 400
        assert why in refused.text
    assert store.client.get(f"{container}/big").status_code == 404


def test_a_changed_segment_is_not_delivered(store: ObjectStoreFixture, container: str) -> None:
    segments(store, container)
    put(store, f"{container}/big", manifest())
    store.client.put(f"{container}/seg/0", data=b"x" * 1000)
    assert store.client.get(f"{container}/big").status_code == 409
    for spans in ("bytes=0-1", "bytes=0-1,3-4"):
        assert store.client.get(f"{container}/big", headers={"Range": spans}).status_code == 409, spans


def test_deleting_a_static_one_with_its_parts(store: ObjectStoreFixture, container: str) -> None:
    segments(store, container)
    put(store, f"{container}/big", manifest())
    gone = store.client.delete(f"{container}/big?multipart-manifest=delete", headers={"Accept": "application/json"})
    assert gone.json["Number Deleted"] == 4
    assert gone.json["Response Status"] == "200 OK"
    assert store.client.get(container).data == b""


def test_a_manifest_opens_no_private_segments(store: ObjectStoreFixture, container: str) -> None:
    """A public container's manifest does not make the segments' private container public."""
    segments(store, container)
    public = f"{store.account}/public"
    store.client.put(public, headers={"X-Container-Read": ".r:*", "X-Container-Write": "p2:*"})
    put(store, f"{public}/static", manifest())
    zero = {"CONTENT_LENGTH": "0"}
    headers = {"X-Object-Manifest": "c/seg/"}
    assert (
        store.client.put(f"{public}/dlo", headers=headers, as_=store.tokens.other, environ_overrides=zero).status_code
        == 201
    )
    refused = store.client.put(
        f"{public}/slo?multipart-manifest=put", data=json.dumps(manifest()), as_=store.tokens.other
    )
    assert refused.status_code == 400
    assert "/c/seg/0, 403 Forbidden" in refused.text
    for name in ("static", "dlo"):
        assert store.client.get(f"{public}/{name}").data == WHOLE
        assert store.client.get(f"{public}/{name}", anonymous=True).status_code == 401


def test_manifests_that_name_each_other(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/seed", data=b"x")
    put(store, f"{container}/one", [{"path": "/c/seed"}])
    put(store, f"{container}/two", [{"path": "/c/one"}])
    put(store, f"{container}/one", [{"path": "/c/two"}, {"path": "/c/two"}])
    assert store.client.get(f"{container}/one").status_code == 409
    gone = store.client.delete(f"{container}/one?multipart-manifest=delete", headers={"Accept": "application/json"})
    assert (gone.json["Response Status"], gone.json["Number Deleted"]) == ("200 OK", 2)
    assert store.client.get(container).text == "seed\n"


def test_a_large_object_has_a_greatest_size(store: ObjectStoreFixture, container: str) -> None:
    """A few more levels of a thousand segments each would be more bytes than a listing can count."""
    store.client.put(f"{container}/0", data=b"x" * 1000)
    for level in range(1, 6):
        made = put(store, f"{container}/{level}", [{"path": f"/c/{level - 1}"}] * 1000)
        if made.status_code != 201:
            break
    assert (made.status_code, level) == (413, 5)
    store.client.put(f"{container}/other", data=b"y")
    assert store.client.get(container).text == "0\n1\n2\n3\n4\nother\n"


def test_a_copied_manifest_is_a_manifest(store: ObjectStoreFixture, container: str) -> None:
    segments(store, container)
    put(store, f"{container}/big", manifest())
    heads = {"Destination": "c/copy"}
    made = store.client.request("COPY", f"{container}/big?multipart-manifest=get&format=raw", headers=heads)
    assert made.status_code == 201
    assert store.client.get(f"{container}/copy").data == WHOLE


@pytest.mark.parametrize("path", ["/c/a\0b", "/c/" + "x" * 1025])
def test_impossible_segment_names_are_refused(store: ObjectStoreFixture, container: str, path: str) -> None:
    assert put(store, f"{container}/big", [{"path": path}]).status_code in (400, 412)
