"""The notifier looks after many buckets: none keeps the others waiting, and those of other hosts cost little."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from s3_clients import S3, s3_store
from webhooks import Hook, notify, send, told, until

from pileus_kit.errors import Unavailable
from pileus_objectstore.core import event_queues
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.worker import Worker


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    yield server
    server.shutdown()


@pytest.fixture
def s3(tmp_path_factory: pytest.TempPathFactory, hook: Hook) -> Iterator[S3]:
    with s3_store(tmp_path_factory.mktemp("s3"), notification_targets=(f"hook={hook.url}",)) as store:
        yield store


@pytest.fixture
def bucket(s3: S3) -> str:
    s3.client().create_bucket(Bucket="bucket")
    return "bucket"


@pytest.fixture
def worker(s3: S3) -> Iterator[Worker]:
    made = Worker(replace(s3.store.configs[0], notification_targets=s3.store.config.notification_targets))
    send(s3, made)
    yield made
    made.notifier.close()
    made.tools.cluster.close()


def test_a_bucket_that_can_not_be_read_keeps_no_other_one_waiting(
    s3: S3, bucket: str, worker: Worker, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = f"a-{bucket}"
    s3.client().create_bucket(Bucket=first)
    queues = event_queues.queues

    def refusing(tools: Tools, target: Target) -> list[str]:
        if target.container == first:
            raise Unavailable(why="away")
        return queues(tools, target)

    for name in (first, bucket):
        notify(s3, name)
        s3.client().put_object(Bucket=name, Key="k", Body=b"x")
    s3.store.drain()
    with monkeypatch.context() as broken:
        broken.setattr(event_queues, "queues", refusing)
        assert "1 buckets failed" in worker.notifier.run()
        until(lambda: not worker.notifier._busy)
    assert len(hook.told) == 1
    send(s3, worker)
    assert len(hook.told) == 2


def test_buckets_of_other_hosts_are_looked_at_now_and_then(
    s3: S3, bucket: str, worker: Worker, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This host comes after the only one that has the container."""
    looked: list[str] = []
    queues = event_queues.queues
    monkeypatch.setattr(
        event_queues, "queues", lambda tools, target: (looked.append(target.container), queues(tools, target))[1]
    )
    notify(s3, bucket)
    s3.client().put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.store.drain()
    worker.notifier.context = replace(worker.notifier.context, address="198.51.100.1:6200")
    for _ in range(3):
        send(s3, worker)
    assert looked == []
    worker.notifier.now = lambda: time.time() + 61
    send(s3, worker)
    send(s3, worker)
    assert looked.count(bucket) == 1
    assert told(hook) == [("ObjectCreated:Put", "k")]
