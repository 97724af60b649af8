"""The auditor of listings finds what nobody told: objects without rows, wrong rows, and rows without objects."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pileus_objectstore.agent.updater import Updater
from pileus_objectstore.core.replica_plans import host_replicas
from pileus_objectstore.daemons.listing_auditor import ListingAuditor
from pileus_objectstore.ring.storage_policies import ErasureCode, StoragePolicy
from pileus_objectstore.testing import ObjectStoreFixture, UnpackedObjectStoreFixture
from pileus_objectstore.wire.contract import ListingRow, MergeReply, MergeRows, timestamp
from pileus_objectstore.worker import Worker

UNPACKED = True


@pytest.fixture
def auditor(store: ObjectStoreFixture) -> Iterator[ListingAuditor]:
    worker = Worker(store.configs[0])
    worker.listing_auditor.pause = lambda seconds: None
    yield worker.listing_auditor
    worker.stop()


def listed(store: ObjectStoreFixture, container: str = "c") -> dict[str, tuple[int, str, str]]:
    rows = store.client.get(f"{store.account}/{container}?format=json").json or []
    return {row["name"]: (row["bytes"], row["hash"], row["content_type"]) for row in rows}


def stored(store: ObjectStoreFixture, *names: str) -> dict[str, tuple[int, str, str]]:
    found = {}
    for name in names:
        head = store.client.head(f"{store.account}/c/{name}")
        if head.status_code == 200:
            about = head.headers
            found[name] = (int(about["Content-Length"]), about["Etag"].strip('"'), about["Content-Type"])
    return found


def lie(store: ObjectStoreFixture, row: ListingRow) -> None:
    """Merge a row that no object stands for."""
    cluster = store.app.tools.cluster
    for host, replicas in host_replicas(cluster.rings.placement("AUTH_p1", "c")):
        assert cluster.pool.call(host, "merge_rows", MergeRows("container", replicas, "/AUTH_p1/c", [row]), MergeReply)


def untold(store: ObjectStoreFixture, monkeypatch: pytest.MonkeyPatch, method: str, path: str, **more: Any) -> None:
    """Make a change that no listing learns of."""
    with monkeypatch.context() as deaf:
        deaf.setattr(Updater, "update_listings", lambda *_: None)
        assert store.client.request(method, path, **more).status_code < 300


@pytest.mark.parametrize("call", ["new", "over", "delete", "post", "again"])
def test_what_nobody_told_is_found(
    store: ObjectStoreFixture, container: str, auditor: ListingAuditor, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.client.put(f"{container}/o", data=b"old")
    if call == "new":
        untold(store, monkeypatch, "PUT", f"{container}/new", data=b"new")
    elif call == "over":
        untold(store, monkeypatch, "PUT", f"{container}/o", data=b"newer")
    elif call == "delete":
        untold(store, monkeypatch, "DELETE", f"{container}/o")
    elif call == "post":
        untold(store, monkeypatch, "POST", f"{container}/o", headers={"Content-Type": "text/new"})
    else:
        store.client.delete(f"{container}/o")
        untold(store, monkeypatch, "PUT", f"{container}/o", data=b"again")
    assert listed(store) != stored(store, "o", "new")
    assert auditor.run() == "1 rows corrected, 0 partitions left out"
    assert listed(store) == stored(store, "o", "new")
    assert auditor.run() == ""


def test_rows_that_say_something_else_than_the_objects(
    store: ObjectStoreFixture, container: str, auditor: ListingAuditor
) -> None:
    """Rows may be newer than their objects: a PUT was taken back, or a clock was wrong."""
    for name in ("a", "b"):
        store.client.put(f"{container}/{name}", data=b"x")
    lie(store, ListingRow("a", timestamp(), False, 99, "e" * 32, "text/x"))
    lie(store, ListingRow("b", timestamp(), True))
    lie(store, ListingRow("phantom", timestamp(), False, 5, "e" * 32, "text/x"))
    assert auditor.run() == "3 rows corrected, 0 partitions left out"
    assert listed(store) == stored(store, "a", "b")
    assert set(listed(store)) == {"a", "b"}
    store.client.put(f"{container}/phantom", data=b"now there")
    store.client.delete(f"{container}/b")
    assert set(listed(store)) == {"a", "phantom"}
    store.drain()
    assert store.client.head(store.account).headers["X-Account-Object-Count"] == "2"


def test_nothing_is_corrected_while_objects_can_not_be_read(
    store: ObjectStoreFixture, container: str, auditor: ListingAuditor
) -> None:
    """A row is not removed because its devices are away: of some objects, all three."""
    for n in range(8):
        store.client.put(f"{container}/o{n}", data=b"x")
    before = listed(store)
    home = store.configs[0].home
    for name in ("d1", "d2", "d3"):
        for place in (home / name).glob("objects*"):
            place.rename(place.with_name("away"))
            place.write_text("not a directory")
    done = auditor.run()
    assert done.startswith("0 rows corrected, ") and not done.endswith(" 0 partitions left out"), done
    assert listed(store) == before


def test_a_deleted_container_gets_no_rows(
    store: ObjectStoreFixture, container: str, auditor: ListingAuditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    untold(store, monkeypatch, "PUT", f"{container}/o", data=b"x")
    assert store.client.delete(container).status_code == 204
    assert auditor.run() == ""
    assert store.client.get(container).status_code == 404
    assert store.client.put(container).status_code == 201
    assert auditor.run() == "1 rows corrected, 0 partitions left out"
    assert listed(store) == stored(store, "o")


def test_a_pass_continues_after_a_restart(
    store: ObjectStoreFixture, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(30):
        untold(store, monkeypatch, "PUT", f"{container}/o{n}", data=b"x")
    looked: list[str] = []

    def pass_of(limit: int) -> None:
        worker = Worker(store.configs[0])
        auditor = worker.listing_auditor
        auditor.now = iter(range(0, 10**9, 100)).__next__
        correct = auditor._correct

        def counted(target: Any, policy: int) -> None:
            looked.append(target.object)
            if len(looked) == limit:
                worker._stopping.set()
            correct(target, policy)

        auditor._correct = counted  # type: ignore[method-assign]
        auditor.pause = lambda seconds: None
        monkeypatch.setattr("pileus_objectstore.daemons.listing_auditor.PAGE_OBJECTS", 1)
        try:
            auditor.run()
        finally:
            worker.stop()

    pass_of(10)
    assert (store.configs[0].home / "listings-audited").exists()
    assert len(listed(store)) == 10
    pass_of(1000)
    assert len(looked) == 30
    assert listed(store) == stored(store, *[f"o{n}" for n in range(30)])
    assert not (store.configs[0].home / "listings-audited").exists()


CODED = StoragePolicy(1, "ec", erasure_code=ErasureCode(4, 2, segment_bytes=1 << 16, min_bytes=4096))


@pytest.mark.parametrize("kind", ["plain", "coded", "encrypted"])
def test_right_rows_stay(tmp_path: Path, kind: str) -> None:
    """Of all kinds of objects: whatever their rows show, it is what a PUT has told."""
    if kind == "coded":
        store: ObjectStoreFixture = UnpackedObjectStoreFixture(tmp_path, devices=8, policies=[(CODED, 6)])
    else:
        store = ObjectStoreFixture(tmp_path, encryption=kind == "encrypted")
    worker = Worker(store.configs[0])
    worker.listing_auditor.pause = lambda seconds: None
    client, path = store.client, f"{store.account}/c"
    try:
        policy = {"X-Storage-Policy": "ec"} if kind == "coded" else {}
        assert client.put(path, headers={"X-Versions-Enabled": "true", **policy}).status_code == 201
        assert client.put(f"{path}/empty", content_length=0).status_code == 201
        for name, size in (("small", 100), ("large", 300_000), ("posted", 5000), ("twice", 5000)):
            assert client.put(f"{path}/{name}", data=b"x" * size).status_code == 201
        assert client.put(f"{path}/twice", data=b"y" * 9000).status_code == 201
        assert client.post(f"{path}/posted", headers={"Content-Type": "text/new"}).status_code == 202
        assert client.put(f"{path}/slo?multipart-manifest=put", json=[{"path": "/c/large"}]).status_code == 201
        assert client.put(f"{path}/link", headers={"X-Symlink-Target": "c/small"}, content_length=0).status_code == 201
        assert client.put(f"{path}/copy", headers={"X-Copy-From": "c/large"}, content_length=0).status_code == 201
        assert client.put(f"{path}/gone", data=b"x").status_code == 201
        assert client.delete(f"{path}/gone").status_code == 204
        assert client.put(f"{path}/soon", data=b"x", headers={"X-Delete-After": "1"}).status_code == 201
        before = listed(store)
        assert set(before) == {"empty", "small", "large", "posted", "twice", "slo", "link", "copy", "soon"}
        assert worker.listing_auditor.run() == ""
        assert listed(store) == before
    finally:
        worker.stop()
        store.close()
