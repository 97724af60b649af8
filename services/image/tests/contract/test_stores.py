"""What drivers/base.py says about every image store."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from stevedore import DriverManager

from pileus_image.clients.objectstore import container_opener
from pileus_image.config import Config
from pileus_image.drivers.base import BlobMissing, Store, StoreAway, StoreFull
from pileus_image.drivers.fake import FakeStore
from pileus_image.drivers.file import FileStore
from pileus_image.drivers.object_containers import ObjectContainer, OpenContainer
from pileus_image.drivers.objectstore import Manifest, ObjectStore, SegmentReader
from pileus_image.drivers.store_specs import StoreSpec
from pileus_image.testing import image_service
from pileus_kit import decoding
from pileus_kit.testing import routed_peers
from pileus_objectstore.testing import ObjectStoreFixture

MIB = 1 << 20


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[ObjectStoreFixture]:
    """An object store with a container that the image service may use, and one that takes little."""
    fixture = ObjectStoreFixture(tmp_path / "objects")
    service = fixture.tokens.service
    for name, more in (("images", {}), ("small", {"X-Container-Meta-Quota-Bytes": str(3 * MIB)})):
        acl = f"{service.project_id}:{service.user_id}"
        headers = {"X-Container-Read": acl, "X-Container-Write": acl} | more
        assert fixture.client.request("PUT", f"{fixture.account}/{name}", headers=headers).status_code == 201
    yield fixture
    fixture.close()


@pytest.fixture(params=["fake", "file", "objectstore"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store, loaded by its entry point as the service does it."""
    kind, place, opener = request.param, str(tmp_path / "store"), None
    if kind == "objectstore":
        place, opener = "/AUTH_p1/images", opener_of(request.getfixturevalue("objects"))
    spec = StoreSpec(f"{kind}s", kind, place, Config(state=str(tmp_path)), opener)
    found: Store = DriverManager("pileus.image.stores", kind).driver.configured(spec)
    assert (found.name, found.kind) == (f"{kind}s", kind)
    return found


@pytest.fixture
def full(request: pytest.FixtureRequest, tmp_path: Path, store: Store) -> Iterator[Store]:
    """A store of the same kind with room for less than 4 MiB; the one of files is on a small disk."""
    if isinstance(store, FakeStore):
        yield FakeStore(room=3 * MIB)
        return
    if isinstance(store, ObjectStore):
        container = opener_of(request.getfixturevalue("objects"))("full", "AUTH_p1", "small")
        yield ObjectStore("full", container, "/AUTH_p1/small", segment_bytes=MIB)
        return
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", place], check=True)
    try:
        yield FileStore(place)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def opener_of(objects: ObjectStoreFixture) -> OpenContainer:
    return container_opener(routed_peers({"objectstore": objects.app}, objects.tokens.service.token))


def put(store: Store, blob: str, data: bytes) -> None:
    with store.writer(blob) as writer:
        writer.write(data)
        writer.commit()


def test_a_committed_blob_is_read_at_any_position(store: Store) -> None:
    put(store, "one", b"0123456789")
    with store.open("one") as first, store.open("one") as second:
        first.seek(4)
        assert (first.read(3), second.read()) == (b"456", b"0123456789")


def test_a_blob_that_is_being_written_is_readable_only_by_its_writer(store: Store) -> None:
    with store.writer("one") as writer:
        writer.write(b"begin")
        with writer.reader() as look:
            assert look.read() == b"begin"
        writer.write(b"+end")
        with pytest.raises(BlobMissing):
            store.open("one")
        writer.commit()
    assert store.open("one").read() == b"begin+end"


def test_leaving_without_a_commit_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        with store.writer("one") as writer:
            writer.write(b"half")
            raise ZeroDivisionError
    with pytest.raises(BlobMissing):
        store.open("one")


def test_a_second_attempt_replaces_the_first(store: Store) -> None:
    first = store.writer("one")
    first.write(b"left by who was killed")
    put(store, "one", b"whole")
    first.discard()
    assert store.open("one").read() == b"whole"


def test_deleting_is_idempotent_and_beats_a_commit(store: Store) -> None:
    store.delete("never was")
    with store.writer("one") as writer:
        writer.write(b"x")
        store.delete("one")
        with pytest.raises(BlobMissing):
            writer.commit()
    put(store, "one", b"y")
    store.delete("one")
    store.delete("one")
    with pytest.raises(BlobMissing):
        store.open("one")


