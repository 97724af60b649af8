"""Objects over HTTP, with a real proxy, storage server and files."""

import hashlib
import os

import pytest

from pileus_objectstore.testing import ObjectStoreFixture

GREEN = "grün".encode().decode("latin-1")  # UTF-8 on the wire, as WSGI says it
EMPTY = {"CONTENT_LENGTH": "0"}
BIG = os.urandom((1 << 20) + 12345)


@pytest.mark.parametrize("data", [b"", b"hello", BIG], ids=["empty", "short", "big"])
def test_put_and_get(store: ObjectStoreFixture, container: str, data: bytes) -> None:
    etag = hashlib.md5(data).hexdigest()
    put = store.client.put(
        f"{container}/some/näme",
        data=data,
        headers={"X-Object-Meta-Colour": GREEN, "Content-Type": "text/x"},
        environ_overrides={"CONTENT_LENGTH": str(len(data))},
    )
    assert put.status_code == 201
    assert put.headers["Etag"] == etag
    got = store.client.get(f"{container}/some/näme")
    assert (got.status_code, got.data) == (200, data)
    assert got.headers["Etag"] == etag
    assert got.headers["Content-Type"] == "text/x"
    assert got.headers["Content-Length"] == str(len(data))
    assert got.headers["X-Object-Meta-Colour"] == GREEN
    assert got.headers["Last-Modified"] == put.headers["Last-Modified"]
    head = store.client.head(f"{container}/some/näme")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(data))


def test_a_deleted_object_is_gone(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"x")
    assert store.client.delete(f"{container}/o").status_code == 204
    assert store.client.get(f"{container}/o").status_code == 404
    assert store.client.delete(f"{container}/o").status_code == 404
    assert store.client.get(container).data == b""
    assert store.client.put(f"{container}/o", data=b"again").status_code == 201
    assert store.client.get(f"{container}/o").data == b"again"


def test_a_wrong_etag_stores_nothing(store: ObjectStoreFixture, container: str) -> None:
    for data in (b"short", BIG):
        refused = store.client.put(f"{container}/o", data=data, headers={"Etag": "0" * 32})
        assert refused.status_code == 422
        assert store.client.get(f"{container}/o").status_code == 404
    assert (
        store.client.put(
            f"{container}/o", data=b"x", headers={"Etag": f'"{hashlib.md5(b"x").hexdigest()}"'}
        ).status_code
        == 201
    )


def test_if_none_match_star_creates_only(store: ObjectStoreFixture, container: str) -> None:
    assert store.client.put(f"{container}/o", data=b"1", headers={"If-None-Match": "*"}).status_code == 201
    assert store.client.put(f"{container}/o", data=b"2", headers={"If-None-Match": "*"}).status_code == 412
    assert store.client.get(f"{container}/o").data == b"1"
    assert store.client.put(f"{container}/o", data=b"2", headers={"If-None-Match": "abc"}).status_code == 400
    store.client.delete(f"{container}/o")
    assert store.client.put(f"{container}/o", data=b"3", headers={"If-None-Match": "*"}).status_code == 201


@pytest.mark.parametrize(
    ("header", "status", "first", "last"),
    [
        ("bytes=0-9", 206, 0, 9),
        ("bytes=300000-", 206, 300000, len(BIG) - 1),
        ("bytes=-7", 206, len(BIG) - 7, len(BIG) - 1),
        ("bytes=0-", 200, 0, len(BIG) - 1),
        ("bytes=262143-262144", 206, 262143, 262144),
        ("pages=1-2", 200, 0, len(BIG) - 1),
        ("bytes=9-3", 200, 0, len(BIG) - 1),
        (f"bytes=1000000-{1 << 40}", 206, 1000000, len(BIG) - 1),
    ],
)
def test_one_range(store: ObjectStoreFixture, container: str, header: str, status: int, first: int, last: int) -> None:
    store.client.put(f"{container}/o", data=BIG)
    got = store.client.get(f"{container}/o", headers={"Range": header})
    assert got.status_code == status
    assert got.data == BIG[first : last + 1]
    if status == 206:
        assert got.headers["Content-Range"] == f"bytes {first}-{last}/{len(BIG)}"


