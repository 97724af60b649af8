"""Temporary URLs."""

import base64
import hmac
import time
from urllib.parse import quote

import pytest

from pileus_objectstore.testing import ObjectStoreFixture

KEY = "secret"


def signed(
    method: str, path: str, expires: int | None = None, key: str = KEY, digest: str = "sha256", **more: str
) -> str:
    expires = expires or int(time.time()) + 1000
    about = f"prefix:{path.rpartition('/')[0]}/{more['temp_url_prefix']}" if "temp_url_prefix" in more else path
    signature = hmac.new(key.encode(), f"{method}\n{expires}\n{about}".encode(), digest).hexdigest()
    query = {"temp_url_sig": signature, "temp_url_expires": str(expires)} | more
    return f"{path}?" + "&".join(f"{name}={quote(value)}" for name, value in query.items())


@pytest.fixture
def object_path(store: ObjectStoreFixture, container: str) -> str:
    store.client.put(f"{container}/o", data=b"data")
    store.client.post(store.account, headers={"X-Account-Meta-Temp-Url-Key": KEY})
    return f"{container}/o"


def test_get_head_put_delete(store: ObjectStoreFixture, object_path: str) -> None:
    got = store.client.get(signed("GET", object_path), anonymous=True)
    assert (got.status_code, got.data) == (200, b"data")
    assert got.headers["Content-Disposition"] == "attachment; filename=\"o\"; filename*=UTF-8''o"
    assert store.client.head(signed("GET", object_path), anonymous=True).status_code == 200
    assert store.client.put(signed("PUT", object_path), data=b"new", anonymous=True).status_code == 201
    assert store.client.get(signed("GET", object_path, digest="sha512"), anonymous=True).data == b"new"
    named = store.client.get(signed("GET", object_path, filename="ä.txt", inline=""), anonymous=True)
    assert named.headers["Content-Disposition"] == "inline; filename=\"_.txt\"; filename*=UTF-8''%C3%A4.txt"
    assert store.client.delete(signed("DELETE", object_path), anonymous=True).status_code == 204


def test_wrong_signatures_are_refused(store: ObjectStoreFixture, object_path: str) -> None:
    client = store.client
    assert client.put(signed("GET", object_path), data=b"x", anonymous=True).status_code == 401
    assert client.get(signed("GET", object_path, int(time.time()) - 1), anonymous=True).status_code == 401
    assert client.get(signed("GET", object_path, key="other"), anonymous=True).status_code == 401
    assert client.get(signed("GET", object_path, digest="sha1"), anonymous=True).status_code == 401
    assert client.get(signed("GET", object_path).replace("/o?", "/p?"), anonymous=True).status_code == 401
    assert client.get(f"{object_path}?temp_url_sig=&temp_url_expires=", anonymous=True).status_code == 401
    assert client.get(f"{object_path}?temp_url_sig=é&temp_url_expires=99999999999", anonymous=True).status_code == 401
    headers = {"X-Object-Manifest": "private/x"}
    assert client.put(signed("PUT", object_path), data=b"x", headers=headers, anonymous=True).status_code == 400


def test_prefixes_and_container_keys(store: ObjectStoreFixture, container: str, object_path: str) -> None:
    store.client.put(f"{container}/dir/x", data=b"x")
    url = signed("GET", f"{container}/x", temp_url_prefix="dir/").replace("/x?", "/dir/x?")
    assert store.client.get(url, anonymous=True).data == b"x"
    assert store.client.get(url.replace("/dir/x?", "/o?"), anonymous=True).status_code == 401
    store.client.post(container, headers={"X-Container-Meta-Temp-Url-Key-2": "two"})
    assert store.client.get(signed("GET", object_path, key="two"), anonymous=True).data == b"data"


def test_readers_are_not_shown_the_keys(store: ObjectStoreFixture, object_path: str) -> None:
    """With a key a reader could write."""
    container = object_path.rpartition("/")[0]
    store.client.post(container, headers={"X-Container-Meta-Temp-Url-Key": KEY, "X-Container-Read": ".r:*"})
    for path in (store.account, container):
        for who, shown in ((store.tokens.reader, False), (store.tokens.member, True)):
            assert (KEY in store.client.head(path, as_=who).headers.values()) is shown, (path, who.user_name)
            assert (KEY in store.client.get(path, as_=who).headers.values()) is shown, (path, who.user_name)


