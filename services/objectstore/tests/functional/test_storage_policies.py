"""Storage policies: a container has one for life, and its objects are placed by that policy's ring."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pileus_kit.testing.callers import make_caller
from pileus_objectstore.ring.rings import POLICIES_FILE, read_policies, write_policies
from pileus_objectstore.ring.storage_policies import StoragePolicy
from pileus_objectstore.testing import ObjectStoreFixture, UnpackedObjectStoreFixture
from pileus_objectstore.wire.contract import ListingInfo
from pileus_objectstore.worker import Worker

GOLD = StoragePolicy(1, "gold", aliases=("premium",))
OLD = StoragePolicy(7, "old", deprecated=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStoreFixture]:
    fixture = UnpackedObjectStoreFixture(tmp_path, policies=[(GOLD, 2), (OLD, 1)])
    yield fixture
    fixture.close()


@pytest.fixture
def golden(store: ObjectStoreFixture) -> str:
    path = f"{store.account}/golden"
    assert store.client.put(path, headers={"X-Storage-Policy": "Premium"}).status_code == 201
    return path


def copies(store: ObjectStoreFixture, directory: str) -> int:
    return len([path for path in store.configs[0].home.glob(f"d?/{directory}/*/*") if path.suffix == ""])


def settled(store: ObjectStoreFixture, header: str, value: str) -> Mapping[str, str]:
    """The account's headers once one of them has a value: the sums of containers follow a moment later."""
    until = time.monotonic() + 30
    while (shown := store.client.head(store.account).headers).get(header) != value and time.monotonic() < until:
        store.drain()
    assert shown[header] == value
    return shown


def test_info_shows_what_a_container_can_have(store: ObjectStoreFixture) -> None:
    assert store.client.get("/info").json["swift"]["policies"] == [
        {"name": "Policy-0", "aliases": "Policy-0", "default": True},
        {"name": "gold", "aliases": "gold, premium"},
    ]


def test_a_container_keeps_its_policy(store: ObjectStoreFixture, golden: str) -> None:
    for method in (store.client.head, store.client.get):
        assert method(golden).headers["X-Storage-Policy"] == "gold"
    assert store.client.put(golden).status_code == 202
    assert store.client.put(golden, headers={"X-Storage-Policy": "gold"}).status_code == 202
    assert store.client.put(golden, headers={"X-Storage-Policy": "Policy-0"}).status_code == 409
    assert store.client.post(golden, headers={"X-Storage-Policy": "Policy-0"}).status_code == 204
    assert store.client.head(golden).headers["X-Storage-Policy"] == "gold"
    for name in ("silver", "old"):
        assert store.client.put(f"{store.account}/new", headers={"X-Storage-Policy": name}).status_code == 400
    store.client.delete(golden)
    assert store.client.put(golden).status_code == 201
    assert store.client.head(golden).headers["X-Storage-Policy"] == "Policy-0"


def test_objects_follow_their_container(store: ObjectStoreFixture, golden: str) -> None:
    store.client.put(f"{store.account}/plain")
    assert store.client.put(f"{golden}/o", data=b"gold", headers={"X-Delete-After": "1000"}).status_code == 201
    assert store.client.put(f"{store.account}/plain/o", data=b"plain").status_code == 201
    assert (copies(store, "objects"), copies(store, "objects-1")) == (3, 2)
    assert store.client.get(f"{golden}/o").data == b"gold"
    assert store.client.post(f"{golden}/o", headers={"X-Object-Meta-A": "1", "X-Delete-After": "50"}).status_code == 202
    assert store.client.head(f"{golden}/o").headers["X-Object-Meta-A"] == "1"
    copied = store.client.put(f"{store.account}/plain/copy", headers={"X-Copy-From": "/golden/o"})
    assert copied.status_code == 201
    assert copies(store, "objects") == 6
    worker = Worker(store.configs[0])
    later = store.app.tools.now() + 60
    worker.expirer.now = lambda: later
    assert "expired" in worker.expirer.run()
    worker.stop()
    assert store.client.get(golden).data == b""
    assert store.client.delete(f"{store.account}/plain/o").status_code == 204


def test_lost_and_damaged_copies_are_restored(store: ObjectStoreFixture, golden: str) -> None:
    for n in range(10):
        store.client.put(f"{golden}/o{n}", data=b"x" * n)
    store.client.post(f"{golden}/o1", headers={"X-Object-Meta-A": "1"})
    files = sorted(store.configs[0].home.glob("d?/objects-1/*/*"))
    files[0].unlink()
    damaged = next(path for path in files[1:] if not path.suffix)
    damaged.write_bytes(b"rot" + damaged.read_bytes()[3:])
    worker = Worker(store.configs[0])
    assert "1 damaged" in worker.auditor.run()
    for _ in range(3):
        worker.replicator.run()
    assert worker.replicator.run() == ""
    worker.stop()
    assert sorted(store.configs[0].home.glob("d?/objects-1/*/*")) == files