def test_ranges_beyond_the_end(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"0123456789")
    for header in ("bytes=10-", "bytes=20-30,40-"):
        got = store.client.get(f"{container}/o", headers={"Range": header})
        assert got.status_code == 416
        assert got.headers["Content-Range"] == "bytes */10"


def test_many_ranges(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=BIG)
    got = store.client.get(f"{container}/o", headers={"Range": "bytes=0-4,300000-300009,-3"})
    assert got.status_code == 206
    boundary = got.headers["Content-Type"].partition("boundary=")[2].encode()
    parts = got.data.split(b"--" + boundary)
    assert [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts[1:-1]] == [
        BIG[:5],
        BIG[300000:300010],
        BIG[-3:],
    ]
    assert int(got.headers["Content-Length"]) == len(got.data)


def test_conditions(store: ObjectStoreFixture, container: str) -> None:
    put = store.client.put(f"{container}/o", data=b"x")
    etag, modified = put.headers["Etag"], put.headers["Last-Modified"]
    old = "Thu, 01 Jan 2015 00:00:00 GMT"

    def ask(**headers: str) -> int:
        return store.client.get(
            f"{container}/o", headers={k.replace("_", "-"): v for k, v in headers.items()}
        ).status_code

    assert ask(If_None_Match=etag) == 304
    assert ask(If_None_Match=f'"{etag}", "other"') == 304
    assert ask(If_None_Match="other") == 200
    assert ask(If_Match=etag) == 200
    assert ask(If_Match="other") == 412
    assert ask(If_Modified_Since=modified) == 304
    assert ask(If_Modified_Since=old) == 200
    assert ask(If_Unmodified_Since=modified) == 200
    assert ask(If_Unmodified_Since=old) == 412


def test_post_replaces_metadata(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"x", headers={"X-Object-Meta-A": "1", "Content-Type": "text/a"})
    assert store.client.post(f"{container}/o", headers={"X-Object-Meta-B": "2"}).status_code == 202
    head = store.client.head(f"{container}/o").headers
    assert "X-Object-Meta-A" not in head
    assert (head["X-Object-Meta-B"], head["Content-Type"]) == ("2", "text/a")
    assert store.client.post(f"{container}/o", headers={"Content-Type": "text/b"}).status_code == 202
    assert store.client.head(f"{container}/o").headers["Content-Type"] == "text/b"
    assert store.client.get(f"{container}?format=json").json[0]["content_type"] == "text/b"
    assert store.client.post(f"{container}/none").status_code == 404
    store.client.put(f"{container}/o", data=b"y")
    assert "X-Object-Meta-B" not in store.client.head(f"{container}/o").headers


def test_delete_at(store: ObjectStoreFixture, container: str) -> None:
    assert store.client.put(f"{container}/o", data=b"x", headers={"X-Delete-At": "1"}).status_code == 400
    assert store.client.put(f"{container}/o", data=b"x", headers={"X-Delete-After": "soon"}).status_code == 400
    assert store.client.put(f"{container}/o", data=b"x", headers={"X-Delete-After": "1000"}).status_code == 201
    if_delete_at = int(store.client.head(f"{container}/o").headers["X-Delete-At"])
    object.__setattr__(store.app.tools, "now", lambda: float(if_delete_at - 1))
    assert store.client.get(f"{container}/o").status_code == 200
    object.__setattr__(store.app.tools, "now", lambda: float(if_delete_at))
    assert store.client.get(f"{container}/o").status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Object-Meta-" + "n" * 129: "v"}, 400),
        ({"X-Object-Meta-N": "v" * 257}, 400),
        ({f"X-Object-Meta-{n}": "v" for n in range(91)}, 400),
        ({"Content-Length": "5368709123"}, 413),
        ({"X-Object-Manifest": "justacontainer"}, 400),
    ],
)
def test_limits(store: ObjectStoreFixture, container: str, headers: dict[str, str], status: int) -> None:
    size = {"CONTENT_LENGTH": headers["Content-Length"]} if "Content-Length" in headers else {}
    assert store.client.put(f"{container}/o", headers=headers, environ_overrides=EMPTY | size).status_code == status


