"""The sharder dies before every write that it makes: no row is lost, or shown twice, at any moment."""

from collections.abc import Iterator

import pytest

from pileus_objectstore.core.replica_plans import host_replicas
from pileus_objectstore.daemons.sharder import Sharder
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.wire.client import Pool
from pileus_objectstore.wire.contract import ListingRow, MergeReply, MergeRows, timestamp
from pileus_objectstore.wire.shard_ranges import Shard, active
from pileus_objectstore.worker import Worker

WRITES = ("put_ranges", "put_listing", "merge_rows", "drop_rows", "delete_listing")
NAMES = [f"{group}{n}" for group in ("a/", "b", "é/") for n in range(5)]
MAX_ROWS = 7


class Killed(BaseException):
    """Ends the sharder, whatever it catches."""


class Deadline:
    """Kills whoever uses a pool before its n-th write."""

    def __init__(self, pool: Pool, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes = 0
        call = pool.call

        def counted(host: str, name: str, *args: object) -> object:
            self.writes += name in WRITES
            if name in WRITES and self.writes == at:
                raise Killed
            return call(host, name, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(pool, "call", counted)


@pytest.fixture
def worker(store: ObjectStoreFixture) -> Iterator[Worker]:
    worker = Worker(store.configs[0])
    yield worker
    worker._cluster.close()


def new_sharder(worker: Worker) -> Sharder:
    """The sharder of a new process: it knows nothing of what an earlier one did."""
    return Sharder(worker.sharder.context, worker._cluster, MAX_ROWS)


def list_rows(store: ObjectStoreFixture, container: str, names: list[str]) -> None:
    cluster, now = store.app.tools.cluster, timestamp()
    rows = [ListingRow(name, now, False, 1, "e" * 32, "text/plain") for name in names]
    for host, replicas in host_replicas(cluster.rings.placement("AUTH_p1", container)):
        merge = MergeRows("container", replicas, f"/AUTH_p1/{container}", rows)
        cluster.pool.call(host, "merge_rows", merge, MergeReply)


def names_of(store: ObjectStoreFixture, container: str) -> list[str]:
    return store.client.get(f"{store.account}/{container}").data.decode().splitlines()


def test_a_kill_at_every_write(store: ObjectStoreFixture, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    at, killed = 0, True
    while killed:
        at += 1
        name = f"c{at}"
        path = f"{store.account}/{name}"
        assert store.client.put(path).status_code == 201
        list_rows(store, name, NAMES)
        with monkeypatch.context() as patches:
            deadline = Deadline(worker._pool, at, patches)
            try:
                new_sharder(worker).divide(Shard(("AUTH_p1", name), ""), MAX_ROWS)
                killed = False
            except Killed:
                pass
        assert names_of(store, name) == sorted(NAMES), (at, deadline.writes)
        assert store.client.put(f"{path}/new", data=b"x").status_code == 201
        assert store.client.put(f"{path}/a/1", data=b"longer").status_code == 201
        assert store.client.delete(f"{path}/a/1").status_code == 204
        expected = sorted({*NAMES, "new"} - {"a/1"})
        assert names_of(store, name) == expected, (at, deadline.writes)
        sharder = new_sharder(worker)
        sharder.divide(Shard(("AUTH_p1", name), ""), MAX_ROWS)
        assert names_of(store, name) == expected, (at, deadline.writes)
        info = sharder.head(Shard(("AUTH_p1", name), ""))
        assert info is not None and len(active(info.ranges)) == len(info.ranges) >= 3
        assert info.count == 0  # nothing is left in the root
        store.drain()
        assert store.client.head(path).headers["X-Container-Object-Count"] == str(len(expected))
    assert at > 25
