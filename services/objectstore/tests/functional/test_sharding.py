"""A container with many rows is divided into shards, and its clients see the same listing as before."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from pileus_objectstore import manage
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.replica_plans import host_replicas
from pileus_objectstore.daemons.listed_rows import merge_rows
from pileus_objectstore.daemons.sharder import Sharder
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.wire.contract import ListingReply, ListingRow, MergeReply, MergeRows, timestamp
from pileus_objectstore.wire.shard_ranges import Shard, active, is_complete
from pileus_objectstore.worker import Worker

ROWS = 40
ROOT = Shard(("AUTH_p1", "c"), "")
GROUPS = ["", "a/", "a/b/", "b/", "b/c/", "é/", "z", "\U00010000/", "\U0010ffff/", "\ud7ff/", "\ue000/"]
NAMES = sorted({f"{group}{n:02}" for group in GROUPS for n in range(18)} | {"a", "a/", "b", "c//", "c//x", "zz"})


@pytest.fixture
def sharder(store: ObjectStoreFixture) -> Iterator[Sharder]:
    worker = Worker(store.configs[0])
    worker.sharder.shard_rows = ROWS
    yield worker.sharder
    worker._cluster.close()


def names_of(store: ObjectStoreFixture, container: str, query: str = "") -> list[str]:
    return store.client.get(f"{container}?{query}").data.decode().splitlines()


def put(store: ObjectStoreFixture, container: str, *names: str) -> None:
    for name in names:
        assert store.client.put(f"{container}/{quote(name)}", data=name.encode()).status_code == 201


def counted(store: ObjectStoreFixture, container: str) -> tuple[int, int]:
    head = store.client.head(container).headers
    return int(head["X-Container-Object-Count"]), int(head["X-Container-Bytes-Used"])


def shards(sharder: Sharder) -> int:
    info = sharder.head(ROOT)
    assert info is not None and is_complete(info.ranges)
    return len(active(info.ranges))


def list_rows(store: ObjectStoreFixture, names: Sequence[str], container: str = "c") -> None:
    """Give a container rows, as PUTs of objects would."""
    cluster, now = store.app.tools.cluster, timestamp()
    rows = [ListingRow(name, now, False, len(name.encode()), "e" * 32, "text/plain") for name in names]
    for host, replicas in host_replicas(cluster.rings.placement("AUTH_p1", container)):
        if replicas.devices:
            merge = MergeRows("container", replicas, f"/AUTH_p1/{container}", rows)
            cluster.pool.call(host, "merge_rows", merge, MergeReply)


def change_rows(sharder: Sharder, names: Sequence[str], deleted: bool = False) -> None:
    """Add or delete rows, as changes of objects would, in the shards of a container that has some."""
    merge_rows(sharder.context, ROOT, [ListingRow(name, timestamp(), deleted, len(name.encode())) for name in names])


@pytest.fixture
def filled(store: ObjectStoreFixture, container: str) -> str:
    list_rows(store, NAMES)
    return container


def random_query(dice: random.Random) -> str:
    """Parameters of a page, most of them near names that exist."""

    def near() -> str:
        name = dice.choice(NAMES)
        return dice.choice([name, name[:-1], name + "~", name.rpartition("/")[0] + "/"])

    values = {"limit": str(dice.choice([1, 2, 7, 30, 500]))}
    for key, chance in (("marker", 0.5), ("end_marker", 0.4), ("prefix", 0.4)):
        if dice.random() < chance:
            values[key] = near()[: dice.choice([1, 2, 3, 9])]
    if dice.random() < 0.5:
        values["delimiter"] = dice.choice(["/", "/", "/", "1", "é/"])
    elif dice.random() < 0.2:
        values["path"] = dice.choice(["", "a", "a/b", "é", "none"])
        values.pop("prefix", None)
    if dice.random() < 0.5:
        values["reverse"] = "true"
    return "&".join(f"{key}={quote(value)}" for key, value in values.items())


def test_pages_are_those_of_an_undivided_twin(store: ObjectStoreFixture, filled: str, sharder: Sharder) -> None:
    twin = f"{store.account}/twin"
    assert store.client.put(twin).status_code == 201
    list_rows(store, NAMES, "twin")
    assert sharder.run() != ""
    assert shards(sharder) >= 6
    assert sharder.run() == ""
    dice = random.Random(11)
    for query in ("", *(random_query(dice) for _ in range(300))):
        assert names_of(store, filled, query) == names_of(store, twin, query), query
    assert (
        store.client.get(f"{filled}?format=json").json[0]["hash"]
        == store.client.get(f"{twin}?format=json").json[0]["hash"]
    )
    assert counted(store, filled) == counted(store, twin)
    store.drain()
    listed = store.client.get(f"{store.account}?format=json").json
    assert [(row["name"], row["count"], row["bytes"]) for row in listed] == [
        ("c", *counted(store, twin)),
        ("twin", *counted(store, twin)),
    ]


def test_a_divided_container_is_used_like_any_other(store: ObjectStoreFixture, filled: str, sharder: Sharder) -> None:
    sharder.run()
    put(store, filled, "a/new", "zzz", "a", "a/b/00")
    assert store.client.delete(f"{filled}/a/b/00").status_code == 204
    expected = sorted({*NAMES, "a/new", "zzz"} - {"a/b/00"})
    assert names_of(store, filled) == expected
    store.drain()
    assert counted(store, filled) == (len(expected), sum(len(name.encode()) for name in expected))
    more = [f"b/more/{n:03}" for n in range(100)]
    change_rows(sharder, more)
    store.drain()
    before = shards(sharder)
    assert sharder.run() != ""
    assert shards(sharder) > before
    expected = sorted({*expected, *more})
    assert names_of(store, filled) == expected
    store.drain()
    assert counted(store, filled)[0] == len(expected)


def test_only_the_shards_that_a_page_touches_are_asked(
    store: ObjectStoreFixture, filled: str, sharder: Sharder, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharder.run()
    asked: list[str] = []
    cluster = store.app.tools.cluster
    ask = cluster._ask_listing

    def counting(kind: str, placement: Placement, query: ListingQuery) -> tuple[ListingReply | None, bytes]:
        asked.extend([kind] if query.limit else [])  # others read heads, and remember them for a second
        return ask(kind, placement, query)

    monkeypatch.setattr(cluster, "_ask_listing", counting)
    for query in ("limit=3", "prefix=none", "marker=zz&end_marker=zzz", f"marker={quote(NAMES[70])}&limit=1"):
        asked.clear()
        names_of(store, filled, query)
        assert asked.count("container") <= 3, query  # the root, and one shard, or two where a range ends
    asked.clear()
    assert names_of(store, filled) == NAMES
    assert len(asked) >= shards(sharder)


def test_a_container_is_deleted_when_its_shards_list_nothing(
    store: ObjectStoreFixture, filled: str, sharder: Sharder
) -> None:
    sharder.run()
    put(store, filled, NAMES[50])
    change_rows(sharder, [name for name in NAMES if name != NAMES[50]], deleted=True)
    assert store.client.delete(filled).status_code == 409
    assert store.client.delete(f"{filled}/{quote(NAMES[50])}").status_code == 204
    assert store.client.delete(filled).status_code == 204
    assert store.client.get(filled).status_code == 404
    assert store.client.put(filled).status_code == 201
    assert names_of(store, filled) == []
    put(store, filled, "a", "z")
    assert names_of(store, filled) == ["a", "z"]


def test_an_operator_divides_a_container_and_looks_at_its_shards(
    store: ObjectStoreFixture, filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = store.configs[0]
    path = tmp_path / "objectstore.conf"
    path.write_text(
        f"[DEFAULT]\nstate = {config.state}\nstorage_bind = {config.storage_bind}\ncluster_key = {config.cluster_key}\n"
    )

    def shards_of(container: str, *more: str) -> int:
        return manage.main(["--config", str(path), "shards", "AUTH_p1", container, *more])

    assert shards_of("none") == 1
    assert "There is no container" in capsys.readouterr().err
    assert shards_of("c") == 0
    assert f"/AUTH_p1/c: {len(NAMES)} rows, " in (said := capsys.readouterr().out) and ", 0 shards" in said
    assert shards_of("c", "--divide", "100") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(f"{len(lines) - 1} shards") and len(lines) >= 4
    assert lines[1].startswith("  '' to ") and all("active" in line for line in lines[1:])
    assert names_of(store, filled) == NAMES
    assert shards_of("c", "--versions") == 1
