"""Devices, hosts, files and clients fail. The client notices nothing as long as two replicas are left."""

import hashlib
import itertools
import os
import threading
from collections.abc import Container
from pathlib import Path

import pytest

from pileus_objectstore.core import listing_cache
from pileus_objectstore.core.names import Target
from pileus_objectstore.storage import object_files
from pileus_objectstore.storage.disks import MARKER
from pileus_objectstore.testing import ObjectStoreFixture, UnpackedObjectStoreFixture
from pileus_objectstore.wire.framing import CHUNK_BYTES, Body, ConnectionBroken
from pileus_objectstore.worker import Worker

UNPACKED = True

BIG = os.urandom(3 << 20)


def replicas(store: ObjectStoreFixture, name: str = "o") -> list[Path]:
    """The files of an object in container c, on any device."""
    ring = store.app.tools.cluster.rings.placement("AUTH_p1", "c", name)
    return sorted(Path(store.config.state).glob(f"**/objects/{ring.partition}/{ring.digest}"))


def primaries(store: ObjectStoreFixture, name: str = "o") -> tuple[str, ...]:
    return store.app.tools.cluster.rings.placement("AUTH_p1", "c", name).hosts[0][1]


def unmount(store: ObjectStoreFixture, device: str) -> None:
    (store.configs[0].home / device / MARKER).rename(store.configs[0].home / device / "away")
    forget(store, device)


def mount(store: ObjectStoreFixture, device: str) -> None:
    (store.configs[0].home / device / "away").rename(store.configs[0].home / device / MARKER)
    forget(store, device)


def forget(store: ObjectStoreFixture, device: str) -> None:
    """Make the server look at the device now, not half a second later."""
    store.servers[0].host._devices[device].disk._seen = 0.0


def test_three_replicas_on_three_devices(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"x")
    assert {path.parents[2].name for path in replicas(store)} == set(primaries(store))
    assert len(replicas(store)) == 3


def test_a_device_that_is_gone_is_replaced_by_a_handoff(store: ObjectStoreFixture, container: str) -> None:
    gone = primaries(store)[0]
    store.client.get(f"{container}/o")
    unmount(store, gone)
    assert store.client.put(f"{container}/o", data=b"x").status_code == 201
    assert len(replicas(store)) == 3
    assert gone not in {path.parents[2].name for path in replicas(store)}
    assert store.client.get(f"{container}/o").data == b"x"
    mount(store, gone)
    assert store.client.get(f"{container}/o").data == b"x"


def test_the_newest_version_wins_when_a_device_comes_back(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"old")
    gone = primaries(store)[0]
    unmount(store, gone)
    store.client.put(f"{container}/o", data=b"new")
    store.client.put(f"{container}/p", data=b"p")
    mount(store, gone)
    assert store.client.get(f"{container}/o").data == b"new"
    assert store.client.get(container).data == b"o\np\n"
    unmount(store, gone)
    store.client.delete(f"{container}/o")
    mount(store, gone)
    assert store.client.get(f"{container}/o").status_code == 404
    assert store.client.get(container).data == b"p\n"


def test_without_a_quorum_nothing_is_promised(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"x")
    for device in ("d1", "d2", "d3"):
        store.client.get(container)
        store.servers[0].host.device(device)
        unmount(store, device)
    assert store.client.put(f"{container}/o", data=b"y").status_code == 503
    for device in ("d1", "d2", "d3"):
        mount(store, device)
    assert store.client.put(f"{container}/o", data=b"y").status_code == 201


