"""Policies with erasure codes: objects are kept as fragments, of which some may be lost."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.rings import RingKind
from pileus_objectstore.ring.storage_policies import ErasureCode, StoragePolicy, fragments_area
from pileus_objectstore.storage.disks import MARKER
from pileus_objectstore.testing import ObjectStoreFixture, UnpackedObjectStoreFixture
from pileus_objectstore.wire.daemon_calls import HeldReplica
from pileus_objectstore.worker import Worker

CODE = ErasureCode(4, 2, segment_bytes=1 << 16, min_bytes=4096)
EC = StoragePolicy(1, "ec", erasure_code=CODE)
DATA = os.urandom(500_000)
FRAGMENTS = f"objects-{fragments_area(1)}"


@pytest.fixture(params=[(1, 8), (4, 2)], ids=["one host", "four hosts"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ObjectStoreFixture]:
    hosts, devices = request.param
    fixture = UnpackedObjectStoreFixture(tmp_path, hosts=hosts, devices=devices, policies=[(EC, 6)])
    yield fixture
    fixture.close()


@pytest.fixture
def coded(store: ObjectStoreFixture) -> str:
    path = f"{store.account}/coded"
    assert store.client.put(path, headers={"X-Storage-Policy": "ec"}).status_code == 201
    return path


@pytest.fixture
def workers(store: ObjectStoreFixture) -> Iterator[list[Worker]]:
    workers = [Worker(config) for config in store.configs]
    yield workers
    for worker in workers:
        worker.stop()


def files(store: ObjectStoreFixture, directory: str = FRAGMENTS) -> list[Path]:
    """Files on mounted devices."""
    found = [path for config in store.configs for path in config.home.glob(f"d?/{directory}/*/*")]
    return sorted(path for path in found if path.parents[2].joinpath(MARKER).exists())


def repair(workers: list[Worker]) -> list[str]:
    """Passes until there is nothing left to do; what they did."""
    done = []
    for _ in range(6):
        passes = [text for worker in workers for text in (worker.replicator.run(), worker.reconstructor.run()) if text]
        if not passes:
            return done
        done += passes
    raise AssertionError(f"no rest: {passes}")


def lose(store: ObjectStoreFixture, path: Path) -> None:
    """Unmount the device of a file."""
    root = path.parents[2]
    root.rename(root.with_name(f"{root.name}-away"))
    root.mkdir()
    for server in store.servers:
        for device in server.host._devices.values():
            device.disk._seen = 0.0


def test_an_object_is_what_was_put(store: ObjectStoreFixture, coded: str) -> None:
    put = store.client.put(f"{coded}/o", data=DATA, headers={"Content-Type": "text/x", "X-Object-Meta-A": "1"})
    etag = hashlib.md5(DATA).hexdigest()
    assert (put.status_code, put.headers["Etag"].strip('"')) == (201, etag)
    assert len(files(store)) == 6
    assert sum(path.stat().st_size for path in files(store)) < 1.6 * len(DATA)
    got = store.client.get(f"{coded}/o")
    assert got.data == DATA
    assert (got.headers["Etag"].strip('"'), got.headers["Content-Length"]) == (etag, str(len(DATA)))
    assert got.headers["X-Object-Meta-A"] == "1"
    assert not [name for name, _ in got.headers if "Sysmeta" in name]
    [row] = store.client.get(f"{coded}?format=json").json
    assert (row["bytes"], row["hash"], row["content_type"]) == (len(DATA), etag, "text/x")
    assert store.client.head(f"{coded}/o").headers["Content-Length"] == str(len(DATA))
    assert store.client.head(f"{coded}/o", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=65535-65536", 65535, 65536),
        ("bytes=100000-300000", 100000, 300000),
        ("bytes=-10", len(DATA) - 10, len(DATA) - 1),
        ("bytes=499999-", 499999, 499999),
    ],
)
def test_ranges(store: ObjectStoreFixture, coded: str, asked: str, first: int, last: int) -> None:
    store.client.put(f"{coded}/o", data=DATA)
    got = store.client.get(f"{coded}/o", headers={"Range": asked})
    assert (got.status_code, got.data) == (206, DATA[first : last + 1])
    assert got.headers["Content-Range"] == f"bytes {first}-{last}/{len(DATA)}"
    assert store.client.get(f"{coded}/o", headers={"Range": "bytes=900000-"}).status_code == 416


def test_short_objects_stay_whole(store: ObjectStoreFixture, coded: str) -> None:
    for size in (0, 1, CODE.min_bytes - 1, CODE.min_bytes, (1 << 16) - 1, 1 << 16, (1 << 16) + 1):
        length = {"CONTENT_LENGTH": str(size)}
        put = store.client.put(f"{coded}/{size}", data=DATA[:size], environ_overrides=length)
        assert put.status_code == 201
        assert store.client.get(f"{coded}/{size}").data == DATA[:size]
    assert len(files(store)) == 4 * 6
    assert len(files(store, "objects-1")) == 7 * 3, "heads and whole objects are on parity + 1 devices"


def test_what_is_refused_changes_nothing(store: ObjectStoreFixture, coded: str) -> None:
    store.client.put(f"{coded}/o", data=DATA)
    before = files(store)
    assert store.client.put(f"{coded}/o", data=DATA[1:], headers={"Etag": "0" * 32}).status_code == 422
    store.client.post(coded, headers={"X-Container-Meta-Quota-Bytes": str(len(DATA) + 9)})
    assert store.client.put(f"{coded}/p", data=DATA).status_code == 413
    assert files(store) == before
    assert store.client.get(f"{coded}/o").data == DATA


def test_metadata_copies_and_deletion(store: ObjectStoreFixture, coded: str, workers: list[Worker]) -> None:
    store.client.put(f"{store.account}/plain")
    store.client.put(f"{coded}/o", data=DATA)
    assert store.client.post(f"{coded}/o", headers={"X-Object-Meta-B": "2"}).status_code == 202
    assert store.client.get(f"{coded}/o").headers["X-Object-Meta-B"] == "2"
    for name in ("coded/copy", "plain/copy"):
        made = store.client.put(f"{store.account}/{name}", headers={"X-Copy-From": "/coded/o"})
        assert made.status_code == 201
        assert store.client.get(f"{store.account}/{name}").data == DATA
    assert len(files(store)) == 12
    assert store.client.put(f"{coded}/o", data=DATA[::-1]).status_code == 201
    assert store.client.delete(f"{coded}/copy").status_code == 204
    assert store.client.get(f"{coded}/o").data == DATA[::-1]
    repair(workers)
    assert len(files(store)) == 18, "what was replaced stays for a day, for those who read it"
    for worker in workers:
        worker.reconstructor.context = later(worker)
        worker.reconstructor._sound.clear()
    repair(workers)
    assert len(files(store)) == 6
    assert store.client.get(f"{coded}/o").data == DATA[::-1]


def later(worker: Worker):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    context = worker.reconstructor.context
    return replace(context, now=lambda: context.now() + 2 * 86400)


def test_two_lost_devices(store: ObjectStoreFixture, coded: str, workers: list[Worker]) -> None:
    """Readers notice nothing, the fragments are rebuilt on handoffs, and go home when the devices return."""
    store.client.put(f"{coded}/o", data=DATA)
    before = files(store)
    for path in (before[0], before[3]):
        lose(store, path)
    assert len(files(store)) == 4
    assert store.client.get(f"{coded}/o").data == DATA
    assert any("2 fragments rebuilt" in text or "1 fragments rebuilt" in text for text in passes(workers))
    assert len(files(store)) == 6
    assert store.client.get(f"{coded}/o").data == DATA
    for path in (before[0], before[3]):
        root = path.parents[2]
        for left in root.glob("tmp"):
            left.rmdir()
        root.rmdir()
        root.with_name(f"{root.name}-away").rename(root)
    for server in store.servers:
        for device in server.host._devices.values():
            device.disk._seen = 0.0
    repair(workers)
    assert files(store) == before
    assert store.client.get(f"{coded}/o").data == DATA


def passes(workers: list[Worker]) -> list[str]:
    return [text for _ in range(2) for worker in workers for text in (worker.reconstructor.run(),)]


def test_rot_is_found_and_rebuilt(store: ObjectStoreFixture, coded: str, workers: list[Worker]) -> None:
    store.client.put(f"{coded}/o", data=DATA)
    before = {path: path.read_bytes() for path in files(store)}
    for path in list(before)[1:3]:
        stamp = path.stat().st_mtime_ns
        with path.open("r+b") as file:
            file.seek(70_000)
            file.write(b"rot")
        os.utime(path, ns=(stamp, stamp))
    assert store.client.get(f"{coded}/o").data == DATA
    for worker in workers:
        worker.auditor.run()
    assert len(files(store)) == 4
    repair(workers)
    assert {path: path.read_bytes()[:100_000] for path in files(store)} == {p: d[:100_000] for p, d in before.items()}


def test_fragments_stay_while_their_head_may_be_on_a_lost_handoff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = UnpackedObjectStoreFixture(tmp_path, devices=8, policies=[(EC, 6)])
    worker = Worker(store.configs[0])
    try:
        path = f"{store.account}/coded"
        store.client.put(path, headers={"X-Storage-Policy": "ec"})
        store.client.put(f"{path}/o", data=DATA)
        before, heads = files(store), files(store, "objects-1")
        used = {file.parents[2].name for file in (*before, *heads)}
        handoff = next(device for device in store.configs[0].home.glob("d?") if device.name not in used)
        moved = handoff / heads[0].relative_to(heads[0].parents[2])
        moved.parent.mkdir(parents=True)
        shutil.copy2(heads[0], moved)
        for head in heads:
            head.unlink()
        lose(store, moved)
        worker.reconstructor.context = later(worker)
        for _ in range(3):
            worker.reconstructor.run()
        assert files(store) == before
    finally:
        worker.stop()
        store.close()


def test_a_head_on_its_way_is_not_missed(
    store: ObjectStoreFixture, coded: str, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that came between two devices finds it on neither."""
    store.client.put(f"{coded}/o", data=DATA)
    before = files(store)
    for worker in workers:
        worker.reconstructor.context = later(worker)
        inventory = worker.reconstructor.survey.inventory

        def without_heads(
            ring: RingKind, device: Device, partition: int, inventory: Any = inventory
        ) -> list[HeldReplica]:
            found: list[HeldReplica] = inventory(ring, device, partition)
            return found if ring.policy == fragments_area(1) else []

        with monkeypatch.context() as moving:
            moving.setattr(worker.reconstructor.survey, "inventory", without_heads)
            worker.reconstructor.run()
        worker.reconstructor.run()
        worker.reconstructor._sound.clear()
        with monkeypatch.context() as moving:
            moving.setattr(worker.reconstructor.survey, "inventory", without_heads)
            worker.reconstructor.run()
    assert files(store) == before


