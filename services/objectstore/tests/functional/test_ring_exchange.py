"""Operators change rings at one place, and the hosts bring the change to each other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_objectstore.config import Config
from pileus_objectstore.ring import rings
from pileus_objectstore.ring.builder import Builder
from pileus_objectstore.ring.ring_files import RingFiles
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.worker import Worker

PATH = "/operations/rings"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStoreFixture]:
    monkeypatch.setattr(rings, "CHECK_S", 0.0)
    fixture = ObjectStoreFixture(tmp_path, hosts=3, devices=1)
    fixture.client.put(f"{fixture.account}/c")
    yield fixture
    fixture.close()


def change(store: ObjectStoreFixture, action: str, status: int = 200, **values: object) -> object:
    answer = store.client.post(PATH, as_=store.tokens.admin, json={"action": action, **values})
    assert answer.status_code == status, answer.data
    return answer.json["done"] if status == 200 else answer.data.decode()


def exchange(*configs: Config) -> list[str]:
    """One pass of each host; what was done."""
    done = []
    for config in configs:
        worker = Worker(config)
        done.append(worker.ring_exchange.run())
        worker.stop()
    return [text for text in done if text]


def files(config: Config) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in config.ring_directory.glob("[a-z]*")}


def test_operators_see_the_rings(store: ObjectStoreFixture) -> None:
    assert store.client.get(PATH).status_code == 403
    assert store.client.put(PATH, as_=store.tokens.admin).status_code == 405
    assert store.client.get("/operations/other", as_=store.tokens.admin).status_code == 404
    shown = store.client.get(PATH, as_=store.tokens.admin).json
    assert [(ring["name"], ring["replicas"], ring["balance"]) for ring in shown["rings"]] == [
        ("account", 3, 0.0),
        ("container", 3, 0.0),
        ("object", 3, 0.0),
    ]
    assert {device["holds"] for device in shown["rings"][0]["devices"]} == {16}


def test_a_change_reaches_all_hosts(store: ObjectStoreFixture) -> None:
    fourth = store.configs[2]
    Disk.format(fourth.home / "d2", "d2")
    assert change(store, "add", name="d2", host=fourth.storage_bind, zone=9) == [
        "account: device 3",
        "container: device 3",
        "object: device 3",
    ]
    assert change(store, "add_policy", name="gold", replicas=2, aliases=["best"]) == ["gold: policy 1"]
    for _ in range(3):
        exchange(store.config, *store.configs)
    assert all(files(config) == files(store.config) for config in store.configs)
    assert exchange(store.config, *store.configs) == []
    assert store.client.put(f"{store.account}/g", headers={"X-Storage-Policy": "best"}).status_code == 201
    assert store.client.put(f"{store.account}/g/o", data=b"gold").status_code == 201
    assert store.client.get(f"{store.account}/g/o").data == b"gold"
    assert change(store, "default_policy", name="gold") == ["gold is the default"]
    assert change(store, "deprecate_policy", name="Policy-0") == ["Policy-0 is deprecated"]
    assert store.client.get("/info").json["swift"]["policies"] == [
        {"name": "gold", "aliases": "gold, best", "default": True}
    ]


def test_an_operator_adds_a_policy_with_an_erasure_code(store: ObjectStoreFixture) -> None:
    assert change(store, "add_policy", name="coded", data=2, parity=1) == ["coded: policy 1"]
    for _ in range(3):
        exchange(store.config, *store.configs)
    store.client.put(f"{store.account}/e", headers={"X-Storage-Policy": "coded"})
    assert store.client.put(f"{store.account}/e/o", data=b"x" * 200_000).status_code == 201
    assert store.client.get(f"{store.account}/e/o").data == b"x" * 200_000
    assert len(list(Path(store.config.state).glob("host*/objectstore/d1/objects-10001/*/*"))) == 3


def test_a_host_that_was_away_catches_up(store: ObjectStoreFixture) -> None:
    store.stop_host(1)
    change(store, "weight", device=f"{store.configs[0].storage_bind}/d1", weight=50)
    change(store, "rebalance")
    exchange(store.config, store.configs[0], store.configs[2])
    assert files(store.configs[1]) != files(store.config)
    store.start_host(1)
    assert exchange(store.configs[1])
    assert files(store.configs[1]) == files(store.config)


def test_a_new_host_asks_for_the_rings(store: ObjectStoreFixture, tmp_path: Path) -> None:
    new = Config(
        state=str(tmp_path / "new"), cluster_key=store.config.key(), ring_hosts=(store.configs[0].storage_bind,)
    )
    assert exchange(new)
    assert files(new) == files(store.configs[0])


def test_what_is_damaged_or_foreign_is_not_taken(store: ObjectStoreFixture, tmp_path: Path) -> None:
    mine = RingFiles(store.configs[0].ring_directory)
    good = files(store.configs[0])
    foreign = Builder(4, 3)
    for number in range(3):
        foreign.add("d1", f"10.0.0.{number}:1")
    for _ in range(5):
        foreign.rebalance()
    foreign.save(store.configs[1].ring_directory / "object.ring")
    (store.configs[1].ring_directory / "account.ring").write_bytes(b"rot")
    for _ in range(2):
        exchange(*store.configs)
    assert files(store.configs[0]) == good
    assert files(store.configs[1])["account.ring"] == good["account.ring"], "the damaged file was replaced"
    with pytest.raises(Exception, match="is damaged"):
        mine.take("object.ring", good["object.ring"].replace(b'"version":1', b'"version":9'))
    with pytest.raises(Exception, match="another cluster"):
        mine.take("object.ring", files(store.configs[1])["object.ring"])
    with pytest.raises(Exception, match="there is no file"):
        mine.take("../cluster.key", b"x")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"action": "fly"}, "not a change of rings"),
        ({"action": "add", "name": "../d", "host": "10.0.0.1:1"}, "can't be the name"),
        ({"action": "add", "name": "d", "host": "somewhere"}, "not an address and port"),
        ({"action": "add", "name": "d1", "host": "10.0.0.1:1", "weight": -1}, "a weight is"),
        ({"action": "weight", "device": "77", "weight": 1}, "there is no device 77"),
        ({"action": "rebalance", "rings": ["moon"]}, "there is no ring moon"),
        ({"action": "overload", "factor": -1}, "overload is from 0"),
        ({"action": "add_policy", "name": "no name"}, "is not a policy"),
        ({"action": "add_policy", "name": "policy-0"}, "already"),
        ({"action": "add_policy", "name": "wide", "replicas": 9}, "9 replicas need as many devices"),
        ({"action": "add_policy", "name": "coded", "data": 2, "parity": 2}, "4 replicas need as many devices"),
        ({"action": "add_policy", "name": "coded", "data": 2}, "data and parity fragments"),
        ({"action": "default_policy", "name": "none"}, "there is no storage policy none"),
        ({"action": "deprecate_policy", "name": "Policy-0"}, "it's the default|is the default"),
    ],
)
def test_refusals(store: ObjectStoreFixture, body: dict[str, object], why: str) -> None:
    before = files(store.config)
    answer = store.client.post(PATH, as_=store.tokens.admin, json=body)
    assert answer.status_code == 400
    assert any(part in answer.data.decode() for part in why.split("|")), answer.data
    assert files(store.config) == before
    assert store.client.post(PATH, json=body).status_code == 403
