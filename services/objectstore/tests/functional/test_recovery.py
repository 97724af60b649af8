"""A storage server is killed after it has stored something and before it updates the listings: the next one updates
them.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pileus_objectstore.agent.recovery import unreported_containers, unsynced_rows
from pileus_objectstore.agent.row_delivery import RowDelivery
from pileus_objectstore.agent.updater import Updater
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.worker import Worker

UNPACKED = True


def kill(store: ObjectStoreFixture, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Kill the storage server when it has stored something and is about to update listings; then start another."""

    def die(*_: Any, **__: Any) -> None:
        raise OSError(5, "killed")

    with monkeypatch.context() as broken:
        broken.setattr(Updater, "update_listings", die)
        assert act().status_code >= 500
        broken.setattr(Updater, "_mark_synced", lambda self: None)
        broken.setattr(Updater, "report", lambda self: None)
        store.stop_host(0)
    store.start_host(0)
    settled(store)


def settled(store: ObjectStoreFixture) -> None:
    """Wait until the new process has looked at all devices."""
    store.await_recovery()
    store.drain()


def first_round(store: ObjectStoreFixture) -> None:
    """Wait until the new process has tried the async pendings that it found; the next try is half a minute later."""
    updater = store.servers[0].updater
    for _ in range(600):
        if not updater._retry_at:
            return
        time.sleep(0.05)
    raise AssertionError("the updater has made no round")


def row(store: ObjectStoreFixture, name: str) -> dict[str, Any] | None:
    rows = store.client.get(f"{store.account}/c?format=json").json or []
    return next((entry for entry in rows if entry["name"] == name), None)


def agree(store: ObjectStoreFixture, name: str) -> None:
    """Check that the listing shows what a reader gets."""
    head, listed = store.client.head(f"{store.account}/c/{name}"), row(store, name)
    if head.status_code == 404:
        assert listed is None
        return
    assert listed is not None
    assert (str(listed["bytes"]), listed["hash"]) == (head.headers["Content-Length"], head.headers["Etag"].strip('"'))
    assert listed["content_type"] == head.headers["Content-Type"]