def test_an_account_counts_by_policy(store: ObjectStoreFixture, golden: str) -> None:
    store.client.put(f"{store.account}/plain")
    store.client.put(f"{store.account}/plain/o", data=b"12345")
    for name in ("a", "b"):
        store.client.put(f"{golden}/{name}", data=b"123")
    prefix = "X-Account-Storage-Policy-"
    shown = settled(store, f"{prefix}Gold-Bytes-Used", "6")
    assert {key[len(prefix) :]: value for key, value in shown.items() if key.startswith(prefix)} == {
        "Policy-0-Container-Count": "1",
        "Policy-0-Object-Count": "1",
        "Policy-0-Bytes-Used": "5",
        "Gold-Container-Count": "1",
        "Gold-Object-Count": "2",
        "Gold-Bytes-Used": "6",
    }
    listed = store.client.get(f"{store.account}?format=json").json
    assert {row["name"]: row["storage_policy"] for row in listed} == {"golden": "gold", "plain": "Policy-0"}
    for name in ("a", "b"):
        store.client.delete(f"{golden}/{name}")
    store.client.delete(golden)
    shown = settled(store, f"{prefix}Gold-Container-Count", "0")
    assert (shown[f"{prefix}Gold-Container-Count"], shown[f"{prefix}Policy-0-Bytes-Used"]) == ("0", "5")


def test_a_replica_that_replication_makes_counts_as_the_others(store: ObjectStoreFixture, golden: str) -> None:
    store.client.put(f"{golden}/o", data=b"123")
    settled(store, "X-Account-Storage-Policy-Gold-Bytes-Used", "3")
    placement = store.app.tools.cluster.rings.placement("AUTH_p1")
    first, *others = placement.hosts[0][1]

    def infos() -> dict[str, ListingInfo | None]:
        found = {}
        for name in (first, *others):
            listings = store.servers[0].host.device(name).listings
            with listings.use("account", placement.partition, placement.digest) as listing:
                found[name] = listing.info if listing else None
        return found

    before = infos()
    listings = store.servers[0].host.device(first).listings
    assert listings.remove("account", placement.partition, placement.digest, lambda info: True)
    assert infos()[first] is None
    worker = Worker(store.configs[0])
    worker.replicator.run()
    worker.stop()
    assert infos() == before


def test_a_policys_quota(store: ObjectStoreFixture, golden: str) -> None:
    reseller = store.tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
    limits = {"X-Account-Quota-Bytes-Policy-Gold": "5", "X-Account-Quota-Count-Policy-Gold": "2"}
    assert store.client.post(store.account, headers=limits).status_code == 403
    assert store.client.post(store.account, headers={next(iter(limits)): "x"}, as_=reseller).status_code == 400
    assert store.client.post(store.account, headers=limits, as_=reseller).status_code == 204
    shown = store.client.head(store.account).headers
    assert {name: shown[name] for name in limits} == limits
    refused = store.client.put(f"{golden}/o", data=b"123456")
    assert (refused.status_code, b"policy quota" in refused.data) == (413, True)
    store.client.put(f"{store.account}/plain")
    assert store.client.put(f"{store.account}/plain/o", data=b"123456").status_code == 201
    for name in ("a", "b"):
        assert store.client.put(f"{golden}/{name}", data=b"1").status_code == 201
    settled(store, "X-Account-Storage-Policy-Gold-Object-Count", "2")
    assert store.client.put(f"{golden}/c", data=b"1").status_code == 413
    removal = {"X-Remove-Account-Quota-Count-Policy-Gold": "x"}
    assert store.client.post(store.account, headers=removal, as_=reseller).status_code == 204
    assert store.client.put(f"{golden}/c", data=b"1").status_code == 201


def test_another_default(store: ObjectStoreFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pileus_objectstore.ring.rings.CHECK_S", 0.0)
    path = store.config.ring_directory / POLICIES_FILE
    write_policies(path, read_policies(path).with_default(1))
    store.app.tools.cluster.rings._loaded.clear()
    store.client.put(f"{store.account}/c")
    assert store.client.head(f"{store.account}/c").headers["X-Storage-Policy"] == "gold"
