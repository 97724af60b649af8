"""Containers: listings, metadata, quotas."""

from xml.etree import ElementTree

import pytest

from pileus_objectstore.testing import ObjectStoreFixture

NAMES = ["a", "a/b", "a/c/d", "b/x", "b/y", "c", "é", "𝄞"]


@pytest.fixture
def filled(store: ObjectStoreFixture, container: str) -> str:
    for name in NAMES:
        assert store.client.put(f"{container}/{name}", data=name.encode()).status_code == 201
    return container


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", NAMES),
        ("limit=2", ["a", "a/b"]),
        ("marker=b/x", ["b/y", "c", "é", "𝄞"]),
        ("end_marker=b", ["a", "a/b", "a/c/d"]),
        ("marker=a&end_marker=c", ["a/b", "a/c/d", "b/x", "b/y"]),
        ("prefix=a/", ["a/b", "a/c/d"]),
        ("reverse=true", NAMES[::-1]),
        ("reverse=on&marker=c&limit=2", ["b/y", "b/x"]),
        ("reverse=1&end_marker=b/y", ["𝄞", "é", "c"]),
        ("delimiter=/", ["a", "a/", "b/", "c", "é", "𝄞"]),
        ("delimiter=/&prefix=a/", ["a/b", "a/c/"]),
        ("delimiter=/&marker=a/", ["b/", "c", "é", "𝄞"]),
        ("delimiter=/&limit=2", ["a", "a/"]),
        ("limit=0", []),
        ("delimiter=/&reverse=true", ["𝄞", "é", "c", "b/", "a/", "a"]),
        ("path=a", ["a/b"]),
        ("path=", ["a", "c", "é", "𝄞"]),
        ("delimiter=/&limit=1&marker=a/&reverse=true", ["a"]),
    ],
)
def test_listing(store: ObjectStoreFixture, filled: str, query: str, expected: list[str]) -> None:
    got = store.client.get(f"{filled}?{query}")
    assert got.data.decode().splitlines() == expected
    assert got.status_code == (200 if expected else 204)


def test_json_and_xml(store: ObjectStoreFixture, filled: str) -> None:
    rows = store.client.get(f"{filled}?format=json&delimiter=/").json
    assert rows[1] == {"subdir": "a/"}
    assert rows[0]["name"] == "a"
    assert rows[0]["bytes"] == 1
    assert rows[0]["hash"] == "0cc175b9c0f1b6a831c399e269772661"
    assert rows[0]["last_modified"][10] == "T"
    xml = store.client.get(filled, headers={"Accept": "application/xml"})
    assert xml.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert xml.data.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<container name="c"><object><name>a</name>')
    assert store.client.get(filled, headers={"Accept": "image/png"}).status_code == 406
    assert store.client.get(f"{filled}?limit=10001").status_code == 412


def test_counts(store: ObjectStoreFixture, filled: str) -> None:
    size = str(sum(len(name.encode()) for name in NAMES))
    head = store.client.head(filled)
    assert head.status_code == 204
    assert (head.headers["X-Container-Object-Count"], head.headers["X-Container-Bytes-Used"]) == ("8", size)
    store.client.put(f"{filled}/a", data=b"longer")
    store.client.delete(f"{filled}/c")
    head = store.client.head(filled)
    assert (head.headers["X-Container-Object-Count"], head.headers["X-Container-Bytes-Used"]) == (
        "7",
        str(int(size) + 5 - 1),
    )
    store.drain()
    account = store.client.head(store.account).headers
    assert (account["X-Account-Container-Count"], account["X-Account-Object-Count"]) == ("1", "7")
    assert account["X-Account-Bytes-Used"] == str(int(size) + 4)
    assert store.client.get(f"{store.account}?format=json").json[0]["count"] == 7


