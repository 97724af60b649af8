"""What else reads and changes listings works on shards: the auditor, versions, encryption, S3 and lifecycle rules."""

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3_clients import S3, set_rules

from pileus_objectstore.agent.updater import Updater
from pileus_objectstore.core.replica_plans import host_replicas
from pileus_objectstore.core.version_names import VERSIONS
from pileus_objectstore.daemons import sharder as sharding
from pileus_objectstore.daemons.listed_rows import merge_rows
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.wire.contract import ListingRow, MergeReply, MergeRows, timestamp
from pileus_objectstore.wire.shard_ranges import Shard, active
from pileus_objectstore.worker import Worker

ROWS = 10
ROOT = Shard(("AUTH_p1", "c"), "")
NAMES = [f"{group}{n}" for group in ("a/", "b", "c/d/") for n in range(8)]


@pytest.fixture
def worker(store: ObjectStoreFixture) -> Iterator[Worker]:
    yield from new_worker(store)


def new_worker(store: ObjectStoreFixture) -> Iterator[Worker]:
    worker = Worker(store.configs[0])
    worker.sharder.shard_rows = ROWS
    worker.listing_auditor.pause = lambda seconds: None
    yield worker
    worker.stop()


def put(store: ObjectStoreFixture, container: str, *names: str) -> None:
    for name in names:
        assert store.client.put(f"{container}/{name}", data=name.encode()).status_code == 201


def shards(worker: Worker, root: Shard = ROOT) -> list[str]:
    info = worker.sharder.head(root)
    assert info is not None
    return [found.shard for found in active(info.ranges)]


def test_the_auditor_corrects_rows_of_shards(
    store: ObjectStoreFixture, container: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, container, *NAMES)
    worker.sharder.run()
    assert len(shards(worker)) >= 3
    assert worker.listing_auditor.run() == ""
    merge_rows(worker.sharder.context, ROOT, [ListingRow("phantom", timestamp(), False, 5, "e" * 32, "text/x")])
    with monkeypatch.context() as deaf:
        deaf.setattr(Updater, "update_listings", lambda *_: None)
        put(store, container, "untold")
        assert store.client.delete(f"{container}/a/3").status_code == 204
    assert worker.listing_auditor.run() == "3 rows corrected, 0 partitions left out"
    listed = store.client.get(container).data.decode().splitlines()
    assert listed == sorted({*NAMES, "untold"} - {"a/3"})
    assert worker.listing_auditor.run() == ""


def test_a_container_of_versions_is_divided(store: ObjectStoreFixture, container: str, worker: Worker) -> None:
    assert store.client.post(container, headers={"X-Versions-Enabled": "true"}).status_code == 204
    for _ in range(2):
        put(store, container, *NAMES[:9])
    assert store.client.delete(f"{container}/b0").status_code == 204
    queries = ("versions&format=json", "versions&format=json&limit=7&marker=a/3", "versions&format=json&delimiter=/")
    before = [store.client.get(f"{container}?{query}").json for query in queries]
    assert worker.sharder.run() != ""
    assert len(shards(worker, Shard(("AUTH_p1", f"{VERSIONS}c"), ""))) >= 3
    assert [store.client.get(f"{container}?{query}").json for query in queries] == before
    put(store, container, NAMES[0])
    kept = store.client.get(f"{container}?versions&format=json&prefix={NAMES[0]}").json
    assert len(kept) == 3 and kept[0]["is_latest"]
    assert store.client.delete(container).status_code == 409


def test_encrypted_rows_are_clear_in_shards(tmp_path: Path) -> None:
    store = ObjectStoreFixture(tmp_path, encryption=True)
    path = f"{store.account}/c"
    assert store.client.put(path).status_code == 201
    put(store, path, *NAMES)
    before = store.client.get(f"{path}?format=json").json
    for worker in new_worker(store):
        assert worker.sharder.run() != ""
        assert len(shards(worker)) >= 3
    assert store.client.get(f"{path}?format=json").json == before
    store.close()


def test_a_superfluous_shard_passes_rows_on_and_ends(store: ObjectStoreFixture, container: str, worker: Worker) -> None:
    put(store, container, *NAMES)
    worker.sharder.run()
    old = Shard(ROOT.root, shards(worker)[-1])
    more = [f"c/e/{n}" for n in range(ROWS)]
    put(store, container, *more)
    store.drain()
    worker.sharder.run()
    assert old.name not in shards(worker)
    pool = store.app.tools.cluster.pool

    def send_late(name: str) -> int:
        """A row that its sender knew to belong to the shard before that was divided."""
        placement = store.app.tools.cluster.rings.placement(*old.names)
        rows = [ListingRow(name, timestamp(), False, 1, "e" * 32, "text/plain")]
        replies = [
            pool.call(host, "merge_rows", MergeRows("container", replicas, old.path, rows), MergeReply)[0]
            for host, replicas in host_replicas(placement)
        ]
        return sum(len(reply.devices) for reply in replies)

    assert send_late("late") == 3
    assert "1 listings" not in worker.sharder.run()
    assert store.client.get(container).data.decode().splitlines() == sorted([*NAMES, *more, "late"])
    later = dataclasses.replace(worker.sharder.context, now=lambda: time.time() + sharding.SUPERFLUOUS_S + 1)
    sharding.Sharder(later, worker._cluster, ROWS).run()
    info = worker.sharder.head(old)
    assert info is not None and not info.live
    assert send_late("too late") == 0  # so the sender keeps it, and asks the container again
    assert all(head.live for name in shards(worker) if (head := worker.sharder.head(Shard(ROOT.root, name))))
    assert store.client.get(container).data.decode().splitlines() == sorted([*NAMES, *more, "late"])


def test_no_client_can_name_a_shard(store: ObjectStoreFixture, container: str, worker: Worker) -> None:
    put(store, container, *NAMES)
    worker.sharder.run()
    name = shards(worker)[0]
    hidden = f"/v1/%00shards%00AUTH_p1/c%00{name}"
    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        assert store.client.request(method, hidden).status_code == 412
    assert store.client.get(store.account).data == b"c\n"


def test_s3_and_lifecycle_rules(s3: S3, bucket: str) -> None:
    boto = s3.client()
    for name in (*NAMES, "keep"):
        boto.put_object(Bucket=bucket, Key=name, Body=b"x")

    def keys() -> list[str]:
        pages = boto.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 7})
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def groups() -> list[str]:
        found = boto.list_objects_v2(Bucket=bucket, Delimiter="/")
        return [one["Prefix"] for one in found["CommonPrefixes"]] + [one["Key"] for one in found["Contents"]]

    before = keys(), groups()
    for worker in new_worker(s3.store):
        assert worker.sharder.run() != ""
        assert (keys(), groups()) == before
        set_rules(s3, bucket, {"ID": "a", "Filter": {"Prefix": "a/"}, "Status": "Enabled", "Expiration": {"Days": 1}})
        worker.lifecycle.now = lambda: time.time() + 3 * 86400
        worker.lifecycle.run()
        assert keys() == [name for name in sorted([*NAMES, "keep"]) if not name.startswith("a/")]
