"""Browsers: CORS, static sites, forms; archives and links."""

import hmac
import io
import tarfile
import time

import pytest

from pileus_objectstore.testing import ObjectStoreFixture

ORIGIN = "http://example.com"
ZERO = {"CONTENT_LENGTH": "0"}


def test_cors(store: ObjectStoreFixture, container: str) -> None:
    store.client.post(
        container,
        headers={
            "X-Container-Meta-Access-Control-Allow-Origin": ORIGIN,
            "X-Container-Meta-Access-Control-Max-Age": "5",
        },
    )
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-auth-token"}
    flight = store.client.request("OPTIONS", f"{container}/o", headers=asks, anonymous=True)
    assert flight.status_code == 200
    assert flight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert flight.headers["Access-Control-Allow-Headers"] == "x-auth-token"
    assert flight.headers["Access-Control-Max-Age"] == "5"
    asks["Origin"] = "http://evil.com"
    assert store.client.request("OPTIONS", f"{container}/o", headers=asks, anonymous=True).status_code == 401
    store.client.put(f"{container}/o", data=b"x", headers={"X-Object-Meta-A": "1"})
    got = store.client.get(f"{container}/o", headers={"Origin": ORIGIN})
    assert got.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "x-object-meta-a" in got.headers["Access-Control-Expose-Headers"]
    assert (
        "Access-Control-Allow-Origin"
        not in store.client.get(f"{container}/o", headers={"Origin": "http://evil.com"}).headers
    )
    assert "PUT" in store.client.request("OPTIONS", f"{container}/o").headers["Allow"]


def test_crossdomain(store: ObjectStoreFixture) -> None:
    assert store.client.get("/crossdomain.xml", anonymous=True).data.startswith(b'<?xml version="1.0"?>\n<!DOCTYPE')


def test_a_web_site(store: ObjectStoreFixture, container: str) -> None:
    for name in ("index.html", "dir/index.html", "dir/a<b", "404error.html"):
        store.client.put(f"{container}/{name}", data=name.encode(), headers={"Content-Type": "text/html"})
    headers = {"X-Container-Read": ".r:*,.rlistings", "X-Container-Meta-Web-Index": "index.html"}
    store.client.post(container, headers=headers | {"X-Container-Meta-Web-Error": "error.html"})

    def visit(path: str) -> tuple[int, bytes]:
        got = store.client.get(container + path, anonymous=True)
        return got.status_code, got.data

    assert visit("/") == (200, b"index.html")
    moved = store.client.get(container, anonymous=True)
    assert (moved.status_code, moved.headers["Location"]) == (301, "/v1/AUTH_p1/c/")
    assert visit("/dir/") == (200, b"dir/index.html")
    assert visit("/dir")[0] == 301
    assert visit("/none") == (404, b"404error.html")
    store.client.post(container, headers={"X-Container-Meta-Web-Index": "", "X-Container-Meta-Web-Listings": "true"})
    status, page = visit("/dir/")
    assert status == 200
    assert b'<a href="a%3Cb">a&lt;b</a>' in page
    assert visit("/")[0] == 200
    assert store.client.get(container).data.startswith(b"404error.html\n")
    store.client.post(container, headers={"X-Remove-Container-Read": "x", "X-Remove-Container-Meta-Web-Error": "x"})
    assert visit("/dir/")[0] == 401


def form(
    path: str, files: dict[str, bytes], key: str = "k", expires: int | None = None, **more: str
) -> tuple[bytes, str]:
    fields = {"redirect": "", "max_file_size": "1000000", "max_file_count": "2"} | more
    fields["expires"] = str(expires or int(time.time()) + 100)
    text = "\n".join([path, *(fields[n] for n in ("redirect", "max_file_size", "max_file_count", "expires"))])
    fields["signature"] = hmac.new(key.encode(), text.encode(), "sha256").hexdigest()
    lines = [
        f'--bound\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode() for n, v in fields.items()
    ]
    lines += [
        f'--bound\r\nContent-Disposition: form-data; name="f"; filename="{n}"\r\nContent-Type: text/x\r\n\r\n'.encode()
        + v
        + b"\r\n"
        for n, v in files.items()
    ]
    return b"".join(lines) + b"--bound--\r\n", "multipart/form-data; boundary=bound"


def send(store: ObjectStoreFixture, path: str, made: tuple[bytes, str]):  # type: ignore[no-untyped-def]
    return store.client.post(path, data=made[0], content_type=made[1], anonymous=True)


@pytest.fixture
def keyed(store: ObjectStoreFixture, container: str) -> str:
    store.client.post(store.account, headers={"X-Account-Meta-Temp-Url-Key": "k"})
    return f"{container}/up-"


