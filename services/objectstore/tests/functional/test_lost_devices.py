"""While a device is gone, third copies are made on handoffs; they are removed when it returns."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_objectstore.daemons.replicator import Task
from pileus_objectstore.storage.disks import MARKER
from pileus_objectstore.testing import ObjectStoreFixture, UnpackedObjectStoreFixture
from pileus_objectstore.worker import Worker

UNPACKED = True


@pytest.fixture
def worker(store: ObjectStoreFixture) -> Iterator[Worker]:
    worker = Worker(store.configs[0])
    yield worker
    worker.stop()


def unmount(store: ObjectStoreFixture, name: str) -> None:
    root = store.configs[0].home / name
    root.rename(root.with_name(f"{name}.away"))
    root.mkdir()
    for device in store.servers[0].host._devices.values():
        device.disk._seen = 0.0


def mount(store: ObjectStoreFixture, name: str) -> None:
    root = store.configs[0].home / name
    root.rmdir()
    root.with_name(f"{name}.away").rename(root)
    for device in store.servers[0].host._devices.values():
        device.disk._seen = 0.0


def copies(store: ObjectStoreFixture, kind: str = "objects") -> dict[str, set[str]]:
    """{digest: mounted devices that have the object}"""
    found: dict[str, set[str]] = {}
    suffix = "" if kind == "objects" else ".db"
    for path in store.configs[0].home.glob(f"d?/{kind}/*/*{suffix}"):
        if Path(path.parents[2], MARKER).exists() and path.suffix in ("", ".db"):
            found.setdefault(path.stem, set()).add(path.parents[2].name)
    return found


def test_third_copies_are_made_and_cleared(store: ObjectStoreFixture, container: str, worker: Worker) -> None:
    for n in range(40):
        store.client.put(f"{container}/o{n}", data=b"x" * (n + 1))
    store.client.post(f"{container}/o1", headers={"X-Object-Meta-A": "1"})
    store.drain()
    worker.replicator.run()
    unmount(store, "d1")
    assert {len(devices) for devices in copies(store).values()} == {2, 3}
    worker.replicator.run()
    for kind in ("objects", "containers", "accounts"):
        assert {len(devices) for devices in copies(store, kind).values()} == {3}, kind
    assert worker.replicator.run() == "", "a quiet pass says nothing, and leaves nothing"
    for n in range(40):
        assert store.client.get(f"{container}/o{n}").data == b"x" * (n + 1)
    store.client.put(f"{container}/new", data=b"new")
    store.client.delete(f"{container}/o2")
    mount(store, "d1")
    for _ in range(4):
        worker.replicator.run()
    proper = {}
    for n in [*range(40), "new"]:
        name = f"o{n}" if n != "new" else "new"
        placement = store.app.tools.cluster.rings.placement("AUTH_p1", "c", name)
        proper[placement.digest] = set(placement.hosts[0][1])
    assert copies(store) == proper
    assert store.client.get(f"{container}/o2").status_code == 404
    assert store.client.get(f"{container}/new").data == b"new"
    assert len(store.client.get(container).data.split()) == 40


def test_two_of_five(tmp_path: Path) -> None:
    """Two lost devices are replaced by two handoffs."""
    store = UnpackedObjectStoreFixture(tmp_path, devices=5)
    worker = Worker(store.configs[0])
    try:
        store.client.put(f"{store.account}/c")
        for n in range(30):
            store.client.put(f"{store.account}/c/o{n}", data=b"x")
        store.drain()
        for name in ("d1", "d2"):
            unmount(store, name)
            worker.replicator.run()
        assert {len(devices) for devices in copies(store).values()} == {3}
        for n in range(30):
            assert store.client.get(f"{store.account}/c/o{n}").data == b"x"
        for name in ("d1", "d2"):
            mount(store, name)
        for _ in range(4):
            worker.replicator.run()
        assert {len(devices) for devices in copies(store).values()} == {3}
        assert worker.replicator.run() == ""
    finally:
        worker.stop()
        store.close()


def test_a_host_that_is_down_is_waited_for(tmp_path: Path) -> None:
    """Its devices are not lost: it will probably return, and nothing is copied before ten minutes have passed."""
    store = UnpackedObjectStoreFixture(tmp_path, hosts=3, devices=2)
    worker = Worker(store.configs[0])
    try:
        store.client.put(f"{store.account}/c")
        store.client.put(f"{store.account}/c/o", data=b"x")
        worker.replicator.run()
        store.stop_host(2)
        before = sorted(Path(store.config.state).glob("host*/objectstore/d?/objects/*/*"))
        worker.replicator.run()
        assert sorted(Path(store.config.state).glob("host*/objectstore/d?/objects/*/*")) == before
        late = time.monotonic() + worker.replicator.host_lost_s
        worker.replicator.survey.clock = lambda: late
        worker.replicator.run()
        after = set(Path(store.config.state).glob("host*/objectstore/d?/objects/*/*")) - set(before)
        assert len(after) == 1, "after ten minutes the third copy is on a handoff"
        store.start_host(2)
        for config in store.configs:
            other = Worker(config)
            for _ in range(3):
                other.replicator.run()
            other.stop()
        now = sorted(Path(store.config.state).glob("host*/objectstore/d?/objects/*/*"))
        assert now == before, "the host has returned"
    finally:
        worker.stop()
        store.close()


def test_what_a_full_device_refuses_goes_to_a_handoff(
    store: ObjectStoreFixture, container: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(20):
        store.client.put(f"{container}/o{n}", data=b"x")
    store.drain()
    home = store.configs[0].home
    lost = sorted(home.glob("d1/objects/*/*"))
    assert lost
    for path in lost:
        path.unlink()
    disk = store.servers[0].host.device("d1").disk
    monkeypatch.setattr(disk, "_reserve", 1 << 60)
    disk._room_checked = 0.0
    worker.replicator.run()
    assert not list(home.glob("d1/objects/*/*"))
    assert {len(devices) for devices in copies(store).values()} == {3}
    before = copies(store)
    worker.replicator.run()
    assert copies(store) == before, "nothing more is copied while it stays full"
    monkeypatch.undo()
    disk._room_checked = 0.0
    for _ in range(3):
        worker.replicator.run()
    assert sorted(home.glob("d1/objects/*/*")) == lost
    assert {len(devices) for devices in copies(store).values()} == {3}
    assert worker.replicator.run() == ""


def test_a_pass_ends_in_time_and_the_next_goes_on(
    store: ObjectStoreFixture, container: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass that has no time for all partitions is continued, and a lost device's partitions come first."""
    for n in range(60):
        store.client.put(f"{container}/o{n}", data=b"x")
    store.drain()
    home = store.configs[0].home
    for path in home.glob("d2/objects/*/*"):
        path.unlink()
    ticks = iter(range(10**6))
    monkeypatch.setattr("pileus_objectstore.daemons.repairer.PASS_S", 6)
    worker.replicator.clock = lambda: float(next(ticks))
    first = worker.replicator.run()
    assert "no time for" in first
    assert worker.replicator.left
    unmount(store, "d1")
    lost = {path.parent.name for path in home.glob("d1.away/*s/*/*")}
    seen: list[str] = []
    replicate = worker.replicator._replicate

    def noted(task: Task) -> None:
        seen.append(str(task.partition))
        replicate(task)

    monkeypatch.setattr(worker.replicator, "_replicate", noted)
    worker.replicator.run()
    assert seen
    assert set(seen) <= lost
    mount(store, "d1")
    for _ in range(200):
        if not worker.replicator.run():
            break
    assert {len(devices) for devices in copies(store).values()} == {3}