def test_life_of_a_container(store: ObjectStoreFixture) -> None:
    path = f"{store.account}/c"
    assert store.client.head(path).status_code == 404
    assert store.client.put(path, headers={"X-Container-Meta-A": "1"}).status_code == 201
    assert store.client.put(path, headers={"X-Container-Meta-B": "2"}).status_code == 202
    head = store.client.head(path).headers
    assert (head["X-Container-Meta-A"], head["X-Container-Meta-B"]) == ("1", "2")
    assert (
        store.client.post(path, headers={"X-Remove-Container-Meta-A": "x", "X-Container-Meta-B": ""}).status_code == 204
    )
    head = store.client.head(path).headers
    assert "X-Container-Meta-A" not in head
    assert "X-Container-Meta-B" not in head
    store.client.put(f"{path}/o", data=b"x")
    assert store.client.delete(path).status_code == 409
    store.client.delete(f"{path}/o")
    assert store.client.delete(path).status_code == 204
    assert store.client.delete(path).status_code == 404
    assert store.client.get(path).status_code == 404
    assert store.client.post(path, headers={"X-Container-Meta-A": "1"}).status_code == 404
    assert store.client.get(store.account).data == b""
    assert store.client.put(path).status_code == 201


def test_metadata_limits_hold_for_many_requests_together(store: ObjectStoreFixture, container: str) -> None:
    for batch in range(3):
        headers = {f"X-Container-Meta-{batch}-{n}": "v" for n in range(30)}
        assert store.client.post(container, headers=headers).status_code == 204
    assert store.client.post(container, headers={"X-Container-Meta-One-More": "v"}).status_code == 400


def test_container_quotas(store: ObjectStoreFixture, container: str) -> None:
    assert store.client.post(container, headers={"X-Container-Meta-Quota-Bytes": "x"}).status_code == 400
    store.client.post(container, headers={"X-Container-Meta-Quota-Bytes": "10", "X-Container-Meta-Quota-Count": "2"})
    assert store.client.put(f"{container}/a", data=b"12345678").status_code == 201
    assert store.client.put(f"{container}/b", data=b"123").status_code == 413
    assert store.client.put(f"{container}/b", data=b"12").status_code == 201
    assert store.client.put(f"{container}/c", environ_overrides={"CONTENT_LENGTH": "0"}).status_code == 413
    assert store.client.get(container).data == b"a\nb\n"


def test_xml_of_names_with_characters_that_xml_lacks(store: ObjectStoreFixture, container: str) -> None:
    for name in ("a%01b", "c%EF%BF%BF", "d%0A", "%3C&%3E"):
        assert store.client.put(f"{container}/{name}", data=b"x").status_code == 201
    for query in ("format=xml", "format=xml&delimiter=b"):
        root = ElementTree.fromstring(store.client.get(f"{container}?{query}").data)
        assert len(root) == 4
    assert store.client.get(f"{container}?format=json").json[1]["name"] == "a\x01b"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "?limit=10001", {}, 412),
        ("GET", "?prefix=%00", {}, 204),
        ("GET", "", {"Accept": "image/png"}, 406),
        ("PUT", "", {"X-Storage-Policy": "gold"}, 400),
        ("PUT", "", {"X-Container-Meta-Quota-Bytes": "many"}, 400),
        ("PUT", "", {"X-Container-Meta-Quota-Count": "-1"}, 400),
        ("PUT", "", {"X-Versions-Location": "a", "X-History-Location": "b"}, 400),
        ("PUT", "", {"X-Versions-Location": "a%2Fb"}, 412),
        ("PUT", "", {"X-Versions-Location": "a" * 257}, 400),
        ("PUT", "", {"X-Container-Read": ".r:"}, 400),
        ("PUT", "", {"X-Container-Write": ".r:*"}, 400),
        ("PUT", "", {"X-Container-Meta-" + "a" * 129: "x"}, 400),
        ("PUT", "", {"X-Container-Sync-To": "//x"}, 400),
        ("POST", "", {"X-Container-Meta-A": "x" * 257}, 400),
        ("POST", "none", {}, 404),
        ("GET", "none", {}, 404),
        ("HEAD", "none", {}, 404),
        ("DELETE", "none", {}, 404),
        ("PUT", "a" * 256, {}, 400),
        ("COPY", "", {}, 405),
    ],
)
def test_refusals(
    store: ObjectStoreFixture, container: str, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    assert store.client.request(method, f"{container}{path}", headers=headers).status_code == status
    assert store.client.head(container).status_code == 204


def test_containers_of_others_are_refused(store: ObjectStoreFixture, container: str) -> None:
    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        assert store.client.request(method, container, as_=store.tokens.other).status_code == 403
        assert store.client.request(method, container, anonymous=True).status_code == 401