def test_a_form(store: ObjectStoreFixture, keyed: str) -> None:
    tricky = b"line\r\n--boun\r\n\r\n" * 20000
    assert send(store, keyed, form(keyed, {"a": tricky, "b": b""})).status_code == 201
    assert store.client.get(f"{keyed}a").data == tricky
    assert store.client.get(f"{keyed}a").headers["Content-Type"] == "text/x"
    assert store.client.get(f"{keyed}b").data == b""
    moved = send(store, keyed, form(keyed, {"c": b"c"}, redirect="http://example.com/done"))
    assert (moved.status_code, moved.headers["Location"]) == (303, "http://example.com/done?status=201&message=")


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_file_size", "1000000"), ("max_file_count", "99"), ("expires", "9999999999"), ("x_delete_after", "1"),
     ("redirect", "http://evil.example.com/")],
)  # fmt: skip
def test_limits_are_those_that_were_signed(store: ObjectStoreFixture, keyed: str, field: str, value: str) -> None:
    """Fields after the first file change nothing: neither its limits nor what happens afterwards."""
    limits = {"max_file_size": "10", "max_file_count": "2"}
    body, kind = form(keyed, {"a": b"small", "b": b"x" * 50_000}, **limits)
    second = body.index(b"--bound", body.index(b'filename="a"'))
    extra = f'--bound\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
    refused = send(store, keyed, (body[:second] + extra + body[second:], kind))
    assert refused.status_code == 413
    assert store.client.head(f"{keyed}a").headers.get("X-Delete-At") is None
    assert store.client.get(f"{keyed}b").status_code == 404
    three, kind = form(keyed, {"a": b"1", "b": b"2", "c": b"3"}, **limits)
    second = three.index(b"--bound", three.index(b'filename="a"'))
    assert send(store, keyed, (three[:second] + extra + three[second:], kind)).status_code == 400
    assert store.client.get(f"{keyed}c").status_code == 404


def test_a_form_of_very_many_fields(store: ObjectStoreFixture, keyed: str) -> None:
    many = {f"f{n}": "x" for n in range(100)}
    assert send(store, keyed, form(keyed, {"a": b"x"}, **many)).status_code == 400


def test_wrong_forms(store: ObjectStoreFixture, keyed: str, container: str) -> None:
    for made, status, why in (
        (form(keyed, {"a": b"x"}, key="wrong"), 401, "FormPost: Invalid Signature"),
        (form(keyed, {"a": b"x"}, expires=1), 401, "FormPost: Form Expired"),
        (form(f"{container}/other", {"a": b"x"}), 401, "Invalid Signature"),
        (form(keyed, {"a": b"x" * 11}, max_file_size="10"), 413, "max_file_size exceeded"),
        (form(keyed, {"1": b"1", "2": b"2", "3": b"3"}), 400, "max file count exceeded"),
        (form(keyed, {}), 400, "no files"),
        ((b"--bound\r\nContent-", "multipart/form-data; boundary=bound"), 400, "ended early"),
        ((b"x", "multipart/form-data"), 400, "boundary"),
    ):  # fmt: skip
        refused = send(store, keyed, made)
        assert (refused.status_code, why in refused.text) == (status, True), refused.text
    assert store.client.get(f"{keyed}a").status_code == 404