def test_names_have_limits(store: ObjectStoreFixture, container: str) -> None:
    assert store.client.put(f"{container}/{'n' * 1024}", environ_overrides=EMPTY).status_code == 201
    assert store.client.put(f"{container}/{'n' * 1025}", environ_overrides=EMPTY).status_code == 400
    assert store.client.put(f"{store.account}/{'n' * 257}").status_code == 400
    assert store.client.get(container, environ_overrides={"PATH_INFO": f"{container}/\xff"}).status_code == 412


def test_no_container_no_object(store: ObjectStoreFixture) -> None:
    assert store.client.put(f"{store.account}/none/o", data=b"x").status_code == 404
    assert store.client.get(f"{store.account}/none/o").status_code == 404


def test_headers_every_client_expects(store: ObjectStoreFixture, container: str) -> None:
    answer = store.client.put(f"{container}/o", data=b"x")
    assert answer.headers["X-Trans-Id"] == answer.headers["X-Openstack-Request-Id"]
    assert answer.headers["X-Trans-Id"].startswith("tx")
    got = store.client.get(f"{container}/o").headers
    assert got["Accept-Ranges"] == "bytes"
    assert float(got["X-Timestamp"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("PUT", "/o", {"If-None-Match": "x"}, 400),
        ("PUT", "/o", {"X-Delete-At": "1"}, 400),
        ("PUT", "/o", {"X-Delete-At": "soon"}, 400),
        ("PUT", "/o", {"X-Delete-After": "-1"}, 400),
        ("PUT", "/o", {"X-Object-Manifest": "c"}, 400),
        ("PUT", "/o", {"X-Object-Manifest": "c/p?x"}, 400),
        ("PUT", "/o", {"X-Object-Meta-": "x"}, 400),
        ("PUT", "/o", {"X-Object-Meta-A": "x" * 257}, 400),
        ("PUT", "/o", {"Etag": "0" * 32}, 422),
        ("PUT", "/" + "o" * 1025, {}, 400),
        ("POST", "/o", {"X-Symlink-Target": "c/o"}, 400),
        ("POST", "/none", {}, 404),
        ("POST", "/o", {"X-Delete-At": "1"}, 400),
        ("GET", "/none", {}, 404),
        ("HEAD", "/none", {}, 404),
        ("GET", "/o", {"Range": "bytes=4-"}, 416),
        ("GET", "/o", {"If-Match": "x"}, 412),
        ("GET", "/o", {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412),
        ("DELETE", "/none", {}, 404),
        ("DELETE", "/o", {"X-If-Delete-At": "1"}, 412),
        ("PATCH", "/o", {}, 405),
    ],
)
def test_refusals(
    store: ObjectStoreFixture, container: str, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    """The object stays as it was."""
    store.client.put(f"{container}/o", data=b"data", headers={"X-Object-Meta-A": "1"})
    data = b"more" if method == "PUT" else b""
    assert store.client.request(method, container + path, data=data, headers=headers).status_code == status
    got = store.client.get(f"{container}/o")
    assert (got.data, got.headers["X-Object-Meta-A"]) == (b"data", "1")


def test_a_length_is_required(store: ObjectStoreFixture, container: str) -> None:
    for length, status in (("", 411), ("-1", 400), ("x", 400), (str((5 << 30) + 3), 413)):
        overrides = {"CONTENT_LENGTH": length}
        assert store.client.put(f"{container}/o", environ_overrides=overrides).status_code == status, length


def test_objects_of_others_are_refused(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"data")
    for method in ("GET", "HEAD", "PUT", "POST", "DELETE", "COPY"):
        headers = {"Destination": "c/copy"}
        assert (
            store.client.request(method, f"{container}/o", headers=headers, as_=store.tokens.other).status_code == 403
        )
        assert store.client.request(method, f"{container}/o", headers=headers, anonymous=True).status_code == 401
    assert store.client.get(f"{container}/o").data == b"data"
