"""One bit flips in the file of later metadata: readers get a good copy, the bad one is quarantined and replaced."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.worker import Worker

UNPACKED = True

HEADERS = {"X-Object-Meta-Colour": "red", "Content-Type": "text/x", "X-Delete-At": "9999999999"}


@pytest.fixture
def worker(store: ObjectStoreFixture) -> Iterator[Worker]:
    worker = Worker(store.configs[0])
    yield worker
    worker.stop()


@pytest.fixture
def posted(store: ObjectStoreFixture, container: str) -> str:
    store.client.put(f"{container}/o", data=b"data" * 1000, headers={"X-Object-Meta-Colour": "blue"})
    assert store.client.post(f"{container}/o", headers=HEADERS).status_code == 202
    return f"{container}/o"


def metas(store: ObjectStoreFixture) -> list[Path]:
    return sorted(store.configs[0].home.glob("d*/objects/*/*.meta"))


def flip(path: Path, at: int) -> None:
    """Change a bit and keep the file's time, as a failing disk does."""
    stamp = path.stat().st_mtime_ns
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 4
    path.write_bytes(data)
    os.utime(path, ns=(stamp, stamp))


def intact(store: ObjectStoreFixture, path: str) -> bool:
    for method in (store.client.get, store.client.head):
        answer = method(path)
        if answer.status_code != 200 or any(answer.headers.get(name) != value for name, value in HEADERS.items()):
            return False
    return True


def quarantined(store: ObjectStoreFixture) -> int:
    return len(list(store.configs[0].home.glob("d*/quarantined/objects/*")))


@pytest.mark.parametrize("at", [0, 10, 60, 100, -1, -10, -20])
@pytest.mark.parametrize("copies", [1, 2])
def test_readers_take_a_good_copy(store: ObjectStoreFixture, posted: str, worker: Worker, at: int, copies: int) -> None:
    files = metas(store)
    good = files[0].read_bytes()
    assert len(files) == 3
    for path in files[:copies]:
        flip(path, at)
    assert intact(store, posted)
    worker.auditor.run()
    assert quarantined(store) == copies
    worker.replicator.run()
    assert [path.read_bytes() for path in metas(store)] == [good] * 3
    assert worker.auditor.run() == ""
    assert intact(store, posted)


def test_the_auditor_finds_damage(store: ObjectStoreFixture, posted: str, worker: Worker) -> None:
    for path in metas(store)[1:]:
        flip(path, 40)
    assert "2 damaged" in worker.auditor.run()
    worker.replicator.run()
    assert len(metas(store)) == 3
    assert intact(store, posted)


def test_an_object_survives_damage_of_its_later_metadata(store: ObjectStoreFixture, posted: str) -> None:
    for path in metas(store):
        flip(path, 40)
    answer = store.client.get(posted)
    assert (answer.status_code, answer.data) == (200, b"data" * 1000)
    assert answer.headers["X-Object-Meta-Colour"] == "blue"


def test_damaged_tombstones(store: ObjectStoreFixture, container: str, posted: str, worker: Worker) -> None:
    store.client.delete(posted)
    tombs = [path for path in store.configs[0].home.glob("d*/objects/*/*") if not path.name.endswith(".meta")]
    assert len(tombs) == 3
    for path in tombs[:2]:
        flip(path, 40)
    assert store.client.get(posted).status_code == 404
    worker.auditor.run()
    worker.replicator.run()
    assert store.client.get(posted).status_code == 404
    tombs = [path for path in store.configs[0].home.glob("d*/objects/*/*") if not path.name.endswith(".meta")]
    assert len(tombs) == 3


def test_old_tombstones_of_posted_objects_are_removed(store: ObjectStoreFixture, posted: str, worker: Worker) -> None:
    store.client.delete(posted)
    worker.auditor.now = lambda: store.app.tools.now() + 8 * 86400
    assert "3 old tombstones removed" in worker.auditor.run()
    assert not list(store.configs[0].home.glob("d*/objects/*/*"))
