"""Replicator, auditor and expirer against real storage servers."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pileus_objectstore.agent.host import Device
from pileus_objectstore.errors import DeviceFailed
from pileus_objectstore.ring.builder import Builder
from pileus_objectstore.ring.storage_policies import StoragePolicy
from pileus_objectstore.storage.disks import MARKER, Disk
from pileus_objectstore.testing import ObjectStoreFixture, UnpackedObjectStoreFixture
from pileus_objectstore.worker import Worker

UNPACKED = True

DATA = os.urandom(700_000)


@pytest.fixture
def workers(store: ObjectStoreFixture) -> Iterator[list[Worker]]:
    workers = [Worker(config) for config in store.configs]
    yield workers
    for worker in workers:
        worker.stop()


def files(store: ObjectStoreFixture, pattern: str) -> list[Path]:
    return sorted(
        path for path in Path(store.config.state).glob(f"objectstore/d*/{pattern}") if "quarantined" not in path.parts
    )


def settle(workers: list[Worker]) -> None:
    """Run passes until there is nothing left to do."""
    for _ in range(5):
        passes = [worker.replicator.run() for worker in workers]
        if not any(passes):
            return
    raise AssertionError("the replicator does not come to rest")


def wipe(store: ObjectStoreFixture, name: str) -> None:
    """Replace a disk by a new empty one."""
    store.stop_host(0)
    root = store.configs[0].home / name
    root.rename(root.with_name(name + ".old"))
    Disk.format(root, name)
    store.start_host(0)


def test_a_replaced_disk_is_filled_again(store: ObjectStoreFixture, container: str, workers: list[Worker]) -> None:
    for n in range(10):
        store.client.put(f"{container}/o{n}", data=DATA[: n * 10000 + 1])
    store.client.post(f"{container}/o1", headers={"X-Object-Meta-Later": "yes"})
    store.client.delete(f"{container}/o2")
    store.drain()
    settle(workers)
    before = {p.relative_to(store.configs[0].home): p.stat().st_mtime_ns for p in files(store, "objects/*/*")}
    wipe(store, "d1")
    settle(workers)
    after = {
        p.relative_to(store.configs[0].home): p.stat().st_mtime_ns
        for p in files(store, "objects/*/*")
        if "d1.old" not in p.parts
    }
    assert before == after
    for other in ("d2", "d3"):
        (store.configs[0].home / other / MARKER).unlink()
    store.stop_host(0)
    store.start_host(0)
    assert store.client.head(f"{container}/o1").headers["X-Object-Meta-Later"] == "yes"
    assert len(store.client.get(container).data.split()) == 9


def test_handoffs_are_delivered_and_cleared(store: ObjectStoreFixture, container: str, workers: list[Worker]) -> None:
    placement = store.app.tools.cluster.rings.placement("AUTH_p1", "c", "o")
    _, own, spare = placement.hosts[0]
    store.client.get(f"{container}/o")
    marker = store.configs[0].home / own[0] / MARKER
    marker.rename(marker.with_name("away"))
    store.servers[0].host._devices[own[0]].disk._seen = 0.0
    store.client.put(f"{container}/o", data=DATA)
    held = f"objects/{placement.partition}/{placement.digest}"
    assert (store.configs[0].home / spare[0] / held).exists()
    marker.with_name("away").rename(marker)
    settle(workers)
    assert not (store.configs[0].home / spare[0] / held).exists()
    assert all((store.configs[0].home / name / held).exists() for name in own)
    assert store.client.get(f"{container}/o").data == DATA


def test_damage_is_found_and_repaired(store: ObjectStoreFixture, container: str, workers: list[Worker]) -> None:
    store.client.put(f"{container}/o", data=DATA)
    paths = [path for path in files(store, "objects/*/*") if path.stat().st_size > len(DATA)]
    stamp = paths[0].stat().st_mtime_ns
    with paths[0].open("r+b") as file:
        file.seek(300_000)
        file.write(b"rot")
    os.utime(paths[0], ns=(stamp, stamp))
    assert workers[0].auditor.run() == "1 files read, 1 damaged, 0 old tombstones removed".replace("1 files", "3 files")
    assert not paths[0].exists()
    settle(workers)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert workers[0].auditor.run() == ""


def test_old_tombstones_are_removed(store: ObjectStoreFixture, container: str, workers: list[Worker]) -> None:
    store.client.put(f"{container}/o", data=DATA)
    store.client.delete(f"{container}/o")
    assert workers[0].auditor.run() == ""
    assert len(files(store, "objects/*/*")) == 3
    tomb = next(path for path in files(store, "objects/*/*") if "d1" in path.parts or "d2" in path.parts)
    for path in files(store, "objects/*/*"):
        if path != tomb:
            path.unlink()
    later = store.app.tools.now() + 8 * 86400
    late = replace(workers[0].replicator.context, now=lambda: later)
    workers[0].replicator.context = late
    settle(workers)
    assert files(store, "objects/*/*") == [tomb]
    workers[0].auditor.now = lambda: later
    assert "1 old tombstones removed" in workers[0].auditor.run()
    assert files(store, "objects/*/*") == []
    store.client.delete(container)
    store.drain()
    assert len(files(store, "containers/*/*.db")) == 3
    later += 8 * 86400
    workers[0].auditor.run()
    assert files(store, "containers/*/*.db") == []
    assert store.client.put(container).status_code == 201


def test_listings_agree_again(store: ObjectStoreFixture, container: str, workers: list[Worker]) -> None:
    store.client.put(f"{container}/before", data=b"x")
    settle(workers)
    marker = store.configs[0].home / "d1" / MARKER
    marker.rename(marker.with_name("away"))
    store.servers[0].host._devices["d1"].disk._seen = 0.0
    for n in range(5):
        store.client.put(f"{container}/o{n}", data=b"x")
    store.client.delete(f"{container}/before")
    store.client.post(container, headers={"X-Container-Meta-A": "1"})
    store.client.put(f"{store.account}/new")
    marker.with_name("away").rename(marker)
    store.drain()
    settle(workers)
    store.drain()
    settle(workers)
    for other in ("d2", "d3", "d4"):
        device = store.configs[0].home / other / MARKER
        device.rename(device.with_name("away"))
        store.servers[0].host.device("d1")
        if other in store.servers[0].host._devices:
            store.servers[0].host._devices[other].disk._seen = 0.0
        names = store.client.get(container)
        assert names.data.decode().split() == [f"o{n}" for n in range(5)]
        assert names.headers["X-Container-Meta-A"] == "1"
        assert store.client.get(store.account).data == b"c\nnew\n"
        device.with_name("away").rename(device)


def test_expired_objects_are_deleted(store: ObjectStoreFixture, container: str, workers: list[Worker]) -> None:
    for name in ("gone", "kept", "replaced"):
        store.client.put(f"{container}/{name}", data=b"x", headers={"X-Delete-After": "100"})
    store.client.post(f"{container}/kept")
    store.client.put(f"{container}/replaced", data=b"y")
    assert workers[0].expirer.run() == ""
    later = store.app.tools.now() + 1000
    workers[0].expirer.now = lambda: later
    assert workers[0].expirer.run() == "9 expired"
    assert store.client.get(container).data == b"kept\nreplaced\n"
    assert store.client.get(f"{container}/kept").status_code == 200
    assert workers[0].expirer.run() == ""


def test_objects_expire_on_devices_of_another_policy_only(tmp_path: Path) -> None:
    store = UnpackedObjectStoreFixture(tmp_path, policies=[(StoragePolicy(1, "gold"), 2)])
    config = store.configs[0]
    builder = Builder(4, 1)
    Disk.format(config.home / "d5", "d5")
    builder.add("d5", config.storage_bind)
    builder.rebalance()
    builder.save(config.ring_directory / "object-1.ring")
    worker = Worker(config)
    try:
        container = f"{store.account}/golden"
        store.client.put(container, headers={"X-Storage-Policy": "gold"})
        assert store.client.put(f"{container}/o", data=b"x", headers={"X-Delete-After": "100"}).status_code == 201
        later = store.app.tools.now() + 1000
        worker.expirer.now = lambda: later
        assert worker.expirer.run() == "1 expired"
        assert store.client.get(container).data == b""
    finally:
        worker.stop()
        store.close()


def test_a_device_that_refuses_keeps_no_other_one_waiting(
    store: ObjectStoreFixture, container: str, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(8):
        store.client.put(f"{container}/o{n}", data=b"x", headers={"X-Delete-After": "100"})
    host, worker = store.servers[0].host, workers[0]
    device = host.device

    def refusing(name: str) -> Device:
        if name == "d1":
            raise DeviceFailed(device=name, why="it is broken")
        return device(name)

    later = store.app.tools.now() + 1000
    worker.expirer.now = lambda: later
    damaged = next(path for path in files(store, "objects/*/*") if "d1" not in path.parts)
    data = damaged.read_bytes()
    damaged.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    with monkeypatch.context() as broken:
        broken.setattr(host, "device", refusing)
        assert "1 damaged, 0 old tombstones removed, 2 devices failed" in worker.auditor.run()
        assert "expired, 1 devices failed" in worker.expirer.run()
    assert store.client.get(container).data == b""


def test_a_damaged_listing_keeps_no_other_one_waiting(
    store: ObjectStoreFixture, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(8):
        store.client.put(f"{store.account}/c{n}")
        store.client.delete(f"{store.account}/c{n}")
    while workers[0].replicator.run():
        pass  # a third replica may be on its way when two have answered
    store.stop_host(0)
    found = files(store, "containers/*/*.db")
    assert len(found) == 24
    found[0].write_bytes(b"rot")
    store.start_host(0)
    store.await_recovery()
    auditor = workers[0].auditor
    late = store.app.tools.now() + auditor.reclaim_s + 60
    auditor.now = lambda: late
    auditor.run()
    assert files(store, "containers/*/*.db") == []
