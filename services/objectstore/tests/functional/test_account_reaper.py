"""An operator deletes an account with all that is in it."""

import dataclasses
import time
from collections.abc import Iterator

import pytest

from pileus_kit.testing import Client
from pileus_kit.testing.callers import make_caller
from pileus_objectstore.api import RESOURCES
from pileus_objectstore.api.proxy import Proxy
from pileus_objectstore.core import account_deletions, object_locks
from pileus_objectstore.core.names import Target
from pileus_objectstore.daemons import reaper
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.worker import Worker

ACCOUNT = "/v1/AUTH_p1"


@pytest.fixture
def worker(store: ObjectStoreFixture) -> Iterator[Worker]:
    worker = Worker(store.configs[0])
    yield worker
    worker.stop()


def fill(store: ObjectStoreFixture) -> None:
    for name in ("a", "b", "versioned"):
        headers = {"X-Versions-Enabled": "true"} if name == "versioned" else {}
        assert store.client.put(f"{ACCOUNT}/{name}", headers=headers).status_code == 201
        for n in range(5):
            store.client.put(f"{ACCOUNT}/{name}/o{n % 4}", data=b"x")
    store.drain()


def delete(store: ObjectStoreFixture) -> int:
    reseller = store.tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
    return store.client.delete(ACCOUNT, as_=reseller).status_code


def reaped(store: ObjectStoreFixture, worker: Worker) -> bool:
    """Run passes until the account is gone."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        worker.reaper.run()
        store.drain()
        if not list(account_deletions.INDEX.entries(worker.tools)):
            return True
    return False


def test_an_account_goes_with_all_that_is_in_it(store: ObjectStoreFixture, worker: Worker) -> None:
    fill(store)
    assert delete(store) == 204
    for answer in (
        store.client.get(ACCOUNT),
        store.client.head(ACCOUNT),
        store.client.post(ACCOUNT, headers={"X-Account-Meta-A": "1"}),
        store.client.put(f"{ACCOUNT}/new"),
    ):
        assert answer.status_code == 404
    assert delete(store) == 404
    assert reaped(store, worker)
    tools = store.app.tools
    for name in ("a", "b", "versioned"):
        assert tools.listing_cache.get(Target("AUTH_p1", name), fresh=True) is None
        assert store.client.get(f"{ACCOUNT}/{name}/o1").status_code == 404
    assert tools.listing_cache.get(Target("AUTH_p1"), fresh=True) is None
    assert worker.reaper.run() == ""
    assert store.client.put(f"{ACCOUNT}/again").status_code == 201
    assert store.client.get(ACCOUNT).data == b"again\n"


def test_an_empty_account_goes_at_once(store: ObjectStoreFixture, worker: Worker) -> None:
    store.client.post(ACCOUNT, headers={"X-Account-Meta-A": "1"})
    assert delete(store) == 204
    assert worker.reaper.run() == ""
    assert delete(store) == 404


def test_a_pass_ends_in_time(store: ObjectStoreFixture, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    delete(store)
    monkeypatch.setattr(reaper, "MAX_OBJECTS", 3)
    assert worker.reaper.run().startswith("3 objects deleted, 0 accounts gone")
    assert worker.reaper.left
    monkeypatch.undo()
    assert reaped(store, worker)


def test_what_is_locked_stays(store: ObjectStoreFixture, worker: Worker) -> None:
    store.client.put(f"{ACCOUNT}/a")
    tools = store.app.tools
    lock = {object_locks.MODE: object_locks.COMPLIANCE, object_locks.UNTIL: str(int(tools.now()) + 3600)}
    from pileus_objectstore.core.stored_objects import UNPLACED
    from pileus_objectstore.wire.contract import PutObject, timestamp

    for name, headers in (("locked", lock), ("free", {})):
        target = Target("AUTH_p1", "a", name)
        request = PutObject(UNPLACED, target.path, timestamp(tools.now()), dict(headers), 0)
        tools.cluster.put_object(target, request, lambda _: b"")
    store.drain()
    assert delete(store) == 204
    assert worker.reaper.run() == "1 objects deleted, 0 accounts gone, 1 locked, 0 failed"
    assert store.client.get(f"{ACCOUNT}/a/locked").status_code == 200
    assert not worker.reaper.left, "the next pass comes with its usual rest"


def test_a_deletion_is_delayed_and_can_be_taken_back(store: ObjectStoreFixture) -> None:
    delayed = dataclasses.replace(store.configs[0], delay_reaping_s=7200)
    proxy = Proxy(dataclasses.replace(store.app.tools, config=delayed), RESOURCES, store.app.keys)
    client = Client(proxy, as_=store.tokens.member)
    reseller = store.tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
    worker = Worker(delayed)
    try:
        fill(store)
        assert client.delete(ACCOUNT, as_=reseller).status_code == 204
        assert worker.reaper.run() == ""
        assert client.get(ACCOUNT).status_code == 404
        mark = "X-Account-Sysmeta-Deleted"
        assert client.post(ACCOUNT, headers={mark: ""}).status_code == 403
        assert client.post(ACCOUNT, headers={mark: "1"}, as_=reseller).status_code == 400
        assert store.client.post(ACCOUNT, headers={mark: ""}, as_=reseller).status_code == 404, "without a delay"
        assert client.post(ACCOUNT, headers={mark: ""}, as_=reseller).status_code == 204
        assert client.get(f"{ACCOUNT}/a/o1").data == b"x"
        assert worker.reaper.run() == ""
        assert not list(account_deletions.INDEX.entries(worker.tools)), "the reaper forgets it"
        assert client.delete(ACCOUNT, as_=reseller).status_code == 204
    finally:
        worker.stop()
    undelayed = Worker(store.configs[0])
    try:
        assert reaped(store, undelayed)
    finally:
        undelayed.stop()
    assert client.put(f"{ACCOUNT}/again").status_code == 201
