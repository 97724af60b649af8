"""What drivers/base.py says about every image store."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from stevedore import DriverManager

from pileus_image.config import Config
from pileus_image.drivers.base import BlobMissing, Store, StoreFull
from pileus_image.drivers.fake import FakeStore
from pileus_image.drivers.file import FileStore
from pileus_image.drivers.store_specs import StoreSpec

MIB = 1 << 20


@pytest.fixture(params=["fake", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store, loaded by its entry point as the service does it."""
    kind = request.param
    spec = StoreSpec(f"{kind}s", kind, str(tmp_path / "store"), Config(state=str(tmp_path)))
    found: Store = DriverManager("pileus.image.stores", kind).driver.configured(spec)
    assert (found.name, found.kind) == (f"{kind}s", kind)
    return found


@pytest.fixture
def full(request: pytest.FixtureRequest, tmp_path: Path, store: Store) -> Iterator[Store]:
    """A store of the same kind with room for less than 4 MiB; the one of files is on a small disk."""
    if isinstance(store, FakeStore):
        yield FakeStore(room=3 * MIB)
        return
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", place], check=True)
    try:
        yield FileStore(place)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


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
