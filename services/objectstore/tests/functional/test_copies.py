"""Copies of objects."""

from pileus_objectstore.testing import ObjectStoreFixture

ZERO = {"CONTENT_LENGTH": "0"}


def test_put_with_copy_from(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/a b", data=b"data", headers={"X-Object-Meta-A": "1", "Content-Type": "text/x"})
    headers = {"X-Copy-From": "/c/a%20b", "X-Object-Meta-B": "2"}
    made = store.client.put(f"{container}/copy", headers=headers, environ_overrides=ZERO)
    assert made.status_code == 201
    assert made.headers["X-Copied-From"] == "c/a%20b"
    assert made.headers["X-Copied-From-Last-Modified"]
    got = store.client.get(f"{container}/copy")
    assert got.data == b"data"
    assert (got.headers["X-Object-Meta-A"], got.headers["X-Object-Meta-B"]) == ("1", "2")
    assert got.headers["Content-Type"] == "text/x"


def test_copy_method(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{store.account}/d")
    data = bytes(range(256)) * 5000
    store.client.put(f"{container}/a", data=data, headers={"X-Object-Meta-A": "1"})
    for headers in ({}, {"X-Fresh-Metadata": "true"}):
        made = store.client.request("COPY", f"{container}/a", headers={"Destination": "d/x/y", **headers})
        assert made.status_code == 201
        got = store.client.get(f"{store.account}/d/x/y")
        assert got.data == data
        assert ("X-Object-Meta-A" in got.headers) == (not headers)


def test_a_copy_to_itself_changes_metadata(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/a", data=b"data")
    headers = {"X-Copy-From": "c/a", "X-Object-Meta-B": "2"}
    assert store.client.put(f"{container}/a", headers=headers, environ_overrides=ZERO).status_code == 201
    got = store.client.get(f"{container}/a")
    assert (got.data, got.headers["X-Object-Meta-B"]) == (b"data", "2")


def test_wrong_copies(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/a", data=b"data")
    for source, status in (("c/none", 404), ("none/a", 404), ("c", 412)):
        headers = {"X-Copy-From": source}
        assert store.client.put(f"{container}/b", headers=headers, environ_overrides=ZERO).status_code == status
    assert store.client.put(f"{container}/b", headers={"X-Copy-From": "c/a"}, data=b"x").status_code == 400
    assert store.client.request("COPY", f"{container}/a", headers={"Destination": "none/b"}).status_code == 404
    assert store.client.request("COPY", f"{container}/a").status_code == 412


def test_copies_between_accounts_need_both_rights(store: ObjectStoreFixture, container: str) -> None:
    other = store.tokens.other
    store.client.put(f"{container}/a", data=b"data")
    store.client.put("/v1/AUTH_p2/mine", as_=other)
    headers = {"X-Copy-From": "c/a", "X-Copy-From-Account": "AUTH_p1"}
    path = "/v1/AUTH_p2/mine/a"
    assert store.client.put(path, headers=headers, environ_overrides=ZERO, as_=other).status_code == 403
    store.client.post(container, headers={"X-Container-Read": "p2:*"})
    assert store.client.put(path, headers=headers, environ_overrides=ZERO, as_=other).status_code == 201
    away = {"Destination": "mine/b", "Destination-Account": "AUTH_p2"}
    assert store.client.request("COPY", f"{container}/a", headers=away).status_code == 403


def test_names_that_headers_may_not_contain(store: ObjectStoreFixture, container: str) -> None:
    """Objects that no URL could reach or delete are not created."""
    store.client.put(f"{container}/a", data=b"data")
    for name in ("c/x%00y", "c/%00"):
        heads = {"Destination": name}
        assert store.client.request("COPY", f"{container}/a", headers=heads).status_code == 412, name
        for header in ("X-Copy-From", "X-Symlink-Target"):
            wrong = store.client.put(f"{container}/b", headers={header: name}, environ_overrides=ZERO)
            assert wrong.status_code == 412, (header, name)
    for header, pair in (("Destination", "Destination-Account"), ("X-Copy-From", "X-Copy-From-Account"),
                         ("X-Symlink-Target", "X-Symlink-Target-Account")):  # fmt: skip
        method, path = ("COPY", "a") if header == "Destination" else ("PUT", "b")
        heads = {header: "b/a", pair: "AUTH_p1/c"}
        wrong = store.client.request(method, f"{container}/{path}", headers=heads, environ_overrides=ZERO)
        assert wrong.status_code == 412, header
    assert store.client.get(container).text == "a\n"


def test_a_copy_of_a_range(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/a", data=b"0123456789", headers={"X-Object-Meta-A": "1"})

    def copy(spans: str, query: str = "") -> int:
        heads = {"Destination": "c/b", "Range": spans}
        return store.client.request("COPY", f"{container}/a{query}", headers=heads).status_code

    assert copy("bytes=2-4") == 201
    got = store.client.get(f"{container}/b")
    assert (got.data, got.headers["X-Object-Meta-A"]) == (b"234", "1")
    assert copy("bytes=10-") == 416
    assert copy("bytes=0-1,3-4") == 400
    store.client.put(f"{container}/a?multipart-manifest=put", data=b'[{"path": "/c/b"}]')
    assert copy("bytes=0-0", "?multipart-manifest=get") == 400
    assert copy("bytes=0-0") == 201
    assert store.client.get(f"{container}/b").data == b"2"


def test_a_copy_on_conditions(store: ObjectStoreFixture, container: str) -> None:
    etag = store.client.put(f"{container}/a", data=b"data").headers["Etag"]
    store.client.put(f"{container}/b", data=b"old")
    for heads, status in (({"If-Match": "x"}, 412), ({"If-None-Match": etag}, 304), ({"If-None-Match": "*"}, 304),
                          ({"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412)):  # fmt: skip
        heads = {"X-Copy-From": "c/a"} | heads
        made = store.client.put(f"{container}/b", headers=heads, environ_overrides=ZERO)
        assert made.status_code == status, heads
    assert store.client.get(f"{container}/b").data == b"old"
    heads = {"X-Copy-From": "c/a", "If-Match": etag}
    assert store.client.put(f"{container}/b", headers=heads, environ_overrides=ZERO).status_code == 201
