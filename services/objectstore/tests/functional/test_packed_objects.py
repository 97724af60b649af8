"""Small objects are packed: the same answers, damage that is found, and files of 0.1.0 beside them."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from packed_store import copies, devices, flip, is_packed, quarantined

from pileus_kit.testing.server_process import eventually
from pileus_objectstore.agent.storage_server import StorageServer
from pileus_objectstore.storage.object_format import timestamp_of
from pileus_objectstore.storage.pack_records import MAX_PACK_BYTES
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.worker import Worker

SMALL, LARGE = 65536, 65537
COLOUR = "X-Object-Meta-Colour"


@pytest.fixture
def worker(store: ObjectStoreFixture) -> Iterator[Worker]:
    worker = Worker(store.configs[0])
    yield worker
    worker.stop()


def restart(store: ObjectStoreFixture, pack_kib: int | None = None) -> None:
    store.stop_host(0)
    if pack_kib is not None:
        store.configs[0] = dataclasses.replace(store.configs[0], pack_kib=pack_kib)
    store.start_host(0)


def object_files(store: ObjectStoreFixture) -> list[Path]:
    return list(Path(store.configs[0].home).glob("d*/objects/*/*"))


@pytest.mark.parametrize("size", [0, 1, 4096, SMALL])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_small_object_is_packed(store: ObjectStoreFixture, container: str, size: int, chunked: bool) -> None:
    data, path = os.urandom(size), f"{container}/o"
    environ = {"HTTP_TRANSFER_ENCODING": "chunked"} if chunked else {"CONTENT_LENGTH": str(size)}
    headers = {COLOUR: "blue"}
    assert store.client.put(path, data=data, headers=headers, environ_overrides=environ).status_code == 201
    assert not object_files(store)
    assert [body for _, body in copies(store, path).values()] == [data] * 3
    for _ in range(2):
        answer = store.client.get(path)
        assert (answer.status_code, answer.data, answer.headers[COLOUR]) == (200, data, "blue")
        assert int(store.client.head(path).headers["Content-Length"]) == size
        if size > 10:
            part = store.client.get(path, headers={"Range": "bytes=3-9"})
            assert (part.status_code, part.data) == (206, data[3:10])
        restart(store)
    assert store.client.delete(path).status_code == 204
    assert store.client.get(path).status_code == 404
    restart(store)
    assert store.client.get(path).status_code == 404


def test_the_largest_object_that_can_be_packed(store: ObjectStoreFixture, container: str) -> None:
    """Above that a record would not be read again, so a host that is to pack larger ones doesn't start."""
    restart(store, MAX_PACK_BYTES >> 10)
    data, path = os.urandom(MAX_PACK_BYTES), f"{container}/o"
    length = {"CONTENT_LENGTH": str(len(data))}
    assert store.client.put(path, data=data, environ_overrides=length, headers={COLOUR: "b" * 256}).status_code == 201
    assert is_packed(store, path)
    assert store.client.post(path, headers={COLOUR: "r" * 256}).status_code == 202
    for _ in range(2):
        assert store.client.get(path).data == data
        restart(store)
    with pytest.raises(ValueError, match="512 at most, not 513"):
        StorageServer(dataclasses.replace(store.configs[0], pack_kib=(MAX_PACK_BYTES >> 10) + 1))


def test_small_and_large_versions_replace_each_other(store: ObjectStoreFixture, container: str) -> None:
    path = f"{container}/o"
    for turn, size in enumerate((10, LARGE, 11, 12, LARGE + 1, LARGE + 2, 0)):
        data = os.urandom(size)
        length = {"CONTENT_LENGTH": str(size)}
        assert store.client.put(path, data=data, environ_overrides=length).status_code == 201
        assert store.client.get(path).data == data
        assert [body for _, body in copies(store, path).values()] == [data] * 3
        assert bool(object_files(store)) == (size > SMALL)
        assert is_packed(store, path) == (size <= SMALL)
        if turn % 2:
            restart(store)
            assert store.client.get(path).data == data


def test_metadata_is_replaced(store: ObjectStoreFixture, container: str) -> None:
    path = f"{container}/o"
    store.client.put(path, data=b"data", headers={COLOUR: "blue", "X-Object-Meta-Old": "1"})
    assert store.client.post(path, headers={COLOUR: "red", "X-Delete-At": "9999999999"}).status_code == 202
    for _ in range(2):
        answer = store.client.get(path)
        assert (answer.data, answer.headers[COLOUR], answer.headers["X-Delete-At"]) == (b"data", "red", "9999999999")
        assert "X-Object-Meta-Old" not in answer.headers
        restart(store)
    assert not object_files(store)
    assert store.client.delete(path).status_code == 204
    assert store.client.get(path).status_code == 404