@pytest.mark.parametrize("call", ["new", "over", "delete", "post", "large"])
def test_what_was_stored_is_listed(
    store: ObjectStoreFixture, container: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = store.client
    client.put(f"{container}/o", data=b"old")
    acts: dict[str, Callable[[], Any]] = {
        "new": lambda: client.put(f"{container}/new", data=b"new"),
        "over": lambda: client.put(f"{container}/o", data=b"newer"),
        "delete": lambda: client.delete(f"{container}/o"),
        "post": lambda: client.post(f"{container}/o", headers={"Content-Type": "text/new"}),
        "large": lambda: client.put(f"{container}/new?multipart-manifest=put", json=[{"path": "/c/o"}]),
    }
    kill(store, monkeypatch, acts[call])
    for name in ("o", "new"):
        if call != "large" or name == "o":
            agree(store, name)
    if call == "large":
        assert row(store, "new")["bytes"] == 3  # type: ignore[index]


def test_containers_are_listed_too(store: ObjectStoreFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    store.client.put(f"{store.account}/old")
    store.drain()
    kill(store, monkeypatch, lambda: store.client.put(f"{store.account}/new"))
    assert store.client.get(store.account).data == b"new\nold\n"
    kill(store, monkeypatch, lambda: store.client.delete(f"{store.account}/old"))
    assert store.client.get(store.account).data == b"new\n"


def test_only_what_changed_is_looked_at(store: ObjectStoreFixture, container: str) -> None:
    """After a process that was stopped properly, nothing is read again, however much there is."""
    for n in range(20):
        store.client.put(f"{container}/o{n}", data=b"x")
    past = time.time() - 100
    store.stop_host(0)
    for device in store.configs[0].home.glob("d?"):
        assert os.stat(device / "told").st_mtime > past  # noqa: PTH116
        os.utime(device / "told", (time.time() + 60, time.time() + 60))
    store.start_host(0)
    device = store.servers[0].host.device("d1")
    assert list(unsynced_rows(device)) == []
    assert list(unreported_containers(device)) == []
    settled(store)


def test_the_marker_waits_for_changes_under_way(store: ObjectStoreFixture) -> None:
    changes = store.servers[0].updater.changes
    before = time.time()
    with changes.track():
        began = changes.oldest_start()
        with changes.track():
            assert before <= changes.oldest_start() <= time.time()
            assert changes.oldest_start() <= began + 0.5
    assert changes.oldest_start() >= began


@pytest.mark.parametrize("harm", [b"", b"x", b"00000000\n{}", None])
def test_a_damaged_async_pending(
    store: ObjectStoreFixture, container: str, harm: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is quarantined, and a recovery finds the rows that it held."""
    settled(store)
    first_round(store)
    with monkeypatch.context() as deaf:
        deaf.setattr(RowDelivery, "_merge", lambda *_: ([], {}))
        assert store.client.put(f"{container}/o", data=b"x").status_code == 201
    assert row(store, "o") is None
    pendings = list(store.configs[0].home.glob("d?/pending/*"))
    assert pendings
    for pending in pendings:
        data = bytearray(pending.read_bytes())
        data[len(data) // 2] ^= 4
        pending.write_bytes(bytes(data) if harm is None else harm)
    store.servers[0].updater.retry()
    assert not list(store.configs[0].home.glob("d?/pending/*"))
    assert len(list(store.configs[0].home.glob("d?/quarantined/pending/*"))) == len(pendings)
    settled(store)
    assert row(store, "o") is not None


def test_daemons_keep_their_intervals(store: ObjectStoreFixture) -> None:
    worker = Worker(store.configs[0])
    try:
        daemons = {daemon.name: daemon for daemon in worker.runner.daemons}
        replicator, auditor = daemons["replicator"], daemons["auditor"]
        assert replicator.rest(1) == 59
        assert 60 <= replicator.rest(60) <= 240
        assert replicator.rest(3600) == 600
        worker.replicator.failed = 97
        assert replicator.rest(60) == 60
        assert auditor.rest(14 * 3600) == 10 * 3600
        assert auditor.rest(30 * 3600) == 600
    finally:
        worker.stop()


def test_an_audit_continues_after_a_restart(store: ObjectStoreFixture, container: str) -> None:
    for n in range(30):
        store.client.put(f"{container}/o{n}", data=b"x")
    seen: list[str] = []
    worker = Worker(store.configs[0])
    auditor = worker.auditor
    try:
        auditor.now = iter(range(0, 10**9, 100)).__next__
        look = auditor._look

        def counted(device: Any, policy: int, files: Any, partition: int, digest: str) -> str:
            seen.append(f"{device.name}/{digest}")
            if len(seen) == 50:
                worker._stopping.set()
            return look(device, policy, files, partition, digest)

        object.__setattr__(auditor, "_look", counted)
        auditor.run()
        assert len(seen) == 50
        worker._stopping.clear()
        auditor.run()
        assert len(set(seen)) == 90
        assert len(seen) < 90 + 15, "at most one partition is read twice"
        auditor.run()
        assert len(seen) >= 180
    finally:
        worker.stop()


def test_what_a_recovery_has_found_is_forgotten(tmp_path: Path) -> None:
    store = ObjectStoreFixture(tmp_path)
    try:
        store.client.put(f"{store.account}/c")
        store.client.put(f"{store.account}/c/o", data=b"x")
        devices = store.servers[0].host.devices(["d1", "d2", "d3", "d4"])
        assert sum(len(rows) for device in devices for _, rows in unsynced_rows(device)) >= 3
        assert [device.objects()._recent for device in devices] == [None] * 4
    finally:
        store.close()
