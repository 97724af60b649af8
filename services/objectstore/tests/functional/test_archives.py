"""Archives whose files become objects."""

import io
import tarfile

import pytest

from pileus_objectstore.testing import ObjectStoreFixture


def archive(mode: str, names: list[str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    return out.getvalue()


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
def test_members_that_an_archive_may_not_hold(
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