@pytest.mark.parametrize(("before", "after"), [(-1, 64), (64, -1)])
def test_what_was_stored_otherwise_stays_readable(
    store: ObjectStoreFixture, container: str, before: int, after: int
) -> None:
    """Objects of 0.1.0 are files; and a host may stop packing."""
    restart(store, before)
    client = store.client
    for name in ("same", "posted", "deleted", "replaced", "later"):
        client.put(f"{container}/{name}", data=name.encode(), headers={COLOUR: "blue"})
    client.post(f"{container}/posted", headers={COLOUR: "red"})
    client.delete(f"{container}/deleted")
    restart(store, after)
    assert client.get(f"{container}/same").data == b"same"
    assert client.get(f"{container}/posted").headers[COLOUR] == "red"
    assert client.get(f"{container}/deleted").status_code == 404
    assert client.put(f"{container}/replaced", data=b"new").status_code == 201
    assert client.put(f"{container}/deleted", data=b"back").status_code == 201
    assert client.post(f"{container}/later", headers={COLOUR: "green"}).status_code == 202
    assert client.delete(f"{container}/same").status_code == 204
    for _ in range(2):
        assert client.get(f"{container}/same").status_code == 404
        assert client.get(f"{container}/posted").headers[COLOUR] == "red"
        assert client.get(f"{container}/replaced").data == b"new"
        assert client.get(f"{container}/deleted").data == b"back"
        assert client.get(f"{container}/later").headers[COLOUR] == "green"
        restart(store)
    names = sorted(row["name"] for row in client.get(f"{container}?format=json").json)
    assert names == ["deleted", "later", "posted", "replaced"]


@pytest.mark.parametrize("at", [0, 100, 3000, 4200, -1, -30, -60])
@pytest.mark.parametrize("bad", [1, 2])
def test_readers_get_a_good_copy(store: ObjectStoreFixture, container: str, worker: Worker, at: int, bad: int) -> None:
    path, data = f"{container}/o", os.urandom(4096)
    store.client.put(path, data=data, headers={COLOUR: "blue"})
    for device in list(copies(store, path))[:bad]:
        flip(store, path, device, at)
    for _ in range(3):
        assert store.client.get(path).data == data
        assert store.client.head(path).headers[COLOUR] == "blue"
    worker.auditor.run()
    assert quarantined(store) == bad
    worker.replicator.run()
    assert [body for _, body in copies(store, path).values()] == [data] * 3
    assert worker.auditor.run() == ""


def test_three_bad_copies_are_refused(store: ObjectStoreFixture, container: str) -> None:
    path = f"{container}/o"
    store.client.put(path, data=b"x" * 4096)
    for device in list(copies(store, path)):
        flip(store, path, device, 50)
    assert store.client.get(path).status_code in (404, 503)
    assert store.client.get(path).status_code in (404, 503)


def test_the_auditor_finds_damage_in_records_and_hints(
    store: ObjectStoreFixture, container: str, worker: Worker
) -> None:
    path = f"{container}/o"
    for n in range(8):  # what counts is the larger part of each segment
        store.client.put(f"{container}/filler{n}", data=bytes(30_000))
    store.client.put(path, data=b"x" * 4096)
    store.client.post(path, headers={COLOUR: "red"})
    store.client.put(f"{container}/gone", data=b"y")
    store.client.delete(f"{container}/gone")
    restart(store)
    store.client.put(f"{container}/other", data=b"z")  # begins a segment, so the one before gets its hint
    home = Path(store.configs[0].home)
    eventually(lambda: list(home.glob("d*/packs/*.hint")))
    assert worker.auditor.run() == ""
    for device in list(copies(store, path))[:2]:
        flip(store, path, device, 70)
    for device in list(copies(store, f"{container}/gone"))[:1]:
        flip(store, f"{container}/gone", device, 70)
    hints = sorted(home.glob("d*/packs/*.hint"))
    hints[0].write_bytes(hints[0].read_bytes()[:-1])
    assert "4 damaged" in worker.auditor.run()
    worker.replicator.run()
    assert len(copies(store, path)) == 3
    assert all(meta.headers[COLOUR] == "red" for meta, _ in copies(store, path).values())
    assert sum(meta.deleted for meta, _ in copies(store, f"{container}/gone").values()) == 3
    assert store.client.get(f"{container}/gone").status_code == 404
    assert worker.auditor.run() == ""


def test_old_tombstones_are_removed(store: ObjectStoreFixture, container: str, worker: Worker) -> None:
    for size in (1, LARGE):
        path = f"{container}/o{size}"
        store.client.put(path, data=bytes(size))
        store.client.delete(path)
        assert len(copies(store, path)) == 3
    worker.auditor.now = lambda: store.app.tools.now() + 8 * 86400
    assert "6 old tombstones removed" in worker.auditor.run()
    restart(store)
    for size in (1, LARGE):
        assert not copies(store, f"{container}/o{size}")
        assert store.client.get(f"{container}/o{size}").status_code == 404


