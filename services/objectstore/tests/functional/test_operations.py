"""What operators ask of the cluster: how its hosts are, and whether all copies are where they belong."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_objectstore.ring.storage_policies import StoragePolicy
from pileus_objectstore.testing import ObjectStoreFixture, UnpackedObjectStoreFixture
from pileus_objectstore.worker import Worker

HOSTS, DISPERSION = "/operations/hosts", "/operations/dispersion"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStoreFixture]:
    fixture = UnpackedObjectStoreFixture(tmp_path, hosts=3, devices=2, policies=[(StoragePolicy(1, "gold"), 2)])
    yield fixture
    fixture.close()


def get(store: ObjectStoreFixture, path: str) -> dict:  # type: ignore[type-arg]
    answer = store.client.get(path, as_=store.tokens.admin)
    assert answer.status_code == 200, answer.data
    return answer.json  # type: ignore[no-any-return]


def test_hosts_tell_how_they_are(store: ObjectStoreFixture) -> None:
    config = store.configs[0]
    (config.home / "d1" / "quarantined" / "objects").mkdir(parents=True)
    (config.home / "d1" / "quarantined" / "objects" / "x.1").write_bytes(b"rot")
    (config.home / "d2" / ".device").unlink()
    worker = Worker(config)
    worker.runner._report(worker.runner.daemons[0], 1.5, "3 sent")
    worker.stop()
    store.stop_host(2)
    hosts = get(store, HOSTS)["hosts"]
    mine = hosts[config.storage_bind]
    assert [(d["device"], d["mounted"], d["avail"] > 0) for d in mine["diskusage"]] == [
        ("d1", True, True),
        ("d2", False, False),
    ]
    assert (mine["unmounted"], mine["quarantined"], mine["async_pending"]) == (["d2"], {"objects": 1}, 0)
    ring = config.ring_directory / "object-1.ring"
    assert mine["ringmd5"][ring.name] == hashlib.md5(ring.read_bytes()).hexdigest()
    assert (mine["daemons"]["replicator"]["took"], mine["daemons"]["replicator"]["did"]) == (1.5, "3 sent")
    assert "does not answer" in hosts[store.configs[2].storage_bind]
    store.start_host(2)
    assert store.client.get(HOSTS).status_code == 403


@pytest.mark.parametrize(("policy", "copies"), [("", 3), ("gold", 2)])
def test_the_dispersion_report(store: ObjectStoreFixture, policy: str, copies: int) -> None:
    query = f"?coverage=50&policy={policy}"
    made = store.client.post(f"{DISPERSION}{query}", as_=store.tokens.admin)
    assert made.json == {"container": 8, "object": 8}
    assert store.client.post(f"{DISPERSION}{query}", as_=store.tokens.admin).json == made.json
    found = get(store, f"{DISPERSION}?policy={policy}")
    assert found["object"] == {
        "copies_expected": 8 * copies,
        "copies_found": 8 * copies,
        "pct_found": 100.0,
        "missing": {"0": 8},
    }
    assert (found["container"]["copies_expected"], found["container"]["pct_found"]) == (24, 100.0)
    directory = "objects-1" if policy else "objects"
    for path in store.configs[0].home.glob(f"d?/{directory}/*/*"):
        path.unlink()
    found = get(store, f"{DISPERSION}?policy={policy}")["object"]
    assert found["pct_found"] < 100
    assert found["copies_expected"] - found["copies_found"] == sum(
        int(missing) * names for missing, names in found["missing"].items()
    )


def test_refusals(store: ObjectStoreFixture) -> None:
    assert store.client.post(DISPERSION).status_code == 403
    for query in ("coverage=0", "coverage=much", "coverage=101", "policy=none"):
        assert store.client.post(f"{DISPERSION}?{query}", as_=store.tokens.admin).status_code == 400