@pytest.mark.parametrize("data", [b"short", BIG], ids=["short", "big"])
def test_a_full_device(store: ObjectStoreFixture, container: str, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk becomes full in the middle of an object: a handoff gets a complete copy."""
    full = store.servers[0].host.device(primaries(store)[0]).disk
    write, written = object_files.Draft.write, []

    def limited(draft: object_files.Draft, piece: bytes) -> None:
        if draft.files.disk is full:
            written.append(len(piece))
            if sum(written) > 1 << 20 or len(data) < 100:
                with full.guard():
                    raise OSError(28, "No space left on device")
        write(draft, piece)

    monkeypatch.setattr(object_files.Draft, "write", limited)
    assert store.client.put(f"{container}/o", data=data).status_code == 201
    assert len(replicas(store)) == 3
    assert full.name not in {path.parents[2].name for path in replicas(store)}
    for path in replicas(store):
        assert path.read_bytes()[: len(data)] == data
    assert not list((full.root / "tmp").iterdir())


def test_damage_is_not_delivered(store: ObjectStoreFixture, container: str) -> None:
    """If one bit of the copy that is read is wrong, the client gets the right bytes and the copy is quarantined."""
    store.client.put(f"{container}/o", data=BIG)
    first = store.servers[0].host.device(primaries(store)[0]).disk.root
    path = next(path for path in replicas(store) if path.is_relative_to(first))
    stamp = path.stat().st_mtime_ns
    with path.open("r+b") as file:
        file.seek(2 << 20)
        byte = file.read(1)
        file.seek(2 << 20)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(stamp, stamp))
    assert store.client.get(f"{container}/o").data == BIG
    assert not path.exists()
    assert len(list((first / "quarantined" / "objects").iterdir())) == 1


@pytest.mark.parametrize("harm", ["cut", "empty", "garbage"])
def test_a_damaged_trailer(store: ObjectStoreFixture, container: str, harm: str) -> None:
    store.client.put(f"{container}/o", data=b"x" * 1000)
    for path in replicas(store)[:2]:
        data = path.read_bytes()
        path.write_bytes({"cut": data[:-3], "empty": b"", "garbage": data[:-40] + os.urandom(40)}[harm])
    assert store.client.get(f"{container}/o").data == b"x" * 1000
    assert len(replicas(store)) == 1


def test_a_damaged_listing(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/o", data=b"x")
    store.stop_host(0)
    files = sorted(Path(store.config.state).glob("**/containers/*/*.db"))
    assert len(files) == 3
    for path in files[:2]:
        path.write_bytes(b"rubbish" * 1000)
    store.start_host(0)
    assert store.client.get(container).data == b"o\n"
    assert len(list(Path(store.config.state).glob("**/quarantined/containers/*.db.*"))) == 2


def test_an_update_that_fails_becomes_an_async_pending(
    store: ObjectStoreFixture, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing_cache, "FRESH_S", 1000.0)
    store.client.head(container)
    ring = store.app.tools.cluster.rings.placement("AUTH_p1", "c")
    for name in ring.hosts[0][1]:
        device = store.servers[0].host.device(name)
        device.listings.close()
        path = Path(device.listings.path("container", ring.partition, ring.digest))
        path.rename(path.with_suffix(".away"))
    assert store.client.put(f"{container}/o", data=b"x").status_code == 201
    assert list(Path(store.config.state).glob("**/pending/*"))
    for name in ring.hosts[0][1]:
        path = Path(store.servers[0].host.device(name).listings.path("container", ring.partition, ring.digest))
        path.with_suffix(".away").rename(path)
    store.drain()
    assert store.client.get(container).data == b"o\n"
    assert not list(Path(store.config.state).glob("**/pending/*"))


class Hurried:
    """A body that ends in the middle."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def read(self, most: int = -1) -> bytes:
        piece, self._left = self._left[:most], self._left[most:]
        return piece


def test_a_client_that_goes_away_leaves_nothing(store: ObjectStoreFixture, container: str) -> None:
    environ = {"CONTENT_LENGTH": str(len(BIG)), "wsgi.input": Hurried(BIG[: 1 << 20])}
    assert store.client.put(f"{container}/o", environ_overrides=environ).status_code == 499
    assert store.client.get(f"{container}/o").status_code == 404
    store.stop_host(0)
    assert not list(Path(store.config.state).glob("**/tmp/*"))
    store.start_host(0)


@pytest.fixture
def three(tmp_path: Path):  # type: ignore[no-untyped-def]
    fixture = UnpackedObjectStoreFixture(tmp_path, hosts=3, devices=2)
    fixture.client.put(f"{fixture.account}/c")
    yield fixture
    fixture.close()


def test_replicas_on_three_hosts(three: ObjectStoreFixture) -> None:
    path = f"{three.account}/c/o"
    for data in (b"x", BIG):
        assert three.client.put(path, data=data).status_code == 201
        assert len({file.relative_to(three.config.state).parts[0] for file in replicas(three)}) == 3
        assert three.client.get(path).data == data
    assert three.client.get(f"{three.account}/c").data == b"o\n"


@pytest.mark.parametrize("down", [0, 1, 2])
def test_a_host_that_is_down(three: ObjectStoreFixture, down: int) -> None:
    path = f"{three.account}/c/o"
    three.client.put(path, data=b"before")
    three.stop_host(down)
    assert three.client.get(path).data == b"before"
    assert three.client.put(path, data=BIG).status_code == 201
    assert three.client.get(path).data == BIG
    assert three.client.put(f"{three.account}/c/p", data=b"p").status_code == 201
    assert three.client.get(f"{three.account}/c").data == b"o\np\n"
    three.start_host(down)
    three.drain()
    assert three.client.delete(path).status_code == 204
    assert three.client.get(f"{three.account}/c").data == b"p\n"


def test_a_host_that_dies_in_the_middle_of_a_get(three: ObjectStoreFixture) -> None:
    """The client notices nothing: another host continues where the first one stopped."""
    three.client.put(f"{three.account}/c/o", data=BIG)
    answer = three.client.get(f"{three.account}/c/o", buffered=False)
    pieces = iter(answer.response)
    got = next(pieces)
    placement = three.app.tools.cluster.rings.placement("AUTH_p1", "c", "o")
    first = placement.hosts[0][0]
    number = next(n for n, config in enumerate(three.configs) if config.storage_bind == first)
    stopper = threading.Thread(target=three.stop_host, args=(number,))
    stopper.start()
    got += b"".join(pieces)
    stopper.join()
    assert hashlib.md5(got).hexdigest() == answer.headers["Etag"]
    three.start_host(number)


def cut(monkeypatch: pytest.MonkeyPatch, numbers: Container[int]) -> None:
    """Cut the connection at those reads of an object's body, counted from 1."""
    read, count = Body.read, itertools.count(1)

    def failing(body: Body, max_bytes: int = CHUNK_BYTES) -> bytes:
        if body._left > CHUNK_BYTES and next(count) in numbers:
            raise ConnectionBroken("cut")
        return read(body, max_bytes)

    monkeypatch.setattr(Body, "read", failing)


@pytest.mark.parametrize("numbers", [(1,), (3,), (2, 3, 4), (1, 3, 5, 7)])
def test_reading_goes_on_where_a_connection_broke(
    three: ObjectStoreFixture, monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, ...]
) -> None:
    three.client.put(f"{three.account}/c/o", data=BIG)
    cut(monkeypatch, numbers)
    assert three.client.get(f"{three.account}/c/o").data == BIG
    ranged = three.client.get(f"{three.account}/c/o", headers={"Range": "bytes=1000-2999999"})
    assert ranged.data == BIG[1000:3_000_000]