def archive(mode: str, names: list[str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    return out.getvalue()


@pytest.mark.parametrize(("kind", "mode"), [("tar", "w"), ("tar.gz", "w:gz"), ("tar.bz2", "w:bz2")])
def test_archives(store: ObjectStoreFixture, container: str, kind: str, mode: str) -> None:
    data = archive(mode, ["new/a", "new/b/c"])
    json = {"Accept": "application/json"}
    made = store.client.put(f"{store.account}?extract-archive={kind}", data=data, headers=json).json
    assert (made["Number Files Created"], made["Response Status"]) == (2, "201 Created")
    assert store.client.get(f"{store.account}/new").data == b"a\nb/c\n"
    made = store.client.put(f"{container}/pre?extract-archive={kind}", data=data, headers=json).json
    assert store.client.get(f"{container}/pre/new/b/c").data == b"new/b/c"
    wrong = store.client.put(f"{container}?extract-archive={kind}", data=b"rubbish" * 999, headers=json).json
    assert wrong["Response Status"] == "400 Bad Request"
    refused = store.client.put(f"{store.account}?extract-archive={kind}", data=data, as_=store.tokens.reader)
    assert refused.status_code == 403


def test_links(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{store.account}/d")
    etag = store.client.put(f"{store.account}/d/real", data=b"data").headers["Etag"]
    link = {"X-Symlink-Target": "d/real"}
    assert store.client.put(f"{container}/link", headers=link, environ_overrides=ZERO).status_code == 201
    got = store.client.get(f"{container}/link")
    assert (got.data, got.headers["Content-Location"]) == (b"data", "/v1/AUTH_p1/d/real")
    assert store.client.head(f"{container}/link").headers["Etag"] == etag
    assert store.client.get(f"{container}?format=json").json[0]["symlink_path"] == "/v1/AUTH_p1/d/real"
    shown = store.client.get(f"{container}/link?symlink=get")
    assert (shown.data, shown.headers["X-Symlink-Target"]) == (b"", "d/real")
    fixed = link | {"X-Symlink-Target-Etag": etag}
    assert store.client.put(f"{container}/fixed", headers=fixed, environ_overrides=ZERO).status_code == 201
    store.client.put(f"{store.account}/d/real", data=b"changed")
    assert store.client.get(f"{container}/link").data == b"changed"
    assert store.client.get(f"{container}/fixed").status_code == 409
    store.client.post(container, headers={"X-Container-Read": "p2:*"})
    assert store.client.get(f"{container}/link", as_=store.tokens.other).status_code == 403
    store.client.put(f"{container}/self", headers={"X-Symlink-Target": "c/other"}, environ_overrides=ZERO)
    store.client.put(f"{container}/other", headers={"X-Symlink-Target": "c/self"}, environ_overrides=ZERO)
    assert store.client.get(f"{container}/self").status_code == 409
    assert store.client.put(f"{container}/x", headers=link, data=b"x").status_code == 400


def test_forms_with_odd_fields(store: ObjectStoreFixture, keyed: str) -> None:
    body, kind = form(keyed, {"a": b"x"})
    start = body.index(b'name="signature"') + len(b'name="signature"\r\n\r\n')
    odd = body[:start] + ("\u00e9" * 64).encode() + body[start + 64 :]
    assert send(store, keyed, (odd, kind)).status_code == 401
    for name in ("x_delete_at", "x_delete_after"):
        for wrong in ("x", "\u0663", "0"):
            refused = send(store, keyed, form(keyed, {"a": b"x"}, **{name: wrong}))
            assert refused.status_code == 400, (name, wrong)
    assert store.client.get(f"{keyed}a").status_code == 404
    later = str(int(time.time()) + 100)
    assert send(store, keyed, form(keyed, {"a": b"x"}, x_delete_at=later)).status_code == 201
    assert store.client.head(f"{keyed}a").headers["X-Delete-At"] == later


def tar(*members: tuple[str, int, dict[str, str]], head: dict[int, int] | None = None) -> bytes:
    """An archive of (name, size, pax headers), with some bytes replaced."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive_:
        for name, size, pax in members:
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = size, pax
            archive_.addfile(member, io.BytesIO(b"x" * size))
    data = bytearray(out.getvalue())
    for at, byte in (head or {}).items():
        data[at] = byte
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        (tar(("good", 1, {}), ("bad\udcff", 1, {})), [["bad%FF", "412 Precondition Failed"]]),
        (tar(("good", 1, {}), ("x", 1, {"path": "a\0b"})), [["a%00b", "412 Precondition Failed"]]),
        (tar(("good", 1, {}), ("x" * 1100, 1, {})), [["x" * 1100, "400 Bad Request"]]),
        (tar(("good", 1, {}), ("hole", 1, {"GNU.sparse.map": "0,1", "GNU.sparse.size": "9" * 30})),
         [["hole", "400 Bad Request"]]),
    ],
    ids=["no UTF-8", "NUL", "long", "sparse"],
)  # fmt: skip
def test_what_an_archive_may_not_hold(
    store: ObjectStoreFixture, container: str, data: bytes, errors: list[list[str]]
) -> None:
    heads = {"Accept": "application/json"}
    answer = store.client.put(f"{container}?extract-archive=tar", data=data, headers=heads)
    assert (answer.status_code, answer.json["Number Files Created"]) == (200, 1)
    assert answer.json["Errors"] == errors
    assert store.client.get(container).text == "good\n"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("tar", tar(("x", 1, {"GNU.sparse.map": "x"}))),
        ("tar", tar(("x", 1, {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}))),
        ("tar", b"x" * 512),
        ("tar", tar(("longer than all that comes", 1, {"size": "9" * 15}))),
        ("tar.gz", b"\x1f\x8b"),
        ("tar.gz", b"\x1f\x8b\x08\x04" + bytes(6) + b"\xff\x00" + b"x" * 500),
        ("tar.bz2", b"BZh9" + b"x" * 500),
    ],
)
def test_broken_archives(store: ObjectStoreFixture, container: str, kind: str, data: bytes) -> None:
    heads = {"Accept": "application/json"}
    answer = store.client.put(f"{container}?extract-archive={kind}", data=data, headers=heads)
    assert (answer.status_code, answer.json["Response Status"]) == (200, "400 Bad Request")
    assert answer.json["Response Body"].startswith("Invalid Tar File")
