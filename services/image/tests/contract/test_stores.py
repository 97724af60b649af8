"""What every image store must do, as drivers/base.py promises it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from stevedore import DriverManager

from pileus_image.drivers.base import BlobMissing, Store, StoreFull

MIB = 1 << 20


@pytest.fixture(params=["fake", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Found as the service finds it: by its entry point."""
    found: Store = DriverManager("pileus.image.stores", request.param).driver(tmp_path / "store")
    assert found.name == request.param
    return found


@pytest.fixture
def full(request: pytest.FixtureRequest, tmp_path: Path, store: Store) -> Iterator[Store]:
    """The same kind of store, with room for less than 4 MiB: really a small disk where it is files."""
    kind = type(store)
    if store.name == "fake":
        yield kind(None, room=3 * MIB)  # type: ignore[call-arg]
        return
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", place], check=True)
    try:
        yield kind(place)  # type: ignore[call-arg]
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def put(store: Store, blob: str, data: bytes) -> None:
    with store.writer(blob) as writer:
        writer.write(data)
        writer.commit()


def test_what_was_committed_is_read_back_from_anywhere(store: Store) -> None:
    put(store, "one", b"0123456789")
    with store.open("one") as first, store.open("one") as second:
        first.seek(4)
        assert (first.read(3), second.read()) == (b"456", b"0123456789")


def test_what_is_being_written_can_be_looked_at_and_isn_t_there_yet(store: Store) -> None:
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


def test_a_second_try_begins_anew(store: Store) -> None:
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


def test_a_full_store_says_so_and_takes_less_later(full: Store) -> None:
    with pytest.raises(StoreFull):
        with full.writer("big") as writer:
            for _ in range(4):
                writer.write(bytes(MIB))
    put(full, "small", bytes(MIB))
    assert len(full.open("small").read()) == MIB