def test_malformed_signatures_are_refused(store: ObjectStoreFixture, object_path: str) -> None:
    for wrong in ("\u00e9" * 40, "\u00e9" * 64, "sha256:\u00e9", "shake_128:AAAA"):
        url = f"{object_path}?temp_url_sig={quote(wrong)}&temp_url_expires=99999999999"
        assert store.client.get(url, anonymous=True).status_code == 401, wrong


@pytest.mark.parametrize("digits", [11, 12, 15, 18])
def test_a_url_with_a_very_late_expiry(store: ObjectStoreFixture, object_path: str, digits: int) -> None:
    got = store.client.get(signed("GET", object_path, int("9" * digits)), anonymous=True)
    assert (got.status_code, got.data) == (200, b"data")
    assert len(got.headers["Expires"]) == len("Thu, 01 Jan 1970 00:00:00 GMT")


@pytest.fixture
def large(store: ObjectStoreFixture, container: str, object_path: str) -> dict[str, bytes]:
    """Large objects and links: {name: what a reader gets}."""
    client, account = store.client, store.account
    client.put(f"{account}/parts")
    client.put(f"{account}/parts/p1", data=b"one")
    client.put(f"{account}/parts/p2", data=b"two")
    lines = [{"path": "/parts/p1"}, {"path": "/parts/p2"}]
    empty = {"CONTENT_LENGTH": "0"}
    assert client.put(f"{container}/slo?multipart-manifest=put", json=lines).status_code == 201
    assert client.put(f"{container}/outer?multipart-manifest=put", json=[{"path": "/c/slo"}]).status_code == 201
    for name, headers in (
        ("dlo", {"X-Object-Manifest": "parts/p"}),
        ("link", {"X-Symlink-Target": "parts/p1"}),
        ("linked-slo", {"X-Symlink-Target": "c/slo"}),
    ):
        assert client.put(f"{container}/{name}", headers=headers, environ_overrides=empty).status_code == 201
    return {"slo": b"onetwo", "outer": b"onetwo", "dlo": b"onetwo", "link": b"one", "linked-slo": b"onetwo"}


def test_large_objects_and_links(store: ObjectStoreFixture, container: str, large: dict[str, bytes]) -> None:
    """The key's owner could have signed each segment, so the URL of a large object reads them."""
    for name, data in large.items():
        got = store.client.get(signed("GET", f"{container}/{name}"), anonymous=True)
        assert (got.status_code, got.data) == (200, data), name
        part = store.client.get(signed("GET", f"{container}/{name}"), headers={"Range": "bytes=1-2"}, anonymous=True)
        assert (part.status_code, part.data) == (206, data[1:3]), name
        head = store.client.head(signed("GET", f"{container}/{name}"), anonymous=True)
        assert head.headers["Content-Length"] == str(len(data)), name


def test_a_containers_key_reads_that_container_only(
    store: ObjectStoreFixture, container: str, large: dict[str, bytes]
) -> None:
    store.client.post(container, headers={"X-Container-Meta-Temp-Url-Key": "narrow"})
    for name in large:
        got = store.client.get(signed("GET", f"{container}/{name}", key="narrow"), anonymous=True)
        assert got.status_code == 401, name
    store.client.put(f"{container}/here1", data=b"one")
    store.client.put(f"{container}/near?multipart-manifest=put", json=[{"path": "/c/here1"}])
    assert store.client.get(signed("GET", f"{container}/near", key="narrow"), anonymous=True).data == b"one"


def test_no_url_reads_another_account(store: ObjectStoreFixture, container: str, object_path: str) -> None:
    store.client.put("/v1/AUTH_p2/theirs", as_=store.tokens.other)
    store.client.put("/v1/AUTH_p2/theirs/o", data=b"secret", as_=store.tokens.other)
    headers = {"X-Symlink-Target": "theirs/o", "X-Symlink-Target-Account": "AUTH_p2"}
    store.client.put(f"{container}/spy", headers=headers, environ_overrides={"CONTENT_LENGTH": "0"})
    assert store.client.get(signed("GET", f"{container}/spy"), anonymous=True).status_code == 401