def test_a_reader_goes_on_when_the_blob_is_deleted(store: Store) -> None:
    put(store, "one", b"0123456789")
    with store.open("one") as reader:
        store.delete("one")
        assert reader.read() == b"0123456789"


def test_a_full_store_raises_store_full_until_there_is_room(full: Store) -> None:
    with pytest.raises(StoreFull):
        with full.writer("big") as writer:
            for _ in range(4):
                writer.write(bytes(MIB))
    put(full, "small", bytes(MIB))
    assert len(full.open("small").read()) == MIB


def test_blobs_of_several_segments_in_the_object_store(objects: ObjectStoreFixture) -> None:
    """What was written is read anywhere, also before the end; a deleted blob breaks off, and nothing is left of it."""
    container = opener_of(objects)("images", "AUTH_p1", "images")
    store = ObjectStore("images", container, "/AUTH_p1/images", segment_bytes=1000)
    data = random.Random(7).randbytes(4500)
    with store.writer("one") as writer:
        for first in range(0, len(data), 700):
            writer.write(data[first : first + 700])
        with writer.reader() as reader:
            assert reader.read() == data
            reader.seek(-600, 2)
            assert reader.read() == data[-600:]
        writer.commit()
    with store.open("one") as reader:
        for at in (0, 999, 1000, 3500, 4499, 4500, 9000):
            reader.seek(at)
            assert reader.read(1200) == data[at : at + 1200]
    with SegmentReader(container, "one", manifest_of(container, "one")) as raw:
        raw.seek(1500)
        store.delete("one")
        with pytest.raises(BlobMissing):
            raw.read(10)
    with store.writer("one") as writer:
        writer.write(data)
    objects.drain()
    assert list(container.list_names("")) == []


def manifest_of(container: ObjectContainer, blob: str) -> Manifest:
    return decoding.decode(container.get(f"{blob}/whole") or b"", Manifest)


def test_an_object_store_that_is_away_or_refuses(objects: ObjectStoreFixture) -> None:
    closed = ObjectStore("closed", opener_of(objects)("closed", "AUTH_p1", "other"), "/AUTH_p1/other")
    for call in (lambda: closed.open("one"), lambda: closed.writer("one"), lambda: closed.delete("one")):
        with pytest.raises(StoreAway, match="Image store closed does not answer"):
            call()
    away = ObjectStore("away", container_opener(routed_peers({}))("away", "AUTH_p1", "images"), "/AUTH_p1/images")
    with pytest.raises(StoreAway, match="Image store away does not answer"):
        away.open("one")


@pytest.mark.parametrize("place", ["", "/AUTH_p1", "/AUTH_p1/a/b"])
def test_an_object_store_needs_a_container(tmp_path: Path, place: str) -> None:
    with pytest.raises(ValueError, match="needs /ACCOUNT/CONTAINER"):
        ObjectStore.configured(StoreSpec("a", "objectstore", place, Config(state=str(tmp_path)), container_opener))  # type: ignore[arg-type]


def test_images_are_uploaded_copied_and_read_in_the_object_store(tmp_path: Path, objects: ObjectStoreFixture) -> None:
    backends = ("file:file", "archive:objectstore:/AUTH_p1/images")
    data = random.Random(8).randbytes(20 * MIB)
    with image_service(tmp_path / "image", enabled_backends=backends, open_container=opener_of(objects)) as service:
        image = service.image(content=data)
        body = {"method": {"name": "copy-image"}, "stores": ["archive"]}
        path = f"/v2/images/{image['id']}"
        assert service.client.post(f"{path}/import", json=body, as_=service.book.admin).status_code == 202
        service.drain()
        assert service.show(image)["stores"] == "file,archive"
        assert service.client.delete(f"/v2/stores/file/{image['id']}", as_=service.book.admin).status_code == 204
        assert service.client.get(f"{path}/file").data == data
        part = service.client.get(f"{path}/file", headers={"Range": "bytes=16777200-16777300"})
        assert (part.status_code, part.data) == (206, data[16777200:16777301])
        objects.stop_host(0)
        assert service.client.get(f"{path}/file").status_code == 503
        objects.start_host(0)
        assert service.client.delete(path).status_code == 204
        service.drain()
    objects.drain()
    assert list(opener_of(objects)("images", "AUTH_p1", "images").list_names("")) == []
