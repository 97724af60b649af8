"""Machines come to the object store and go; the ring keeper goes on where a rebalance had to wait."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import SecuredObjectStore

from pileus_kit.errors import HostDown
from pileus_objectstore import manage
from pileus_objectstore.core import ring_hosts
from pileus_objectstore.core.encryption import root_secrets
from pileus_objectstore.core.encryption.root_secrets import RootSecrets
from pileus_objectstore.daemons import ring_keeper
from pileus_objectstore.daemons.ring_keeper import RingKeeper
from pileus_objectstore.errors import RingRefused
from pileus_objectstore.ring import rings
from pileus_objectstore.ring.builder import Builder
from pileus_objectstore.ring.ring_files import RingFiles
from pileus_objectstore.ring.rings import KINDS, Rings
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.worker import Worker

ONE, TWO, THREE = "10.0.0.1:6200", "10.0.0.2:6200", "10.0.0.3:6200"
DEVICES = ("d1", "d2", "d3", "d4")
NAMES = [f"o{number}" for number in range(12)]


@pytest.fixture
def files(tmp_path: Path) -> RingFiles:
    """The rings of a machine that is alone: each of its devices is a zone."""
    made = RingFiles(tmp_path / "rings")
    for kind in KINDS:
        builder = Builder(6)
        for zone, name in enumerate(DEVICES, 1):
            builder.add(name, ONE, zone=zone)
        builder.rebalance(now=1)  # long ago
        made.create(kind, builder)
    return made


def places(files: RingFiles, kind: str = "object") -> dict[str, tuple[set[int], int]]:
    """{host: (its zones, replicas that it should hold)}."""
    ring = files.load(kind)
    held, found = ring.held(), dict[str, tuple[set[int], int]]()
    for device in ring.devices:
        if device:
            zones, count = found.get(device.host, (set(), 0))
            found[device.host] = zones | {device.zone}, count + held.get(device.id, 0)
    return found


def test_each_machine_is_a_zone(files: RingFiles) -> None:
    assert ring_hosts.enter(files, TWO, DEVICES)
    found = places(files)
    assert found[ONE][0] == {1} and found[TWO][0] == {2} and found[TWO][1] == 64
    assert ring_hosts.enter(files, TWO, DEVICES) == [], "entering again changes nothing"
    ring_hosts.enter(files, THREE, DEVICES)
    assert places(files)[THREE][0] == {3}
    assert files.load("object").unfinished, "what moved may not move again within the hour"
    files.change(lambda ring: ring.rebalance(rested=True))
    files.change(lambda ring: ring.rebalance(rested=True))
    assert not files.load("object").unfinished
    assert {count for _, count in places(files).values()} == {64}
    assert files.load("object").dispersion() == 0


def test_zones_that_an_operator_has_made_stay(files: RingFiles) -> None:
    files.change(lambda ring: [ring.place(number, zone=7 + number // 2) for number in range(4)])
    ring_hosts.enter(files, TWO, DEVICES)
    assert places(files)[ONE][0] == {7, 8} and places(files)[TWO][0] == {1}


def test_a_machine_is_emptied_resumed_and_forgotten(files: RingFiles) -> None:
    ring_hosts.enter(files, TWO, DEVICES)
    ring_hosts.set_weight(files, TWO, 0.0)
    files.change(lambda ring: ring.rebalance(rested=True))
    assert places(files)[TWO][1] == 0
    ring_hosts.set_weight(files, TWO, ring_hosts.WEIGHT)
    files.change(lambda ring: ring.rebalance(rested=True))
    assert places(files)[TWO][1] > 0
    assert ring_hosts.leave(files, TWO) and TWO not in places(files)
    assert ring_hosts.leave(files, TWO) == []
    with pytest.raises(RingRefused, match="no ring names"):
        ring_hosts.set_weight(files, TWO, 0.0)


def test_a_machine_gets_another_address(files: RingFiles) -> None:
    before = places(files)[ONE]
    assert ring_hosts.rename(files, ONE, TWO)
    assert places(files) == {TWO: before}
    assert not ring_hosts.rename(files, ONE, TWO)


# -- with real servers -------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecuredObjectStore]:
    monkeypatch.setattr(rings, "CHECK_S", 0.0)
    made = SecuredObjectStore(tmp_path)
    made.client.put(f"{made.account}/c")
    for name in NAMES:
        made.client.put(f"{made.account}/c/{name}", data=name.encode() * 2000)
    yield made
    made.close()


def test_the_keeper_waits_for_the_replicators(store: SecuredObjectStore) -> None:
    """A drained machine is empty once all have said that nothing is left to be done; objects stay readable."""
    workers = [Worker(config) for config in store.configs]
    first, second = store.configs
    files, pool = RingFiles(first.ring_directory), store.app.tools.cluster.pool
    keeper = RingKeeper(Rings(first.ring_directory), files, pool, margin_s=0.0)
    host = second.storage_bind
    try:
        ring_hosts.set_weight(files, host, 0.0)
        assert keeper.run() == "", "nobody has told yet that its replicators are done"
        for _ in range(12):
            for worker in workers:
                worker.ring_exchange.run()
            for worker in workers:
                report(worker)
            keeper.run()
            if not ring_hosts.held_partitions(Rings(first.ring_directory), pool, host):
                break
        assert ring_hosts.held_partitions(Rings(first.ring_directory), pool, host) == 0
        RingFiles(store.config.ring_directory).take("object.ring", files.data("object.ring"))
        for name in NAMES:
            assert store.client.get(f"{store.account}/c/{name}").data == name.encode() * 2000
    finally:
        for worker in workers:
            worker.stop()


def report(worker: Worker) -> None:
    """Let the replicators make a pass, and write down what came of it."""
    for daemon in worker.runner.daemons:
        if daemon.name in ring_keeper.WATCHED:
            worker.runner.make_pass(daemon)


def test_root_secrets_reach_the_machines_that_keep_objects(store: SecuredObjectStore) -> None:
    workers = [Worker(config) for config in store.configs]
    try:
        made = root_secrets.add(store.configs[0].root_secrets)
        workers[1].ring_exchange.run()
        assert RootSecrets(store.configs[1].root_secrets).find(made)
        other = root_secrets.add(store.configs[1].root_secrets)
        workers[0].ring_exchange.run()
        known = RootSecrets(store.configs[0].root_secrets)
        assert known.find(made) and known.find(other) and known.active().id == other
        assert store.configs[0].root_secrets.stat().st_mode & 0o777 == 0o600
    finally:
        for worker in workers:
            worker.stop()


def test_the_commands_of_a_deployment(
    store: SecuredObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = store.configs
    config = write_config(tmp_path / "first.conf", first)
    assert manage.main(["--config", config, "holds", second.storage_bind]) == 0
    assert int(capsys.readouterr().out) > 0
    assert manage.main(["--config", config, "drain", second.storage_bind]) == 0
    assert manage.main(["--config", config, "resume", second.storage_bind]) == 0
    assert manage.main(["--config", config, "drain", "10.9.9.9:6200"]) == 1
    assert "no ring names" in capsys.readouterr().err
    assert manage.main(["--config", config, "refuse", store.serials[1]]) == 0
    with pytest.raises(HostDown):
        second_pool = Worker(second)
        try:
            second_pool.ring_exchange.pool.call(first.storage_bind, "x", None, dict)  # type: ignore[arg-type]
        finally:
            second_pool.stop()
    assert manage.main(["--config", config, "leave", second.storage_bind]) == 0
    assert second.storage_bind not in places(RingFiles(first.ring_directory))


def test_a_machine_that_joins_enters_the_rings(store: SecuredObjectStore, tmp_path: Path) -> None:
    first, second = store.configs
    ring_hosts.leave(RingFiles(first.ring_directory), second.storage_bind)
    for path in second.ring_directory.iterdir():
        path.unlink()
    Disk.format(second.home / "d9", "d9")
    config = write_config(tmp_path / "second.conf", second, ring_hosts=first.storage_bind)
    assert manage.main(["--config", config, "enter"]) == 0
    mine = RingFiles(second.ring_directory)
    assert ring_hosts.are_known(mine, second.storage_bind, [*DEVICES, "d9"])
    assert mine.states() == RingFiles(first.ring_directory).states()
    store.stop_host(0)
    assert manage.main(["--config", config, "enter"]) == 0, "it needs nobody the next time"
    store.start_host(0)


def write_config(file: Path, config: object, **more: str) -> str:
    names = ("state", "storage_bind", "storage_local", "storage_tls", "cluster_key")
    values = {name: getattr(config, name) for name in names} | more
    file.write_text("[DEFAULT]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()))
    return str(file)