def test_a_body_that_no_replica_can_finish_is_cut_short(
    three: ObjectStoreFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    three.client.put(f"{three.account}/c/o", data=BIG)
    cut(monkeypatch, range(2, 100))
    answer = three.client.get(f"{three.account}/c/o", buffered=False)
    pieces = iter(answer.response)
    assert BIG.startswith(next(pieces))
    with pytest.raises(ConnectionBroken):
        b"".join(pieces)


def test_a_reader_never_gets_two_versions(three: ObjectStoreFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the object is replaced while its connection breaks, the body ends."""
    three.client.put(f"{three.account}/c/o", data=BIG)
    cut(monkeypatch, (2,))
    answer = three.client.get(f"{three.account}/c/o", buffered=False)
    pieces = iter(answer.response)
    assert BIG.startswith(next(pieces))
    three.client.put(f"{three.account}/c/o", data=b"new")
    with pytest.raises(ConnectionBroken):
        b"".join(pieces)


def test_many_writers_of_one_object(store: ObjectStoreFixture, container: str) -> None:
    """The last writer wins on all replicas and in the listing, and no writer gets an error."""
    statuses = []

    def write(number: int) -> None:
        for turn in range(10):
            data = f"{number}-{turn}".encode() * (1 + 50_000 * (turn % 2))
            statuses.append(store.client.put(f"{container}/o", data=data).status_code)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert set(statuses) <= {201, 202}
    assert len({path.read_bytes() for path in replicas(store)}) == 1
    got, row = store.client.get(f"{container}/o"), store.client.get(f"{container}?format=json").json[0]
    assert (row["hash"], row["bytes"]) == (got.headers["Etag"], len(got.data))
    assert hashlib.md5(got.data).hexdigest() == got.headers["Etag"]
    assert store.client.head(container).headers["X-Container-Object-Count"] == "1"


@pytest.mark.parametrize("away", [0, 1, 2])
def test_a_host_that_missed_a_deletion(three: ObjectStoreFixture, away: int) -> None:
    """It has an old version. Readers of the newest version, and all readers after a deletion, get the truth."""
    path = f"{three.account}/c/o"
    three.client.put(path, data=b"old")
    three.stop_host(away)
    assert three.client.put(path, data=b"new").status_code == 201
    three.start_host(away)
    for _ in range(2):
        assert three.client.get(path, headers={"X-Newest": "true"}).data == b"new"
        assert three.client.head(path, headers={"X-Newest": "true"}).headers["Content-Length"] == "3"
        three.app.tools.cluster._down.clear()
    copied = three.client.request("COPY", path, headers={"Destination": "c/copy"})
    assert copied.status_code == 201
    assert three.client.get(f"{three.account}/c/copy").data == b"new"


class Writer(threading.Thread):
    """Puts and deletes objects of its own, and records what was acknowledged for each."""

    def __init__(self, store: ObjectStoreFixture, number: int, over: threading.Event) -> None:
        super().__init__()
        self.store, self.over, self.number = store, over, number
        self.may_be: dict[str, set[bytes | None]] = {}
        self.done = 0

    def run(self) -> None:
        turn = 0
        while not self.over.is_set():
            turn += 1
            name = f"w{self.number}-{turn % 5}"
            data = None if turn % 7 == 0 else f"{self.number}-{turn}".encode() * (1 if turn % 3 else 50_000)
            path = f"{self.store.account}/c/{name}"
            status = (
                self.store.client.delete(path) if data is None else self.store.client.put(path, data=data)
            ).status_code
            if status in (201, 204, 404):
                self.may_be[name] = {data}
                self.done += 1
            else:
                self.may_be.setdefault(name, {None}).add(data)


def test_hosts_come_and_go_under_load(three: ObjectStoreFixture) -> None:
    """What was acknowledged is there. What was not is either there or not, but never half."""
    over = threading.Event()
    writers = [Writer(three, number, over) for number in range(4)]
    for writer in writers:
        writer.start()
    for turn in range(6):
        aim = sum(writer.done for writer in writers) + 40
        three.stop_host(turn % 3)
        while sum(writer.done for writer in writers) < aim:
            assert any(writer.is_alive() for writer in writers)
            over.wait(0.01)
        three.start_host(turn % 3)
    over.set()
    for writer in writers:
        writer.join()
    workers = [Worker(config) for config in three.configs]
    three.drain()
    for _ in range(6):
        for worker in workers:
            worker.replicator.run()
        three.drain()
    names = set(three.client.get(f"{three.account}/c").data.decode().split())
    for writer in writers:
        for name, allowed in writer.may_be.items():
            got = three.client.get(f"{three.account}/c/{name}")
            data = got.data if got.status_code == 200 else None
            assert data in allowed, name
            assert (name in names) == (data is not None), name
    for worker in workers:
        worker.stop()


def test_without_storage_hosts_requests_are_refused(store: ObjectStoreFixture, container: str) -> None:
    """Nothing that is done beside a request, such as its access log, makes an error of that."""
    store.stop_host(0)
    store.app.tools.listing_cache.forget(Target("AUTH_p1", "c"))
    for method in ("PUT", "GET", "HEAD", "POST", "DELETE"):
        assert store.client.request(method, f"{container}/o", content_length=0).status_code == 503
    store.start_host(0)