def test_an_emptied_device_gets_everything_again(store: ObjectStoreFixture, container: str, worker: Worker) -> None:
    client = store.client
    for n in range(20):
        client.put(f"{container}/o{n}", data=str(n).encode() * 50, headers={COLOUR: "blue"})
        if n % 3 == 0:
            client.post(f"{container}/o{n}", headers={COLOUR: "red"})
        if n % 5 == 4:
            client.delete(f"{container}/o{n}")
    before = {n: copies(store, f"{container}/o{n}") for n in range(20)}
    store.stop_host(0)
    for path in Path(store.configs[0].home, "d2", "packs").iterdir():
        path.unlink()
    store.start_host(0)
    assert any(len(copies(store, f"{container}/o{n}")) == 2 for n in range(20))
    worker.replicator.run()
    assert {n: copies(store, f"{container}/o{n}") for n in range(20)} == before
    assert worker.replicator.run() == ""


def test_a_damaged_record_keeps_no_other_one_from_being_replicated(
    store: ObjectStoreFixture, container: str, worker: Worker
) -> None:
    paths = [f"{container}/o{n}" for n in range(20)]
    for path in paths:
        store.client.put(path, data=b"x" * 500)
    worker.replicator.run()
    store.stop_host(0)
    for file in Path(store.configs[0].home, "d2", "packs").iterdir():
        file.unlink()
    store.start_host(0)
    placements = store.app.tools.cluster.rings.placement
    path = next(path for path in paths if len(copies(store, path)) == 2)
    damaged = next(iter(copies(store, path)))
    flip(store, path, damaged, 50)
    for _ in range(2):
        worker.replicator.run()
        if quarantined(store):
            break
    assert quarantined(store) == 1
    assert {len(copies(store, one)) for one in paths if one != path} == {3}
    worker.replicator.run()
    assert sorted(copies(store, path)) == sorted(placements("AUTH_p1", "c", path.rpartition("/")[2]).hosts[0][1])


def test_a_damaged_record_that_is_posted_to(store: ObjectStoreFixture, container: str, worker: Worker) -> None:
    path = f"{container}/o"
    store.client.put(path, data=b"x" * 500)
    flip(store, path, next(iter(copies(store, path))), 50)
    assert store.client.post(path, headers={COLOUR: "red"}).status_code == 202
    assert quarantined(store) == 1
    worker.replicator.run()
    assert len(copies(store, path)) == 3
    assert store.client.head(path).headers[COLOUR] == "red"


def test_only_what_differs_is_replicated(store: ObjectStoreFixture, container: str, worker: Worker) -> None:
    """Later metadata, a tombstone and a newer version that one device has missed."""
    client, paths = store.client, [f"{container}/o{n}" for n in range(9)]
    for path in paths:
        client.put(path, data=b"old", headers={COLOUR: "blue"})
    worker.replicator.run()
    away = Path(store.configs[0].home, "d1")
    away.rename(away.with_name("away"))
    for n, path in enumerate(paths):
        if n % 3 == 0:
            client.put(path, data=b"new")
        elif n % 3 == 1:
            client.post(path, headers={COLOUR: "red"})
        else:
            client.delete(path)
    away.with_name("away").rename(away)
    restart(store)
    worker.replicator.run()
    worker.replicator.run()
    for n, path in enumerate(paths):
        found = copies(store, path)
        assert len(found) == 3, path
        if n % 3 == 0:
            assert {body for _, body in found.values()} == {b"new"}
        elif n % 3 == 1:
            assert {meta.headers[COLOUR] for meta, _ in found.values()} == {"red"}
        else:
            assert all(meta.deleted for meta, _ in found.values())
    assert worker.replicator.run() == ""


def test_listings_show_what_was_packed_before_a_crash(store: ObjectStoreFixture, container: str) -> None:
    """The row of an object is lost with the process that has stored it; the next one finds the object."""
    path = f"{container}/o"
    store.client.put(path, data=b"data")
    placement = store.app.tools.cluster.rings.placement(*path.split("/", 4)[2:])
    for device in devices(store):
        changed = device.objects().changed(placement.partition, 0.0)
        assert changed == ([placement.digest] if device.name in copies(store, path) else [])
        assert not device.objects().changed(placement.partition, store.app.tools.now() + 60)


def test_a_device_that_was_exchanged_shows_nothing_old(store: ObjectStoreFixture, container: str) -> None:
    path = f"{container}/o"
    store.client.put(path, data=b"data")
    server: StorageServer = store.servers[0]
    name = next(iter(copies(store, path)))
    device = server.host.device(name)
    device.disk.lost += 1  # as if another disk had been mounted meanwhile
    for segment in Path(store.configs[0].home, name, "packs").iterdir():
        segment.unlink()
    assert server.host.device(name).objects().partitions() == []
    assert store.client.get(path).data == b"data"


def test_the_newest_version_wins(store: ObjectStoreFixture, container: str) -> None:
    path = f"{container}/o"
    store.client.put(path, data=b"new")
    newest = {meta.timestamp for meta, _ in copies(store, path).values()}
    placement = store.app.tools.cluster.rings.placement(*path.split("/", 4)[2:])
    for device in devices(store):
        stamps = device.objects().stamps(placement.partition, placement.digest)
        assert stamps[0] == 0 or timestamp_of(stamps[0]) in newest
        older = (stamps[0] - 10_000, 0)
        if stamps[0]:
            assert not device.objects().put(placement.partition, placement.digest, older, b"older")
    assert store.client.get(path).data == b"new"
