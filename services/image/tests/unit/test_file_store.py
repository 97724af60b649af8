from pathlib import Path

import pytest

from pileus_image.drivers.base import BlobMissing, StoreFull
from pileus_image.drivers.file import FileStore


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path)


def files(tmp_path):
    return [path.name for path in tmp_path.rglob("*") if path.is_file()]


def test_a_blob_is_whole_or_missing(store, tmp_path):
    with store.writer("abc") as writer:
        writer.write(b"one")
        with pytest.raises(BlobMissing):
            store.open("abc")
        with writer.reader() as file:
            assert file.read() == b"one"
        writer.write(b"two")
        writer.commit()
    with store.open("abc") as file:
        assert file.read() == b"onetwo"
    store.delete("abc")
    store.delete("abc")
    assert files(tmp_path) == []


def test_an_uncommitted_blob_is_deleted(store, tmp_path):
    with pytest.raises(RuntimeError):
        with store.writer("abc") as writer:
            writer.write(b"one")
            raise RuntimeError
    assert files(tmp_path) == []


def test_a_large_blob_is_flushed_on_the_way(store, monkeypatch):
    monkeypatch.setattr("pileus_image.drivers.file.FLUSH_BYTES", 10)
    with store.writer("abc") as writer:
        for _ in range(20):
            writer.write(b"seven b")
        writer.commit()
    assert store.open("abc").read() == b"seven b" * 20


def test_a_later_attempt_overwrites_what_a_dead_one_left(store):
    store.writer("abc").write(b"a long first attempt")
    with store.writer("abc") as writer:
        writer.write(b"second")
        writer.commit()
    assert store.open("abc").read() == b"second"


def test_deleting_a_blob_that_is_being_written(store, tmp_path):
    with store.writer("abc") as writer:
        writer.write(b"one")
        store.delete("abc")
        with pytest.raises(BlobMissing):
            writer.commit()
    assert files(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_raises_store_full(store, tmp_path):
    (tmp_path / "partial" / "abc").symlink_to("/dev/full")
    with pytest.raises(StoreFull):
        with store.writer("abc") as writer:
            writer.write(b"one")