@pytest.mark.parametrize("query", ["multipart-manifest=put", "multipart-manifest=get", "extract-archive=tar"])
def test_an_upload_makes_nothing_but_an_object(
    store: ObjectStoreFixture, container: str, large: dict[str, bytes], query: str
) -> None:
    """The holder of a URL for one object must not make that a manifest of objects that they can't read."""
    url = signed("PUT", f"{container}/new") + f"&{query}"
    body = b'[{"path": "/parts/p1"}]'
    assert store.client.put(url, data=body, anonymous=True).status_code == 201
    assert store.client.get(f"{container}/new").data == body
    assert store.client.get(f"{container}/new").headers.get("X-Static-Large-Object") is None


def test_parameters_that_are_not_signed_are_ignored(
    store: ObjectStoreFixture, container: str, large: dict[str, bytes]
) -> None:
    url = signed("GET", f"{container}/slo") + "&multipart-manifest=get"
    assert store.client.get(url, anonymous=True).data == b"onetwo"
    url = signed("DELETE", f"{container}/slo") + "&multipart-manifest=delete"
    assert store.client.delete(url, anonymous=True).status_code == 204
    assert store.client.get(f"{store.account}/parts/p1").data == b"one"
    url = signed("DELETE", f"{container}/dlo") + "&bulk-delete"
    assert store.client.delete(url, data=b"/parts/p1\n", anonymous=True).status_code == 204
    assert store.client.get(f"{store.account}/parts/p1").data == b"one"
    for header in ("X-Object-Manifest", "X-Copy-From", "X-Symlink-Target"):
        refused = store.client.put(
            signed("PUT", f"{container}/new"), headers={header: "parts/p1"}, anonymous=True,
            environ_overrides={"CONTENT_LENGTH": "0"},
        )  # fmt: skip
        assert refused.status_code == 400, header


def test_metadata_is_hidden_from_holders_of_urls(store: ObjectStoreFixture, container: str, object_path: str) -> None:
    headers = {"X-Object-Meta-Secret": "1", "X-Object-Meta-Public-Title": "2"}
    store.client.post(object_path, headers=headers)
    for method in (store.client.get, store.client.head):
        seen = method(signed("GET", object_path), anonymous=True).headers
        assert "X-Object-Meta-Secret" not in seen
        assert seen["X-Object-Meta-Public-Title"] == "2"


def test_signatures_in_base64_and_dates(store: ObjectStoreFixture, object_path: str) -> None:
    for expires in ("2099-01-01T00:00:00Z", "2099-01-01T00:00:00", "2099-01-01"):
        moment = 4070908800
        made = hmac.new(KEY.encode(), f"GET\n{moment}\n{object_path}".encode(), "sha256").digest()
        encoded = base64.urlsafe_b64encode(made).decode().rstrip("=")
        url = f"{object_path}?temp_url_sig=sha256:{encoded}&temp_url_expires={expires}"
        got = store.client.get(url, anonymous=True)
        assert (got.status_code, got.headers["Expires"]) == (200, "Thu, 01 Jan 2099 00:00:00 GMT")
    assert store.client.get(url.replace("sha256:", "sha256:!"), anonymous=True).status_code == 401
    assert store.client.get(url.replace("2099-01-01", "soon"), anonymous=True).status_code == 401


def test_a_url_for_some_addresses(store: ObjectStoreFixture, object_path: str) -> None:
    for network, status in (("127.0.0.0/8", 200), ("127.0.0.1", 200), ("10.0.0.0/8", 401), ("no network", 401)):
        expires = int(time.time()) + 1000
        text = f"ip={network}\nGET\n{expires}\n{object_path}".encode()
        signature = hmac.new(KEY.encode(), text, "sha256").hexdigest()
        query = f"temp_url_sig={signature}&temp_url_expires={expires}&temp_url_ip_range={quote(network)}"
        sender = {"REMOTE_ADDR": "127.0.0.1"}
        got = store.client.get(f"{object_path}?{query}", anonymous=True, environ_overrides=sender)
        assert got.status_code == status, network
