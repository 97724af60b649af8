"""Uploads from forms of web pages."""

import hmac
import time

import pytest

from pileus_objectstore.testing import ObjectStoreFixture


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
    """Fields after the first file change neither the form's limits nor the redirection."""
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
