"""Encryption at rest: readers notice nothing, and disks show nothing."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pileus_kit.policy import Enforcer
from pileus_kit.testing import Client
from pileus_objectstore import app
from pileus_objectstore.api.proxy import Proxy
from pileus_objectstore.core import objects
from pileus_objectstore.core.access import Access
from pileus_objectstore.core.encryption import root_secrets
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.requests import PutRequest
from pileus_objectstore.errors import ClientGone
from pileus_objectstore.policy import RULES
from pileus_objectstore.ring.storage_policies import ErasureCode, StoragePolicy
from pileus_objectstore.testing import ObjectStoreFixture, no_access_keys

SECRET = b"nobody may read this from a disk"
BODY = SECRET * 20_000  # 640,000 bytes: several pieces, and not a whole number of blocks of 256 KiB
COLOUR = "mauve-and-nothing-but-mauve"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStoreFixture]:
    fixture = ObjectStoreFixture(tmp_path, encryption=True)
    yield fixture
    fixture.close()


def files(state: Path) -> Iterator[bytes]:
    for path in state.rglob("*"):
        if path.is_file() and path.name != root_secrets.FILE:
            yield path.read_bytes()


def is_on_disk(store: ObjectStoreFixture, *texts: bytes) -> bool:
    store.drain()
    return any(text in data for data in files(Path(store.config.state)) for text in texts)


def etag_of(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def test_disks_show_neither_bytes_nor_metadata_nor_checksums(store: ObjectStoreFixture, container: str) -> None:
    for name, data in (("short", SECRET), ("long", BODY), ("empty", b"")):
        headers = {"X-Object-Meta-Colour": COLOUR, "Content-Type": "text/plain"}
        assert store.client.put(f"{container}/{name}", data=data, headers=headers, content_length=len(data)).headers[
            "Etag"
        ] == etag_of(data)
        got = store.client.get(f"{container}/{name}")
        assert (got.data, got.headers["Etag"]) == (data, etag_of(data))
        assert got.headers["X-Object-Meta-Colour"] == COLOUR
        head = store.client.head(f"{container}/{name}")
        assert (head.headers["Etag"], head.headers["Content-Length"]) == (etag_of(data), str(len(data)))
    store.client.post(f"{container}/short", headers={"X-Object-Meta-Colour": f"{COLOUR}-again"})
    assert store.client.head(f"{container}/short").headers["X-Object-Meta-Colour"] == f"{COLOUR}-again"
    texts = (SECRET, COLOUR.encode(), etag_of(SECRET).encode(), etag_of(BODY).encode())
    assert not is_on_disk(store, *texts)
    store.client.put(f"{container}/colour", data=COLOUR.encode(), headers={"Content-Type": "seen"})
    rows = store.client.get(f"{container}?format=json").json
    assert {row["name"]: row["hash"] for row in rows} == {
        "colour": etag_of(COLOUR.encode()), "empty": etag_of(b""), "long": etag_of(BODY), "short": etag_of(SECRET)
    }  # fmt: skip
    assert store.client.get(f"{container}?format=xml").data.count(etag_of(BODY).encode()) == 1
    assert store.client.head(container).headers["X-Container-Bytes-Used"] == str(sum(map(len, (SECRET, BODY, COLOUR))))


@pytest.mark.parametrize("span", ["0-0", "5-20", "15-16", "16-31", "262143-262145", "-7", "639999-", "100000-500000"])
def test_ranges_begin_anywhere(store: ObjectStoreFixture, container: str, span: str) -> None:
    store.client.put(f"{container}/o", data=BODY)
    first, _, last = span.partition("-")
    wanted = BODY[int(first) : int(last) + 1 if last else None] if first else BODY[-int(last) :]
    got = store.client.get(f"{container}/o", headers={"Range": f"bytes={span}"})
    assert (got.status_code, got.data) == (206, wanted)


def test_several_ranges_and_conditions(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=BODY)
    got = store.client.get(f"{container}/o", headers={"Range": "bytes=3-40,300000-300010"})
    assert (got.status_code, BODY[3:41] in got.data, BODY[300_000:300_011] in got.data) == (206, True, True)
    assert store.client.get(f"{container}/o", headers={"If-None-Match": etag_of(BODY)}).status_code == 304
    assert store.client.get(f"{container}/o", headers={"If-Match": "0" * 32}).status_code == 412


def test_a_wrong_etag_is_refused_and_nothing_is_stored(store: ObjectStoreFixture, container: str) -> None:
    for data in (b"", SECRET, BODY):
        assert (
            store.client.put(
                f"{container}/o", data=data, headers={"Etag": "0" * 32}, content_length=len(data)
            ).status_code
            == 422
        )
        assert store.client.get(f"{container}/o").status_code == 404
        assert (
            store.client.put(
                f"{container}/right", data=data, headers={"Etag": etag_of(data)}, content_length=len(data)
            ).status_code
            == 201
        )


def test_large_objects_links_and_copies(store: ObjectStoreFixture, container: str) -> None:
    for number in range(3):
        store.client.put(f"{container}/seg/{number}", data=BODY)
    segments = [{"path": f"/c/seg/{number}", "etag": etag_of(BODY), "size_bytes": len(BODY)} for number in range(3)]
    put = store.client.put(f"{container}/static?multipart-manifest=put", data=json.dumps(segments))
    assert put.status_code == 201
    store.client.put(f"{container}/dynamic", headers={"X-Object-Manifest": "c/seg/"}, content_length=0)
    store.client.put(f"{container}/link", headers={"X-Symlink-Target": "c/static"}, content_length=0)
    whole = BODY * 3
    for name in ("static", "dynamic", "link"):
        assert store.client.get(f"{container}/{name}").data == whole
        span = {"Range": "bytes=639990-640010"}
        assert store.client.get(f"{container}/{name}", headers=span).data == whole[639_990:640_011]
    assert (
        store.client.put(f"{container}/copy", headers={"X-Copy-From": "c/seg/1"}, content_length=0).status_code == 201
    )
    assert store.client.get(f"{container}/copy").data == BODY
    rows = store.client.get(f"{container}?format=json").json
    assert next(row for row in rows if row["name"] == "static")["slo_etag"] == put.headers["Etag"]
    assert not is_on_disk(store, SECRET)


def test_versions(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{store.account}/old")
    store.client.post(container, headers={"X-Versions-Location": "old"})
    store.client.put(f"{container}/o", data=BODY)
    store.client.put(f"{container}/o", data=b"new")
    store.client.delete(f"{container}/o")
    assert store.client.get(f"{container}/o").data == BODY
    store.client.put(f"{store.account}/v", headers={"X-Versions-Enabled": "true"})
    for data in (BODY, SECRET):
        store.client.put(f"{store.account}/v/o", data=data)
    rows = store.client.get(f"{store.account}/v?versions&format=json").json
    assert [row["hash"] for row in rows] == [etag_of(SECRET), etag_of(BODY)]
    assert store.client.get(f"{store.account}/v/o?version-id={rows[1]['version_id']}").data == BODY
    assert not is_on_disk(store, SECRET)


def test_what_was_stored_before_stays_readable_and_secrets_change(tmp_path: Path) -> None:
    store = ObjectStoreFixture(tmp_path)
    path, secrets_file = f"{store.account}/c", store.config.root_secrets
    store.client.put(path)
    store.client.put(f"{path}/plain", data=BODY, headers={"X-Object-Meta-Colour": COLOUR})
    assert not secrets_file.exists()
    assert is_on_disk(store, SECRET)
    proxies: list[Proxy] = []

    def another_proxy() -> Client:
        config = replace(store.config, encryption=True)
        proxies.append(app.create(config, store.tokens, Enforcer(RULES), no_access_keys))
        return Client(proxies[-1], as_=store.tokens.member)  # type: ignore[arg-type]

    client = another_proxy()
    try:
        assert client.get(f"{path}/plain").data == BODY
        client.put(f"{path}/first", data=BODY)
        assert secrets_file.stat().st_mode & 0o777 == 0o600
        first = json.loads(secrets_file.read_bytes())["active"]
        second = root_secrets.add(secrets_file)
        client.put(f"{path}/second", data=BODY)
        client.post(f"{path}/plain", headers={"X-Object-Meta-Colour": COLOUR})
        for name in ("plain", "first", "second"):
            assert client.get(f"{path}/{name}").data == BODY
            assert store.client.get(f"{path}/{name}").data == BODY  # encryption may be switched off again
        assert client.head(f"{path}/plain").headers["X-Object-Meta-Colour"] == COLOUR
        kept = json.loads(secrets_file.read_bytes())
        assert (kept["active"], set(kept["secrets"])) == (second, {first, second})
        del kept["secrets"][first]
        secrets_file.write_text(json.dumps(kept))
        client = another_proxy()
        lost = client.get(f"{path}/first")
        assert (lost.status_code, first.encode() in lost.data) == (503, True)
        assert client.get(f"{path}/second").data == BODY
    finally:
        for proxy in proxies:
            proxy.tools.cluster.close()
        store.close()


@pytest.mark.parametrize("cut", [0, 1, 15, 16, 17, 262_143, 262_144, 262_145, 639_999])
def test_a_body_that_breaks_off_leaves_nothing(store: ObjectStoreFixture, container: str, cut: int) -> None:
    tools, target = store.app.tools, Target("AUTH_p1", "c", "o")
    pieces = iter([BODY[:cut]] if cut else [])

    def read(max_bytes: int) -> bytes:
        piece = next(pieces, None)
        if piece is None:
            raise ClientGone()
        return piece

    access = Access(tools, store.tokens(store.tokens.member.token))
    with pytest.raises(ClientGone):
        objects.put(tools, access, PutRequest(target, read, len(BODY), {"X-Object-Meta-Colour": COLOUR}))
    assert store.client.get(f"{container}/o").status_code == 404
    assert not is_on_disk(store, SECRET, COLOUR.encode())


def test_erasure_coded_objects(tmp_path: Path) -> None:
    policy = StoragePolicy(1, "ec", erasure_code=ErasureCode(2, 1, segment_bytes=1 << 16, min_bytes=4096))
    store = ObjectStoreFixture(tmp_path, policies=[(policy, 3)], encryption=True)
    try:
        path = f"{store.account}/c"
        store.client.put(path, headers={"X-Storage-Policy": "ec"})
        assert store.client.put(f"{path}/o", data=BODY).headers["Etag"] == etag_of(BODY)
        got = store.client.get(f"{path}/o")
        assert (got.data, got.headers["Etag"]) == (BODY, etag_of(BODY))
        assert store.client.get(f"{path}/o", headers={"Range": "bytes=5-300000"}).data == BODY[5:300_001]
        assert not is_on_disk(store, SECRET)
    finally:
        store.close()


def test_secrets_that_are_added_at_the_same_time_all_stay(tmp_path: Path) -> None:
    file = tmp_path / root_secrets.FILE
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda n: root_secrets.add(file, only_first=n % 4 == 3), range(40)))
    kept = json.loads(file.read_bytes())
    assert set(kept["secrets"]) == {name for name in added if name} and kept["active"] in added
    assert file.stat().st_mode & 0o777 == 0o600 and list(tmp_path.iterdir()) == [file]