def test_three_lost_fragments_are_too_many(store: ObjectStoreFixture, coded: str, workers: list[Worker]) -> None:
    """A read fails without wrong bytes, and what is left stays."""
    store.client.put(f"{coded}/o", data=DATA)
    for path in files(store)[:3]:
        path.unlink()
    assert store.client.get(f"{coded}/o").status_code == 503
    assert store.client.head(f"{coded}/o").status_code == 200
    for worker in workers:
        worker.reconstructor.run()
    assert len(files(store)) == 3


def test_a_put_needs_one_fragment_more_than_a_read(tmp_path: Path) -> None:
    store = UnpackedObjectStoreFixture(tmp_path, hosts=6, devices=1, policies=[(EC, 6)])
    try:
        coded = f"{store.account}/coded"
        store.client.put(coded, headers={"X-Storage-Policy": "ec"})
        assert store.client.put(f"{coded}/o", data=DATA).status_code == 201
        store.stop_host(5)
        assert store.client.put(f"{coded}/five", data=DATA).status_code == 201
        store.stop_host(4)
        assert store.client.put(f"{coded}/o", data=DATA[1:]).status_code == 503
        assert store.client.get(f"{coded}/o").data == DATA, "the version before is untouched"
        assert store.client.get(f"{coded}/five").data == DATA
        for number in (4, 5):
            store.start_host(number)
        store.app.tools.cluster._down.clear()
        workers = [Worker(config) for config in store.configs]
        repair(workers)
        for worker in workers:
            worker.stop()
        assert len(files(store)) >= 12
        assert store.client.get(f"{coded}/five").data == DATA
    finally:
        store.close()


def test_fragments_are_encrypted(tmp_path: Path) -> None:
    store = UnpackedObjectStoreFixture(tmp_path, devices=8, policies=[(EC, 6)], encryption=True)
    try:
        coded = f"{store.account}/coded"
        store.client.put(coded, headers={"X-Storage-Policy": "ec"})
        text = b"in clear " * 50_000
        put = store.client.put(f"{coded}/o", data=text)
        assert put.headers["Etag"].strip('"') == hashlib.md5(text).hexdigest()
        assert len(files(store)) == 6
        assert not any(b"in clear" in path.read_bytes() for path in files(store))
        assert store.client.get(f"{coded}/o").data == text
        got = store.client.get(f"{coded}/o", headers={"Range": "bytes=70000-140000"})
        assert got.data == text[70000:140001]
        files(store)[0].unlink()
        worker = Worker(store.configs[0])
        repair([worker])
        worker.stop()
        assert len(files(store)) == 6
        assert store.client.get(f"{coded}/o").data == text
    finally:
        store.close()
