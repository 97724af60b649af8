"""Shards on three hosts: one of them is away while a container is divided and changed, and comes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pileus_kit.errors import HostDown
from pileus_objectstore.core.replica_plans import host_replicas
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.wire.contract import ListingInfo, ListingRow, MergeReply, MergeRows, timestamp
from pileus_objectstore.wire.daemon_calls import ChangesReply, GetChanges
from pileus_objectstore.wire.shard_ranges import Shard, active
from pileus_objectstore.worker import Worker

ROOT = Shard(("AUTH_p1", "c"), "")
ROWS = 20
NAMES = [f"{group}{n:02}" for group in ("a/", "b", "é/") for n in range(20)]


@pytest.fixture
def three(tmp_path: Path) -> Iterator[ObjectStoreFixture]:
    fixture = ObjectStoreFixture(tmp_path, hosts=3, devices=2, power=2)
    yield fixture
    fixture.close()


@pytest.fixture
def workers(three: ObjectStoreFixture) -> Iterator[list[Worker]]:
    workers = [Worker(config) for config in three.configs]
    for worker in workers:
        worker.sharder.shard_rows = ROWS
    yield workers
    for worker in workers:
        worker._cluster.close()


def list_rows(store: ObjectStoreFixture, names: list[str], hosts: set[int]) -> None:
    """Give the container rows, on some hosts only."""
    cluster, now = store.app.tools.cluster, timestamp()
    rows = [ListingRow(name, now, False, 1, "e" * 32, "text/plain") for name in names]
    addresses = {store.configs[number].storage_bind for number in hosts}
    for host, replicas in host_replicas(cluster.rings.placement(*ROOT.names)):
        if replicas.devices and host in addresses:
            cluster.pool.call(host, "merge_rows", MergeRows("container", replicas, ROOT.path, rows), MergeReply)


def names_of(store: ObjectStoreFixture, query: str = "") -> list[str]:
    return store.client.get(f"{store.account}/c?{query}").data.decode().splitlines()


def states(store: ObjectStoreFixture, shard: Shard) -> list[tuple[int, int, int]]:
    """What each replica of a listing has: rows, bytes, and ranges."""
    rings, found = store.app.tools.cluster.rings, []
    placement = rings.placement(*shard.names)
    for device in rings.ring("container").devices(placement.partition):
        args = GetChanges("container", device.name, placement.partition, placement.digest, limit=0)
        info = store.app.tools.cluster.pool.call(device.host, "get_changes", args, ChangesReply)[0].info
        assert isinstance(info, ListingInfo)
        found.append((info.count, info.size, len(info.ranges)))
    return found


def leader(store: ObjectStoreFixture) -> int:
    """The host that divides the container: the one of its first replica."""
    rings = store.app.tools.cluster.rings
    first = rings.ring("container").devices(rings.placement(*ROOT.names).partition)[0]
    return [config.storage_bind for config in store.configs].index(first.host)


def test_a_host_is_away_while_a_container_is_divided(three: ObjectStoreFixture, workers: list[Worker]) -> None:
    client, path = three.client, f"{three.account}/c"
    assert client.put(path).status_code == 201
    list_rows(three, NAMES, {0, 1, 2})
    first = leader(three)
    away = (first + 1) % 3
    list_rows(three, ["c-late"], {away})  # a row that only this host knows
    three.stop_host(away)
    workers[first].sharder.run()
    assert names_of(three) == NAMES
    assert client.put(f"{path}/new", data=b"x").status_code == 201
    assert client.put(f"{path}/b05", data=b"x").status_code == 201
    assert client.delete(f"{path}/b05").status_code == 204
    expected = sorted({*NAMES, "new"} - {"b05"})
    assert names_of(three) == expected
    three.start_host(away)
    three.drain()
    for worker in (*workers, *workers):
        worker.replicator.run()
    for _ in range(2):
        for worker in workers:
            worker.sharder.run()
            worker.replicator.run()
    expected = sorted({*expected, "c-late"})
    assert names_of(three) == expected
    info = workers[first].sharder.head(ROOT)
    assert info is not None
    roots = states(three, ROOT)
    assert roots == [(0, 0, len(info.ranges))] * 3
    for found in active(info.ranges):
        shard = states(three, Shard(ROOT.root, found.shard))
        assert shard == [shard[0]] * 3
    three.drain()
    assert client.head(path).headers["X-Container-Object-Count"] == str(len(expected))
    for number in range(3):  # each host can answer alone with another one
        three.stop_host(number)
        assert names_of(three) == expected
        assert names_of(three, "reverse=true&limit=25") == expected[::-1][:25]
        three.start_host(number)


def test_nothing_is_divided_without_a_quorum_of_the_roots_replicas(
    three: ObjectStoreFixture, workers: list[Worker]
) -> None:
    assert three.client.put(f"{three.account}/c").status_code == 201
    list_rows(three, NAMES, {0, 1, 2})
    first = leader(three)
    for number in range(3):
        if number != first:
            three.stop_host(number)
    assert "left for the next pass" in workers[first].sharder.run()  # no quorum of the root's replicas
    for number in range(3):
        if number != first:
            three.start_host(number)
    assert names_of(three) == NAMES
    workers[first].sharder.run()
    assert names_of(three) == NAMES
    assert len(states(three, ROOT)) == 3 and states(three, ROOT)[0][2] >= 3


def test_a_list_that_only_a_minority_got_is_brought_to_the_others(
    three: ObjectStoreFixture, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{three.account}/c"
    assert three.client.put(path).status_code == 201
    list_rows(three, NAMES, {0, 1, 2})
    worker = workers[leader(three)]
    call = worker._pool.call
    lost: list[str] = []

    def losing(host: str, name: str, *args: Any) -> Any:
        if name == "put_ranges" and host != worker.sharder.context.address:
            lost.append(host)
            raise HostDown(host=host, why="the network is cut")
        return call(host, name, *args)

    with monkeypatch.context() as cut:
        cut.setattr(worker._pool, "call", losing)
        assert "1 left for the next pass" in worker.sharder.run()
    assert len(lost) == 2 and sorted(ranges for _, _, ranges in states(three, ROOT))[:2] == [0, 0]
    assert three.client.put(f"{path}/new", data=b"x").status_code == 201
    assert names_of(three) == sorted([*NAMES, "new"])
    worker.sharder.run()
    assert names_of(three) == sorted([*NAMES, "new"])
    assert states(three, ROOT) == [(0, 0, states(three, ROOT)[0][2])] * 3
