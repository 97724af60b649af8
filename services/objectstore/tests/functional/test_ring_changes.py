"""The ring changes while the cluster holds data: everything stays readable, and moves to where it belongs."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_objectstore.ring import builder as builders
from pileus_objectstore.ring import rings
from pileus_objectstore.ring.builder import Builder
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.testing import ObjectStoreFixture, UnpackedObjectStoreFixture
from pileus_objectstore.worker import Worker

UNPACKED = True

NAMES = [f"o{n}" for n in range(40)]


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStoreFixture]:
    monkeypatch.setattr(rings, "CHECK_S", 0.0)
    monkeypatch.setattr(builders, "MIN_PART_HOURS", -1)
    fixture = UnpackedObjectStoreFixture(tmp_path, hosts=3, devices=2)
    fixture.client.put(f"{fixture.account}/c")
    for name in NAMES:
        fixture.client.put(f"{fixture.account}/c/{name}", data=name.encode() * 1000)
    yield fixture
    fixture.close()


def redraw(store: ObjectStoreFixture, act) -> int:  # type: ignore[no-untyped-def]
    moved = 0
    for kind in rings.KINDS:
        builder = Builder.load(store.config.ring_directory / f"{kind}.ring")
        act(builder)
        moved += builder.rebalance()
        for config in (store.config, *store.configs):
            builder.save(config.ring_directory / f"{kind}.ring")
    return moved


def check(store: ObjectStoreFixture) -> None:
    for name in NAMES:
        assert store.client.get(f"{store.account}/c/{name}").data == name.encode() * 1000
    assert store.client.get(f"{store.account}/c").data.decode().split() == sorted(NAMES)


def settle(store: ObjectStoreFixture) -> None:
    workers = [Worker(config) for config in store.configs]
    for _ in range(6):
        passes = [worker.replicator.run() for worker in workers]
        if not any(passes):
            break
    else:
        raise AssertionError(f"the replicators do not come to rest: {passes}")
    for worker in workers:
        worker.stop()


def misplaced(store: ObjectStoreFixture) -> list[tuple[str, str]]:
    """Replicas that are missing where they belong, or are where they don't belong."""
    wrong = []
    for name in NAMES:
        placement = store.app.tools.cluster.rings.placement("AUTH_p1", "c", name)
        wanted = {(host, device) for host, own, _ in placement.hosts for device in own}
        for config in store.configs:
            for path in config.home.glob(f"d*/objects/{placement.partition}/{placement.digest}"):
                here = (config.storage_bind, path.relative_to(config.home).parts[0])
                if here in wanted:
                    wanted.remove(here)
                else:
                    wrong.append((name, f"also on {here}"))
        wrong += [(name, f"not on {here}") for here in wanted]
    return wrong


def test_a_new_device(three: ObjectStoreFixture) -> None:
    config = three.configs[0]
    Disk.format(config.home / "d3", "d3")
    assert redraw(three, lambda builder: builder.add("d3", config.storage_bind, zone=0)) > 0
    check(three)
    settle(three)
    assert misplaced(three) == []
    check(three)


def test_a_device_is_emptied(three: ObjectStoreFixture) -> None:
    assert redraw(three, lambda builder: builder.set_weight(1, 0)) > 0
    check(three)
    settle(three)
    assert misplaced(three) == []
    check(three)
    assert not list(three.configs[0].home.glob("d2/objects/*/*"))
    assert not list(three.configs[0].home.glob("d2/*s/*/*.db"))


def test_handoffs_in_use_stay_for_the_next_pass(three: ObjectStoreFixture) -> None:
    """A listing that is being read stays where it is; the pass reports it, and the next one removes it."""
    path = next(three.configs[0].home.glob("d*/accounts/*/*.db"))
    left = path.parents[2]
    redraw(three, lambda builder: builder.set_weight({"d1": 0, "d2": 1}[left.name], 0))
    worker = Worker(three.configs[0])
    with three.servers[0].host.device(left.name).listings.use("account", int(path.parent.name), path.stem):
        for _ in range(3):
            did = worker.replicator.run()
        assert did.endswith("0 handoffs removed, 1 left for the next pass")
    worker.stop()
    settle(three)
    assert not list(left.glob("*s/*/*.db"))


def test_a_pass_reports_devices_that_could_not_be_asked(three: ObjectStoreFixture) -> None:
    three.stop_host(0)
    worker = Worker(three.configs[0])
    assert worker.replicator.run() == "0 sent, 0 handoffs removed, 6 left for the next pass"
    worker.stop()
    three.start_host(0)


def test_a_hosts_port_stays_its_own(three: ObjectStoreFixture) -> None:
    """A stopped host's port stays reserved, or a server of another test could answer there."""
    three.stop_host(0)
    name, _, port = three.configs[0].storage_bind.rpartition(":")
    with socket.socket() as other, pytest.raises(OSError):
        other.bind((name, int(port)))
    three.start_host(0)
    check(three)


def test_writes_while_it_moves(three: ObjectStoreFixture) -> None:
    """Old places hold old versions when new ones are written to new places: the newest wins, and the old ones are
    removed.
    """
    redraw(three, lambda builder: builder.set_weight(1, 0))
    for name in NAMES[:10]:
        three.client.put(f"{three.account}/c/{name}", data=b"new")
    for name in NAMES[10:20]:
        assert three.client.delete(f"{three.account}/c/{name}").status_code == 204
    settle(three)
    assert misplaced(three) == []
    for name in NAMES[:10]:
        assert three.client.get(f"{three.account}/c/{name}").data == b"new"
    for name in NAMES[10:20]:
        assert three.client.get(f"{three.account}/c/{name}").status_code == 404
